import type { AttackSession } from '../attack.ts';
import { fillNormal } from '../normal-noise.ts';
import { clampToRange } from '../norms/clamp.ts';
import type { Search } from '../questions.ts';
import { findStart } from './starts.ts';
import { approach, fools, walkTogether, type Walk, type WalkOptions } from './walk.ts';

export interface BoundaryParameters extends WalkOptions {
  /** Points tried at random for a start. */
  readonly guesses: number;
  /** First size of the move along the sphere, and of the one towards the original, as shares of the distance. */
  readonly sphericalStep: number;
  readonly sourceStep: number;
  /** What sizes are multiplied or divided by when too many or too few moves succeed. */
  readonly adaptation: number;
  /** Below this size of the move towards the original the search has converged. */
  readonly leastSourceStep: number;
}

/**
 * Boundary attack: a random walk along the boundary. Each step moves on the sphere around the original, then a little
 * towards it, and is kept when the target is still fooled. Both sizes follow the share of moves that succeed.
 *
 * @see Brendel, Rauber & Bethge (2018), ICLR, arXiv 1712.04248
 */
export async function runBoundary(session: AttackSession, parameters: BoundaryParameters): Promise<void> {
  await walkTogether(session, parameters, (walk) => search(walk, parameters));
}

/** Bisection to the boundary before the walk begins, to this share of the way. */
const START_TOLERANCE = 1e-3;
/** Every so many steps the move along the sphere is asked about on its own. */
const SPHERE_EVERY = 5;

function* search(walk: Walk, parameters: BoundaryParameters): Search {
  const point = yield* findStart(walk, parameters.guesses);
  if (point === undefined) return;
  yield* approach(walk, point, START_TOLERANCE);
  const { adaptation } = parameters;
  const spherical = createStep(parameters.sphericalStep, { window: 10, adaptation, wanted: [0.2, 0.5] });
  const source = createStep(parameters.sourceStep, { window: 20, adaptation, wanted: [0.1, 0.25] });
  const noise = new Float64Array(walk.features);
  const sphere = new Float32Array(walk.features);
  const candidate = new Float32Array(walk.features);
  for (let step = 0; source.size >= parameters.leastSourceStep && walk.distance(point) > 0; step++) {
    fillNormal(noise, walk.rng);
    propose(walk, point, { noise, spherical: spherical.size, source: source.size, sphere, candidate });
    if (step % SPHERE_EVERY === 0) {
      const change = spherical.observe(yield* fools(sphere));
      // Where the boundary looks flat at this size, both moves may grow.
      source.scale(change);
    }
    const isKept = (yield* fools(candidate)) && walk.distance(candidate) < walk.distance(point);
    source.observe(isKept);
    if (isKept) point.set(candidate);
  }
}

export interface Proposal {
  /** Standard normal, shape [features]; made orthogonal to the way to the original. */
  readonly noise: Float64Array;
  readonly spherical: number;
  readonly source: number;
  /** Where the two moves are written, shape [features]. */
  readonly sphere: Float32Array;
  readonly candidate: Float32Array;
}

/**
 * With r = x₀ − x and η the noise made orthogonal to r, of length spherical·‖r‖:
 *   sphere = x₀ + (η − r) / √(spherical² + 1), cut to the range: as far from x₀ as x is (before the cut);
 *   candidate = sphere + λ·(x₀ − sphere) / ‖x₀ − sphere‖,  λ = max(source·‖r‖ + ‖x₀ − sphere‖ − ‖r‖, 0), cut again.
 */
export function propose(
  { original, range }: Pick<Walk, 'original' | 'range'>,
  point: Float32Array,
  { noise, spherical, source, sphere, candidate }: Proposal,
): void {
  const features = point.length;
  let along = 0;
  let squares = 0;
  for (let j = 0; j < features; j++) {
    const way = original[j]! - point[j]!;
    along += noise[j]! * way;
    squares += way * way;
  }
  const distance = Math.sqrt(squares);
  let length = 0;
  for (let j = 0; j < features; j++) {
    noise[j]! -= (along / squares) * (original[j]! - point[j]!);
    length += noise[j]! * noise[j]!;
  }
  const size = length > 0 ? (spherical * distance) / Math.sqrt(length) : 0;
  const shrink = 1 / Math.sqrt(spherical * spherical + 1);
  for (let j = 0; j < features; j++) {
    const x = original[j]!;
    sphere[j] = x + shrink * (size * noise[j]! - (x - point[j]!));
  }
  clampToRange(sphere, range);
  let reached = 0;
  for (let j = 0; j < features; j++) reached += (original[j]! - sphere[j]!) ** 2;
  reached = Math.sqrt(reached);
  const share = reached > 0 ? Math.max(source * distance + reached - distance, 0) / reached : 0;
  for (let j = 0; j < features; j++) candidate[j] = sphere[j]! + share * (original[j]! - sphere[j]!);
  clampToRange(candidate, range);
}

interface StepSize {
  readonly size: number;
  scale(factor: number): void;
  /** Takes whether a move succeeded; returns what the size was multiplied by. */
  observe(isSuccess: boolean): number;
}

/** A size that grows when more than the wanted share of a window of moves succeed, and shrinks when fewer do. */
export function createStep(
  first: number,
  {
    window,
    adaptation,
    wanted: [least, most],
  }: { readonly window: number; readonly adaptation: number; readonly wanted: readonly [number, number] },
): StepSize {
  let size = first;
  let seen: boolean[] = [];
  return {
    get size() {
      return size;
    },
    scale(factor) {
      size *= factor;
    },
    observe(isSuccess) {
      seen.push(isSuccess);
      if (seen.length < window) return 1;
      const share = seen.filter(Boolean).length / window;
      if (share >= least && share <= most) {
        seen.shift();
        return 1;
      }
      seen = [];
      const factor = share > most ? adaptation : 1 / adaptation;
      size *= factor;
      return factor;
    },
  };
}
