import { clampToRange } from '../norms/clamp.ts';
import type { Question } from '../questions.ts';
import { fools, type Walk } from './walk.ts';

/** x₀ + length · direction, cut to the range. */
export function pointOnRay(
  { original, range }: Walk,
  direction: Float64Array,
  { length, into }: { readonly length: number; readonly into: Float32Array },
): void {
  for (let j = 0; j < into.length; j++) into[j] = original[j]! + length * direction[j]!;
  clampToRange(into, range);
}

export interface RaySearch {
  /** Where the search begins, above 0. */
  readonly guess: number;
  /** Nothing is looked for beyond. */
  readonly most: number;
  /** Share of the length at which the bisection ends. */
  readonly tolerance: number;
}

/** What the length is multiplied or divided by until the boundary lies between two lengths. */
const STRIDE = 1.5;

/**
 * Looks for the length at which a ray from the example crosses the boundary, near `guess`: outwards from there until the
 * target is fooled, or inwards while it is, then bisection. The nearest fooled point is written into `point`.
 *
 * @returns its length; undefined where the ray fools nobody up to `most`, and `point` is then left as it was
 */
export function* searchRay(
  walk: Walk,
  direction: Float64Array,
  { point, guess, most, tolerance }: RaySearch & { readonly point: Float32Array },
): Generator<Question, number | undefined, void> {
  const trial = new Float32Array(walk.features);
  const isFooledAt = function* (length: number): Generator<Question, boolean, void> {
    pointOnRay(walk, direction, { length, into: trial });
    if (!(yield* fools(trial))) return false;
    point.set(trial);
    return true;
  };
  let high = Math.min(guess, most);
  let low = 0;
  if (yield* isFooledAt(high)) {
    for (low = high / STRIDE; yield* isFooledAt(low); low /= STRIDE) {
      high = low;
      if (!(low > 1e-9 * most)) return high;
    }
  } else {
    do {
      if (high >= most) return undefined;
      low = high;
      high = Math.min(most, high * STRIDE);
    } while (!(yield* isFooledAt(high)));
  }
  while (high - low > tolerance * high) {
    const middle = (low + high) / 2;
    if (yield* isFooledAt(middle)) high = middle;
    else low = middle;
  }
  return high;
}
