import type { AttackSession } from '../attack.ts';
import type { Question, Search } from '../questions.ts';
import { drawGuess, findStart } from './starts.ts';
import { approach, blend, fools, walkTogether, type Walk, type WalkOptions } from './walk.ts';
import { permutation } from '../../domain/rng.ts';

export interface BlendedNoiseParameters extends WalkOptions {
  /** Points tried at random for a start, of each round. */
  readonly guesses: number;
  /** Blends between the original and the noise that are asked, evenly spaced. */
  readonly blends: number;
}

/**
 * Blended uniform noise: finds noise that fools the target, walks from the original towards it, and bisects where the
 * target is fooled first. Then with other noise, as long as there are queries: blends farther than the nearest so far are
 * not asked.
 */
export async function runBlendedNoise(
  session: AttackSession,
  parameters: BlendedNoiseParameters,
): Promise<void> {
  await walkTogether(session, parameters, (walk) => searchBlends(walk, parameters));
}

function* searchBlends(walk: Walk, { guesses, blends, queries }: BlendedNoiseParameters): Search {
  const first = yield* findStart(walk, guesses);
  if (first === undefined) return;
  let best = yield* nearestBlend(walk, first, { blends, below: Infinity });
  const noise = new Float32Array(walk.features);
  // Each round asks at least once; the bound only says so to those who read.
  for (let round = 0; round < queries; round++) {
    drawGuess(walk, 4 * round, noise);
    if (yield* fools(noise)) best = Math.min(best, yield* nearestBlend(walk, noise, { blends, below: best }));
  }
}

const BISECTED_TO = 1e-4;

/** Asks evenly spaced blends at once, and bisects below the first that fools. Returns its distance. */
function* nearestBlend(
  walk: Walk,
  far: Float32Array,
  { blends, below }: { readonly blends: number; readonly below: number },
): Generator<Question, number, void> {
  const shares = Array.from({ length: blends }, (_, i) => (i + 1) / blends);
  const reach = walk.distance(far);
  const asked = shares.filter((share) => share * reach < below);
  if (asked.length === 0) return below;
  const nearest = far.slice();
  const found = { any: false };
  yield {
    count: asked.length,
    write: (into, i) => blend(walk, far, { share: asked[i]!, into }),
    take: (answer, point) => {
      if (answer !== 1 || found.any) return;
      found.any = true;
      nearest.set(point);
    },
  };
  if (!found.any && asked.length < shares.length) return below;
  yield* approach(walk, nearest, BISECTED_TO);
  return walk.distance(nearest);
}

export type SaltAndPepperParameters = WalkOptions;

/**
 * Salt and pepper: pixels in a random order become black or white, all channels together, and bisection finds how few of
 * them fool the target. Then again in other orders, with fewer pixels than the best so far.
 */
export async function runSaltAndPepper(
  session: AttackSession,
  parameters: SaltAndPepperParameters,
): Promise<void> {
  await walkTogether(session, parameters, searchPixels);
}

/** Orders in a row without a pixel that is nearer than the best, after which the search ends. */
const IDLE_ROUNDS = 50;

function* searchPixels(walk: Walk): Search {
  const pixels = walk.image.height * walk.image.width;
  const point = new Float32Array(walk.features);
  let best = Infinity;
  let idle = 0;
  while (idle < IDLE_ROUNDS) {
    const order = permutation(pixels, walk.rng);
    const salt = Uint8Array.from({ length: pixels }, () => walk.rng.uint32() & 1);
    const put = (count: number): number => {
      sprinkle(walk, point, { order, salt, count });
      return walk.distance(point);
    };
    // The distance grows with the pixels, so those nearer than the best are the first few.
    let high = nearerThan(best, pixels, put);
    idle = high === 0 ? idle + 1 : 0;
    if (high === 0) continue;
    put(high);
    if (!(yield* fools(point))) continue;
    let low = 0;
    best = walk.distance(point);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      put(middle);
      if (yield* fools(point)) {
        high = middle;
        best = walk.distance(point);
      } else low = middle;
    }
  }
}

/** The most pixels with which the distance stays below a limit; 0 when a single one is too far. */
function nearerThan(limit: number, pixels: number, distanceOf: (count: number) => number): number {
  if (limit === Infinity) return pixels;
  let [low, high] = [0, pixels + 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (distanceOf(middle) < limit) low = middle;
    else high = middle;
  }
  return low;
}

interface Sprinkle {
  readonly order: Uint32Array;
  /** 1 for white. By pixel. */
  readonly salt: Uint8Array;
  readonly count: number;
}

function sprinkle(
  { original, image: { channels }, range }: Walk,
  into: Float32Array,
  { order, salt, count }: Sprinkle,
): void {
  into.set(original);
  for (let k = 0; k < count; k++) {
    const pixel = order[k]!;
    const value = range[salt[pixel]!]!;
    for (let at = pixel * channels; at < (pixel + 1) * channels; at++) into[at] = value;
  }
}
