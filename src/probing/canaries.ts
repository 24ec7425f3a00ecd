import { hashJson, sha256 } from '../domain/hashing.ts';
import { predictedClass } from '../domain/target.ts';
import type { ServedReading } from './served-reader.ts';

/** One fixed input of a canary set. */
export interface Canary {
  readonly kind: 'labelled' | 'production';
  /** Shape [features]. */
  readonly input: Float32Array;
  /** True class; production canaries have none. */
  readonly label?: number;
}

/**
 * Fixed inputs, frozen when a version passed the gate, with what that version answered: half labelled hold-out, half
 * production samples. Repeats are no evidence; any change beyond the wire's rounding proves that the model changed.
 */
export interface CanarySet {
  readonly setId: string;
  readonly model: string;
  readonly version: string;
  readonly canaries: readonly Canary[];
  /** Scores the baseline version served, one row per canary; a row is absent where it did not answer. */
  readonly referenceScores: readonly (Float32Array | undefined)[];
  /** Whether the baseline version withstood the sentinel within epsilon, per canary. */
  readonly referenceSurvived: readonly boolean[];
}

export interface CanaryComparison {
  /** Whether any served score differs by more than the tolerance. */
  readonly changed: boolean;
  readonly maximumDifference: number;
  /** Canaries whose predicted class differs. */
  readonly flipped: number;
  readonly compared: number;
}

/** Content address of the inputs of a set, 16 hex digits: the same canaries are the same set. */
export function canarySetId(model: string, version: string, canaries: readonly Canary[]): string {
  const hashes = canaries.map(({ input }) =>
    sha256(new Uint8Array(input.buffer, input.byteOffset, input.byteLength)),
  );
  return hashJson({ model, version, hashes }).slice(0, 16);
}

/**
 * Compares what is served now with what the baseline version served. Rows that failed on either side are left out and
 * not counted as compared; if nothing can be compared nothing is claimed.
 *
 * @param tolerance largest absolute difference of a score that counts as rounding
 */
export function compareWithReference(
  set: CanarySet,
  readings: readonly ServedReading[],
  tolerance: number,
): CanaryComparison {
  let maximumDifference = 0;
  let flipped = 0;
  let compared = 0;
  set.referenceScores.forEach((before, i) => {
    const now = readings[i];
    if (before === undefined || now?.kind !== 'answer') return;
    compared++;
    maximumDifference = Math.max(maximumDifference, largestDifference(before, now.scores));
    if (predictedClass(before, before.length) !== now.predicted) flipped++;
  });
  return { changed: maximumDifference > tolerance, maximumDifference, flipped, compared };
}

/** Errors on labelled canaries: how often the served class is not the true one. */
export function countLabelErrors(
  canaries: readonly Canary[],
  readings: readonly ServedReading[],
): { readonly errors: number; readonly labelled: number } {
  let errors = 0;
  let labelled = 0;
  canaries.forEach(({ label }, i) => {
    const reading = readings[i];
    if (label === undefined || reading?.kind !== 'answer') return;
    labelled++;
    if (reading.predicted !== label) errors++;
  });
  return { errors, labelled };
}

/** Whether the predicted class is the true one; undefined where the truth is not known. */
export function isReadRight({ label }: Canary, predicted: number): boolean | undefined {
  return label === undefined ? undefined : predicted === label;
}

/** Discordant pairs against the baseline's outcomes, for the exact McNemar test. What is not known on a side is left out. */
export function countDiscordant(
  before: readonly (boolean | undefined)[],
  now: readonly (boolean | undefined)[],
): { readonly worse: number; readonly better: number } {
  let worse = 0;
  let better = 0;
  before.forEach((held, i) => {
    const holds = now[i];
    if (held === undefined || holds === undefined || holds === held) return;
    if (held) worse++;
    else better++;
  });
  return { worse, better };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((largest, value, k) => Math.max(largest, Math.abs(value - b[k]!)), 0);
}
