import type { AttackSession } from '../attack.ts';
import { fillNormal, scaleToOne } from '../normal-noise.ts';
import { clampToRange } from '../norms/clamp.ts';
import type { Question, Search } from '../questions.ts';
import { searchRay } from './ray.ts';
import { findStart } from './starts.ts';
import { createVotes, type VoteNorm } from './votes.ts';
import { approach, walkTogether, type Walk, type WalkOptions } from './walk.ts';

export interface GeoDaParameters extends WalkOptions {
  readonly guesses: number;
  readonly firstVotes: number;
  /** Every direction has so many times the votes of the one before. */
  readonly growth: number;
  /** How far from the boundary the votes are, as a share of the width of the range, in L2. */
  readonly radius: number;
}

const TOLERANCE = 1e-3;

/**
 * GeoDA. Boundaries of deep networks are nearly flat near the example: from a point on the boundary, points around it
 * vote on its normal w, and the nearest point of a flat boundary lies from the example along w itself (L2) or sign w
 * (Linf); there the next point on the boundary is looked for. More votes go to later normals, as the paper shows is best.
 *
 * @see Rahmati et al. (2020), CVPR, arXiv 2003.06468: algorithm 1, without its subspace of low frequencies
 */
export async function runGeoDa(session: AttackSession, parameters: GeoDaParameters): Promise<void> {
  await walkTogether(session, parameters, (walk) => search(walk, parameters));
}

function* search(walk: Walk, { guesses, firstVotes, growth, radius }: GeoDaParameters): Search {
  const norm = walk.norm as VoteNorm; // the definition offers no other
  const point = yield* findStart(walk, guesses);
  if (point === undefined) return;
  yield* approach(walk, point, TOLERANCE);
  const [low, high] = walk.range;
  const width = high - low;
  // Along sign w lengths are those of Linf, along w those of L2.
  const most = norm === 'linf' ? width : width * Math.sqrt(walk.features);
  for (let step = 0; walk.distance(point) > 0; step++) {
    const votes = createVotes(norm, walk.features);
    yield* vote(walk, point, {
      votes,
      radius: radius * width,
      count: Math.ceil(firstVotes * growth ** step),
    });
    const found = point.slice();
    const guess = walk.distance(point);
    yield* searchRay(walk, votes.direction(), { point: found, guess, most, tolerance: TOLERANCE });
    if (walk.distance(found) < walk.distance(point)) point.set(found);
  }
}

/** Points around `point` vote; moves are normal in every feature, of length `radius` together. */
export function* vote(
  walk: Walk,
  point: Float32Array,
  {
    votes,
    radius,
    count,
  }: { readonly votes: ReturnType<typeof createVotes>; readonly radius: number; readonly count: number },
): Generator<Question, void, void> {
  const noise = new Float64Array(walk.features);
  yield {
    count,
    write(into) {
      fillNormal(noise, walk.rng);
      scaleToOne(noise);
      for (let j = 0; j < noise.length; j++) into[j] = point[j]! + radius * noise[j]!;
      clampToRange(into, walk.range);
    },
    take: (answer, asked) => votes.add(answer === 1, asked, point),
  };
}
