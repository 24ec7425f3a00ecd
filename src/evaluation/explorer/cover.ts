import type { Recipe } from '../../domain/recipe.ts';
import { nearness } from './search.ts';
import type { Trial } from './trial.ts';

/** A find with what it did to the examples on which finds are chosen. */
export interface Finalist {
  readonly recipe: Recipe;
  readonly trial: Trial;
}

/** Weight of nearness beside success: less than one example's fall, however many come nearer. */
const NEAR = 0.25;

/**
 * A small set of recipes that together do as much as possible: again and again the one is added that gains most per
 * cost, until nothing fits into the budget; where none gains anything on these examples, the one that by itself does most
 * per cost, since others will come. What a set is worth is, summed over the examples, the
 * best of its members (1 for a success, less by how near it came), so the greedy set is within a constant factor of the
 * best one.
 *
 * @param scale size of the clean margin, by example     @param budget most that the set may cost, in forward passes
 * @see Liu et al. (2023), arXiv 2211.12713 (AutoAE); Sviridenko (2004), Oper. Res. Lett. 32(1):41–43
 */
export function coverGreedily(
  finalists: readonly Finalist[],
  { scale, budget }: { readonly scale: ArrayLike<number>; readonly budget: number },
): readonly Finalist[] {
  const chosen: Finalist[] = [];
  const best = new Float64Array(scale.length);
  let left = budget;
  for (;;) {
    const gains = finalists
      .filter((finalist) => !chosen.includes(finalist) && finalist.trial.compute <= left)
      .map((finalist) => ({ finalist, ...perCost(finalist.trial, best, scale) }))
      .sort((a, b) => b.gain - a.gain || b.alone - a.alone);
    const next = gains[0]?.finalist;
    if (next === undefined) return chosen;
    chosen.push(next);
    left -= next.trial.compute;
    next.trial.margins.forEach((_, i) => (best[i] = Math.max(best[i]!, worth(next.trial, i, scale))));
  }
}

/** Worth that a recipe adds to the set, and has alone, per forward pass. Gains of nothing but rounding are none. */
function perCost(
  trial: Trial,
  best: Float64Array,
  scale: ArrayLike<number>,
): { readonly gain: number; readonly alone: number } {
  const gain = gainOf(trial, best, scale);
  const alone = gainOf(trial, new Float64Array(best.length), scale);
  return { gain: gain > 1e-9 ? gain / trial.compute : 0, alone: alone / trial.compute };
}

function gainOf(trial: Trial, best: Float64Array, scale: ArrayLike<number>): number {
  return trial.margins.reduce((sum, _, i) => sum + Math.max(0, worth(trial, i, scale) - best[i]!), 0);
}

function worth({ success, margins }: Trial, i: number, scale: ArrayLike<number>): number {
  return success[i] === 1 ? 1 : NEAR * Math.max(0, nearness(margins[i]!, scale[i]!));
}
