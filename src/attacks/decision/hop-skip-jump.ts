import type { AttackSession } from '../attack.ts';
import { fillNormal, scaleToOne } from '../normal-noise.ts';
import { clampToRange } from '../norms/clamp.ts';
import type { Question, Search } from '../questions.ts';
import { findStart } from './starts.ts';
import { createVotes, type VoteNorm } from './votes.ts';
import { approach, fools, walkTogether, type Walk, type WalkOptions } from './walk.ts';

export interface HopSkipJumpParameters extends WalkOptions {
  /** Points tried at random for a start. */
  readonly guesses: number;
  /** Points that vote on the first direction; the t-th direction has √t times as many. */
  readonly firstVotes: number;
  readonly mostVotes: number;
}

/**
 * HopSkipJump. At a point on the boundary, points around it vote on the direction that leads away from the label; a step
 * in that direction, halved until it is adversarial; then back to the boundary along the way to the original.
 *
 * @see Chen, Jordan & Wainwright (2020), IEEE S&P, arXiv 1904.02144
 */
export async function runHopSkipJump(
  session: AttackSession,
  parameters: HopSkipJumpParameters,
): Promise<void> {
  await walkTogether(session, parameters, (walk) => search(walk, parameters));
}

function* search(walk: Walk, { guesses, firstVotes, mostVotes }: HopSkipJumpParameters): Search {
  const norm = walk.norm as VoteNorm; // the definition offers no other
  const point = yield* findStart(walk, guesses);
  if (point === undefined) return;
  const tolerance = toleranceOf(norm, walk.features);
  yield* approach(walk, point, tolerance);
  for (let step = 0; ; step++) {
    const distance = walk.distance(point);
    if (!(distance > 0)) return;
    const { radius, votes, size } = planOf(step, { walk, distance, firstVotes, mostVotes });
    const direction = yield* voteOnDirection(walk, point, { radius, count: votes });
    yield* leap(walk, point, { direction, size });
    yield* approach(walk, point, tolerance);
  }
}

/** Of the width of the range: how far from the first point its votes are. */
const FIRST_RADIUS = 0.1;

export interface Plan {
  /** How far from the point its votes are, in L2. */
  readonly radius: number;
  readonly votes: number;
  /** First size of the step that is tried. */
  readonly size: number;
}

/**
 * What step t (from 0) does at distance D: radius 0.1 of the range first, then D / d in both norms (√d·d^−1.5 in L2 and
 * d·d^−2 in Linf); √(t + 1) times the first votes; a step of D / √(t + 1).
 */
export function planOf(
  step: number,
  {
    walk,
    distance,
    firstVotes,
    mostVotes,
  }: {
    readonly walk: Pick<Walk, 'range' | 'features'>;
    readonly distance: number;
    readonly firstVotes: number;
    readonly mostVotes: number;
  },
): Plan {
  const [low, high] = walk.range;
  return {
    radius: step === 0 ? FIRST_RADIUS * (high - low) : distance / walk.features,
    votes: Math.min(Math.floor(firstVotes * Math.sqrt(step + 1)), mostVotes),
    size: distance / Math.sqrt(step + 1),
  };
}

/** Share of the way at which the bisection ends: d^−1.5 in L2, d^−2 in Linf; never more than a thousandth. */
export function toleranceOf(norm: VoteNorm, features: number): number {
  return Math.min(features ** (norm === 'l2' ? -1.5 : -2), 1e-3);
}

interface Poll {
  readonly radius: number;
  readonly count: number;
}

function* voteOnDirection(
  walk: Walk,
  point: Float32Array,
  { radius, count }: Poll,
): Generator<Question, Float64Array, void> {
  const norm = walk.norm as VoteNorm; // as above
  const votes = createVotes(norm, walk.features);
  const noise = new Float64Array(walk.features);
  yield {
    count,
    write(into) {
      drawNoise(norm, noise, walk);
      for (let j = 0; j < noise.length; j++) into[j] = point[j]! + radius * noise[j]!;
      clampToRange(into, walk.range);
    },
    take: (answer, asked) => votes.add(answer === 1, asked, point),
  };
  return votes.direction();
}

/** A direction of length 1 in L2: normal draws in L2, uniform ones in Linf. */
function drawNoise(norm: VoteNorm, noise: Float64Array, { rng }: Walk): void {
  if (norm === 'l2') fillNormal(noise, rng);
  else for (let j = 0; j < noise.length; j++) noise[j] = rng.uint32() / 2 ** 31 - 1;
  scaleToOne(noise);
}

/** Sizes that are tried at most: the last is a billionth of the first. */
const HALVINGS = 30;

/** Steps in a direction, half as far each time until that is adversarial; otherwise stays. */
function* leap(
  walk: Walk,
  point: Float32Array,
  { direction, size }: { readonly direction: Float64Array; readonly size: number },
): Generator<Question, void, void> {
  const trial = new Float32Array(walk.features);
  for (let halving = 0; halving < HALVINGS; halving++) {
    const length = size / 2 ** halving;
    for (let j = 0; j < trial.length; j++) trial[j] = point[j]! + length * direction[j]!;
    clampToRange(trial, walk.range);
    if (!(yield* fools(trial))) continue;
    point.set(trial);
    return;
  }
}
