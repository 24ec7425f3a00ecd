import { measureOf } from '../../domain/distance.ts';
import type { Rng } from '../../domain/rng.ts';
import type { Norm } from '../../domain/threat-model.ts';
import type { AttackSession } from '../attack.ts';
import { float32Range } from '../norms/clamp.ts';
import { searchTogether, type Question, type Search } from '../questions.ts';
import { imageShape, type ImageShape } from '../square/windows.ts';
import { decisionSession, type DecisionSession } from './oracle.ts';

/** What the search for the nearest adversarial of one example works with. */
export interface Walk {
  /** Shape [features]. */
  readonly original: Float32Array;
  readonly features: number;
  readonly image: ImageShape;
  readonly norm: Norm;
  /** Ends of the range as float32. */
  readonly range: readonly [number, number];
  readonly rng: Rng;
  /** An adversarial to begin from, where one was given. */
  readonly given: Float32Array | undefined;
  /** Distance from the original in the threat model's norm. */
  readonly distance: (point: Float32Array) => number;
}

export interface WalkOptions {
  readonly queries: number;
  readonly batchRows?: number | undefined;
}

/** Runs an attack by decisions: one search for each live example, asked together. */
export async function walkTogether(
  attackSession: AttackSession,
  options: WalkOptions,
  search: (walk: Walk) => Search,
): Promise<void> {
  const session = decisionSession(attackSession);
  await searchTogether(session, (example) => search(walkOf(session, example)), {
    ...options,
    answer: session.isFooled,
  });
}

function walkOf(
  { originals, features, threat, inputShape, rng, starts }: DecisionSession,
  example: number,
): Walk {
  const measure = measureOf(threat, features);
  const rowOf = (values: Float32Array): Float32Array =>
    values.subarray(example * features, (example + 1) * features);
  return {
    original: rowOf(originals),
    features,
    image: imageShape(inputShape),
    norm: threat.norm,
    range: float32Range(threat.range),
    rng: rng(example, 'walk'),
    given: starts === undefined ? undefined : rowOf(starts),
    distance: (point) => measure({ values: originals, row: example }, { values: point, row: 0 }),
  };
}

/** Asks about one point, which is moved to where constraints allow. */
export function* fools(point: Float32Array): Generator<Question, boolean, void> {
  let isFooled = false;
  yield {
    count: 1,
    write: (into) => into.set(point),
    take: (answer, asked) => {
      isFooled = answer === 1;
      point.set(asked);
    },
  };
  return isFooled;
}

/**
 * Moves an adversarial point towards the original, in place, as near as it stays adversarial: bisection until the
 * bracket is a share `tolerance` of the way. In Linf the way is to cut the perturbation at ever smaller sizes, which is
 * the projection of the norm; else it is the straight line.
 */
export function* approach(
  walk: Walk,
  point: Float32Array,
  tolerance: number,
): Generator<Question, void, void> {
  const far = point.slice();
  const size = walk.norm === 'linf' ? farthestMove(walk, far) : 1;
  const trial = new Float32Array(walk.features);
  let low = 0;
  let high = 1;
  while (high - low > Math.max(tolerance, LEAST_TOLERANCE)) {
    const share = (low + high) / 2;
    if (walk.norm === 'linf') cutAt(walk, far, { size: share * size, into: trial });
    else blend(walk, far, { share, into: trial });
    if (yield* fools(trial)) {
      high = share;
      point.set(trial);
    } else low = share;
  }
}

/** Below this, halves are no longer told apart in float32. */
const LEAST_TOLERANCE = 1e-6;

/** x₀ + share · (far − x₀). */
export function blend(
  { original }: Pick<Walk, 'original'>,
  far: Float32Array,
  { share, into }: { readonly share: number; readonly into: Float32Array },
): void {
  for (let j = 0; j < into.length; j++) into[j] = original[j]! + share * (far[j]! - original[j]!);
}

function cutAt(
  { original }: Walk,
  far: Float32Array,
  { size, into }: { readonly size: number; readonly into: Float32Array },
): void {
  for (let j = 0; j < into.length; j++) {
    const x = original[j]!;
    into[j] = Math.min(Math.max(far[j]!, x - size), x + size);
  }
}

function farthestMove({ original }: Walk, point: Float32Array): number {
  let most = 0;
  for (let j = 0; j < point.length; j++) most = Math.max(most, Math.abs(point[j]! - original[j]!));
  return most;
}
