import {
  crossGenomes,
  drawGenome,
  mutateGenome,
  nicheOf,
  type Genome,
  type GrammarSubject,
} from '../../attacks/explorer/grammar.ts';
import { hashJson } from '../../domain/hashing.ts';
import { createRng, type Rng } from '../../domain/rng.ts';
import type { ExploreSettings } from './settings.ts';
import type { Trial } from './trial.ts';

/** A genome with what it was worth at the largest budget that it was tried with. */
export interface Scored {
  readonly genome: Genome;
  readonly reward: number;
}

export interface SearchOptions {
  readonly settings: ExploreSettings;
  readonly subject: GrammarSubject;
  readonly seed: number;
  /** Tries a genome with so many gradients per example, and says how much better than the control it came out. */
  readonly tryGenome: (genome: Genome, gradients: number) => Promise<number>;
  /** Whether the budget of the whole search is used up. */
  readonly isSpent: () => boolean;
  readonly onRung?: (place: {
    readonly generation: number;
    readonly rung: number;
    readonly tried: number;
  }) => void;
}

/**
 * Successive halving within a round, the best of each niche between rounds (MAP-Elites): a round begins with candidates
 * at a small budget, and one of `keep` goes on to a budget `keep` times as large; the survivors of the last budget take
 * their niche when they are better than who has it. Later rounds begin half from those who have a niche, changed or
 * crossed, half from new draws. Draws are those of (seed, round, candidate), so the search is the same whenever it runs.
 *
 * @see Jamieson & Talwalkar (2016), AISTATS, arXiv 1502.07943; Mouret & Clune (2015), arXiv 1504.04909
 */
export async function searchRecipes(options: SearchOptions): Promise<readonly Scored[]> {
  const { settings, isSpent } = options;
  const elites = new Map<string, Scored>();
  for (let generation = 0; generation < settings.generations && !isSpent(); generation++) {
    const survivors = await runRound(options, generation, candidatesOf(options, generation, elites));
    for (const scored of survivors) {
      const niche = nicheOf(scored.genome);
      const best = elites.get(niche);
      if (best === undefined || scored.reward > best.reward) elites.set(niche, scored);
    }
  }
  return [...elites.values()].sort(byReward);
}

function candidatesOf(
  { settings, subject, seed }: SearchOptions,
  generation: number,
  elites: ReadonlyMap<string, Scored>,
): Genome[] {
  const parents = [...elites.values()].sort(byReward);
  const seen = new Set<string>();
  const chosen: Genome[] = [];
  // Some draws are drawn twice; a grammar of few recipes may have no more.
  for (let attempt = 0; attempt < 4 * settings.candidates && chosen.length < settings.candidates; attempt++) {
    const rng = createRng('explore', seed, generation, attempt);
    const isChild = parents.length > 0 && chosen.length % 2 === 1;
    const genome = isChild ? childOf(parents, rng, subject) : drawGenome(rng, subject);
    const key = hashJson(genome);
    if (seen.has(key)) continue;
    seen.add(key);
    chosen.push(genome);
  }
  return chosen;
}

/** Better parents are taken more often: the better of two drawn. */
function childOf(parents: readonly Scored[], rng: Rng, subject: GrammarSubject): Genome {
  const parent = (): Genome =>
    parents[Math.min(rng.below(parents.length), rng.below(parents.length))]!.genome;
  if (rng.below(3) === 0) return crossGenomes([parent(), parent()], rng, subject);
  return mutateGenome(parent(), rng, subject);
}

async function runRound(
  { settings, tryGenome, isSpent, onRung }: SearchOptions,
  generation: number,
  candidates: readonly Genome[],
): Promise<Scored[]> {
  let standing: readonly Genome[] = candidates;
  let scored: Scored[] = [];
  for (let rung = 0; rung < settings.rungs; rung++) {
    const gradients = settings.firstGradients * settings.keep ** rung;
    scored = await Promise.all(
      standing.map(async (genome) => ({ genome, reward: await tryGenome(genome, gradients) })),
    );
    scored.sort(byReward);
    onRung?.({ generation, rung, tried: standing.length });
    if (rung === settings.rungs - 1 || isSpent()) break;
    standing = diverse(scored, Math.max(1, Math.ceil(scored.length / settings.keep))).map(
      ({ genome }) => genome,
    );
  }
  return scored;
}

/** The best, but of one niche no more than half. */
function diverse(scored: readonly Scored[], wanted: number): readonly Scored[] {
  const most = Math.max(1, Math.ceil(wanted / 2));
  const counts = new Map<string, number>();
  const first = scored.filter(({ genome }) => {
    const niche = nicheOf(genome);
    const count = (counts.get(niche) ?? 0) + 1;
    counts.set(niche, count);
    return count <= most;
  });
  return first.slice(0, wanted);
}

function byReward(a: Scored, b: Scored): number {
  return b.reward - a.reward || (hashJson(a.genome) < hashJson(b.genome) ? -1 : 1);
}

/**
 * How much nearer a recipe came than its control, on average over the examples: the difference of the largest margins
 * inside the ball, in units of the clean margin, both cut at 0 where they have succeeded. Not binary, so that few
 * examples say much.
 *
 * @param scale size of the clean margin, by example, above 0
 */
export function rewardOf(trial: Trial, control: Trial, scale: ArrayLike<number>): number {
  let sum = 0;
  trial.margins.forEach((margin, i) => {
    const gained = nearness(margin, scale[i]!) - nearness(control.margins[i]!, scale[i]!);
    sum += gained;
  });
  return trial.margins.length === 0 ? 0 : sum / trial.margins.length;
}

/** 1 for a success, 0 for no nearer than the clean example, in between by margin; never below −1. */
export function nearness(margin: number, scale: number): number {
  return Math.max(-1, Math.min(1, 1 + Math.min(0, margin) / scale));
}
