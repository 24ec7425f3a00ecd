import { createJudge, type Criterion } from '../../domain/criterion.ts';
import { AppError } from '../../domain/errors.ts';
import { createRng } from '../../domain/rng.ts';
import { featureCount, type ScoreTarget } from '../../domain/target.ts';
import { namedLoss } from '../losses/named.ts';
import { warp } from '../images/warp.ts';
import { imageShape } from '../square/windows.ts';

/**
 * A threat model of its own: the adversary turns and shifts the picture, and changes nothing else. No norm of the pixels
 * says how far that is, so limits are in degrees and pixels, and the distance of a motion is the largest share of its
 * limits:  d = max(|degrees| / limit, |right| / limit, |down| / limit), in [0, 1]. A limit of 0 forbids that motion.
 */
export interface SpatialThreat {
  /** Largest turn either way. */
  readonly degrees: number;
  /** Largest shift along either axis; fractions are interpolated. */
  readonly pixels: number;
  /** Valid range of the inputs; what comes in from outside has its low end. */
  readonly range: readonly [number, number];
  readonly criterion?: Criterion;
}

/** grid: every combination, nearest first. random: so many draws from the limits, each example its own ("worst of k"). */
export type SpatialSearch =
  | { readonly kind: 'grid'; readonly turns: number; readonly shifts: number }
  | { readonly kind: 'random'; readonly draws: number };

/** Engstrom's grid: 31 turns and 5 shifts along each axis, 775 points. */
export const STANDARD_GRID: SpatialSearch = { kind: 'grid', turns: 31, shifts: 5 };

/** Turn in degrees counter-clockwise, shift in pixels to the right and down. */
export type SpatialMotion = readonly [degrees: number, right: number, down: number];

export interface SpatialOptions {
  readonly target: ScoreTarget;
  /** Shape [n, features], images inside the range. */
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
  /** Class to get to, shape [n]; for a targeted criterion that names none. */
  readonly targets?: Int32Array | undefined;
  /** Identity of each example: with the seed it decides its random draws. */
  readonly ids: readonly string[];
  readonly threat: SpatialThreat;
  readonly search: SpatialSearch;
  readonly seed: number;
  /** Motions that one example may be asked about at most. Default: all. */
  readonly queryBudget?: number | undefined;
  /** Whether an example is done at its first success. Default true; the motions of a grid come nearest first. */
  readonly stopsAtFirstSuccess?: boolean;
}

/** What was found; arrays are indexed by example. */
export interface SpatialReading {
  readonly success: Uint8Array;
  /** Of the nearest success; Infinity where none was found, 0 where the unmoved image is misread. */
  readonly distance: Float32Array;
  /** The nearest success, or where there is none the motion with the largest margin for the adversary. */
  readonly motions: readonly SpatialMotion[];
  /** The images so moved, shape [n, features]. */
  readonly adversarial: Float32Array;
  readonly forwardQueries: Uint32Array;
}

/**
 * Searches turns and shifts with scores alone. The unmoved image is asked about first. Each example has motions and draws
 * of its own, so that results do not depend on who else is there.
 *
 * @throws {AppError} TEMPER_ATTACK_SHAPE when the inputs are no images
 * @see Engstrom et al. (2019), ICML, arXiv 1712.02779: 30 degrees and 3 pixels of 28; worst of 10 draws, or a grid
 */
export async function attackSpatially(options: SpatialOptions): Promise<SpatialReading> {
  const { target, inputs, labels, threat, search, stopsAtFirstSuccess = true } = options;
  checkImages(target.inputShape);
  const features = featureCount(target.inputShape);
  const shape = imageShape(target.inputShape);
  const { targets, queryBudget = Infinity } = options;
  const judge = createJudge({ criterion: threat.criterion, classes: target.classes, labels, targets });
  const margin = namedLoss('margin', { labels, target, judge, cleanScores: new Float32Array() });
  const found = openReading(options, features);
  const margins = new Float64Array(labels.length).fill(-Infinity);
  const grid = search.kind === 'grid' ? gridOf(search, threat) : undefined;
  const tries = Math.min(grid?.length ?? 1 + drawsOf(search), queryBudget);
  for (let attempt = 0; attempt < tries; attempt++) {
    const isOpen = (example: number): boolean =>
      found.success[example] === 0 || (!stopsAtFirstSuccess && found.distance[example]! > 0);
    const rows = Int32Array.from(labels.keys()).filter(
      (example) => isOpen(example) && (attempt === 0 || judge.canSucceed(example)),
    );
    if (rows.length === 0) break;
    const motions = Array.from(rows, (example) => grid?.[attempt] ?? drawMotion(options, example, attempt));
    const moved = new Float32Array(rows.length * features);
    rows.forEach((example, i) => {
      const values = inputs.subarray(example * features, (example + 1) * features);
      const [degrees, right, down] = motions[i]!;
      moved.set(warp({ values, shape }, { degrees, right, down }, threat.range[0]), i * features);
    });
    const batch = { inputs: moved, count: rows.length, rows };
    const scores = await target.scores(batch);
    const { values } = margin(scores, batch);
    rows.forEach((example, i) => {
      found.forwardQueries[example]!++;
      const isSuccess = judge.isSuccess(scores, i, example);
      const distance = isSuccess ? distanceOf(motions[i]!, threat) : Infinity;
      const isBetter = isSuccess
        ? distance < found.distance[example]!
        : found.success[example] === 0 && values[i]! > margins[example]!;
      if (!isBetter) return;
      margins[example] = values[i]!;
      if (isSuccess) found.success[example] = 1;
      found.distance[example] = distance;
      found.motions[example] = motions[i]!;
      found.adversarial.set(moved.subarray(i * features, (i + 1) * features), example * features);
    });
  }
  return found;
}

function drawsOf(search: SpatialSearch): number {
  return search.kind === 'random' ? search.draws : 0;
}

function openReading({ inputs, labels }: SpatialOptions, features: number) {
  return {
    success: new Uint8Array(labels.length),
    distance: new Float32Array(labels.length).fill(Infinity),
    motions: Array.from(labels, (): SpatialMotion => [0, 0, 0]),
    adversarial: inputs.slice(0, labels.length * features),
    forwardQueries: new Uint32Array(labels.length),
  };
}

/** Largest share of the limits that a motion takes. */
export function distanceOf([degrees, right, down]: SpatialMotion, threat: SpatialThreat): number {
  const share = (size: number, limit: number): number => (size === 0 ? 0 : Math.abs(size) / limit);
  return Math.max(share(degrees, threat.degrees), share(right, threat.pixels), share(down, threat.pixels));
}

/** All combinations, nearest first; the unmoved image is the first, also where an even number of steps leaves it out. */
function gridOf(
  { turns, shifts }: Extract<SpatialSearch, { kind: 'grid' }>,
  threat: SpatialThreat,
): SpatialMotion[] {
  const all: SpatialMotion[] = [];
  for (const degrees of steps(turns, threat.degrees))
    for (const right of steps(shifts, threat.pixels))
      for (const down of steps(shifts, threat.pixels)) all.push([degrees, right, down]);
  const moving = all.filter((motion) => motion.some((size) => size !== 0));
  moving.sort((a, b) => distanceOf(a, threat) - distanceOf(b, threat));
  return [[0, 0, 0], ...moving];
}

/** So many values from −limit to limit, evenly; only 0 for one value or no limit. */
function steps(count: number, limit: number): number[] {
  if (count <= 1 || limit === 0) return [0];
  return Array.from({ length: count }, (_, i) => limit * ((2 * i) / (count - 1) - 1));
}

function drawMotion({ threat, seed, ids }: SpatialOptions, example: number, attempt: number): SpatialMotion {
  if (attempt === 0) return [0, 0, 0];
  const rng = createRng('spatial', seed, ids[example]!, attempt);
  const draw = (limit: number): number => limit * (2 * rng.uniform() - 1);
  return [draw(threat.degrees), draw(threat.pixels), draw(threat.pixels)];
}

function checkImages(inputShape: readonly number[]): void {
  if (inputShape.length === 2 || inputShape.length === 3) return;
  throw new AppError(
    'TEMPER_ATTACK_SHAPE',
    `the spatial attack needs images (height × width, or height × width × channels), the model takes ${inputShape.join('×')}`,
  );
}
