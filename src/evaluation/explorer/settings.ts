import { z } from 'zod';

const count = (most: number, standard: number, what: string) =>
  z.int().min(1).max(most).default(standard).describe(`${what} Default ${standard}.`);

/** How an exploration searches. */
export const exploreSettingsSchema = z.strictObject({
  rows: count(10_000, 64, 'Examples that candidates are compared on: those nearest to falling.'),
  generations: count(1_000, 3, 'Rounds of candidates; each round after the first half from the best so far.'),
  candidates: count(10_000, 27, 'Recipes that a round begins with.'),
  keep: count(100, 3, 'Of so many candidates one goes on to the next, larger budget.'),
  firstGradients: count(100_000, 10, 'Gradients per example of the first budget.'),
  rungs: count(10, 3, 'Budgets of a round; each is `keep` times the one before.'),
  finalists: count(100, 8, 'Finds that are tried on all examples at the end.'),
  finalGradients: count(100_000, 100, 'Gradients per example of a find.'),
  portfolioCompute: count(
    10_000_000,
    2_900,
    'Most that the finds of the portfolio cost together per example that withstands them all, in forward passes; a gradient counts as three. A quarter of autoattack-standard.',
  ),
  gradients: count(
    Number.MAX_SAFE_INTEGER,
    5_000_000,
    'Gradients of the whole search, over all examples; no new round begins beyond.',
  ),
  forwards: count(
    Number.MAX_SAFE_INTEGER,
    20_000_000,
    'Forward passes of the whole search, over all examples; no new round begins beyond.',
  ),
});

export type ExploreSettings = z.output<typeof exploreSettingsSchema>;
