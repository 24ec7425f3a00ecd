import { AppError, hasCode } from '../domain/errors.ts';
import type { UnprobeableReason } from '../domain/probe.ts';
import { predictedClass } from '../domain/target.ts';

/** The part of a served model that probing needs: scores for rows of features. */
export interface ScoreSource {
  /** @returns logits or log-probabilities, shape [count, classes] */
  predict(inputs: Float32Array, count: number): Promise<Float32Array>;
  /** What the server gets of inputs. Absent: all of it. */
  asSent?(inputs: Float32Array): Promise<Float32Array>;
  /** To be told that a known-good input failed: then the server is unwell. */
  reportFailure?(): void;
}

export type ServedReading =
  | { readonly kind: 'answer'; readonly scores: Float32Array; readonly predicted: number }
  | { readonly kind: 'failed'; readonly reason: UnprobeableReason };

export interface ServedReaderOptions {
  readonly served: ScoreSource;
  /** An input the served model is known to answer, replayed to tell bad input from a bad server. Shape [features]. */
  readonly knownGood: () => Float32Array | undefined;
}

export interface ServedReader {
  /** What the served model gets of inputs: what its datatype cannot say is lost. */
  asSent(inputs: Float32Array): Promise<Float32Array>;
  /** One reading per row. @throws {AppError} retryable, when the server itself is in trouble */
  read(inputs: Float32Array, count: number): Promise<ServedReading[]>;
}

/**
 * Reads a served model row by row though it is asked in batches: one bad row must not spoil the others. A batch that is
 * rejected is asked again row by row; a row that is rejected alone is the row's fault only if a known-good input is
 * still answered (real servers answer 500 to bad input), otherwise the server is in trouble and the caller waits. Until
 * something is known to be good, an error 500 is the server's fault, and any other refusal the row's.
 */
export function createServedReader({ served, knownGood }: ServedReaderOptions): ServedReader {
  let answered: Float32Array | undefined;
  const readAll = async (inputs: Float32Array, count: number): Promise<ServedReading[]> => {
    if (count === 0) return [];
    const readings = splitRows(await served.predict(inputs, count), count);
    answered ??= inputs.slice(0, inputs.length / count);
    return readings;
  };
  const readRow = async (row: Float32Array): Promise<ServedReading> => {
    try {
      return (await readAll(row, 1))[0]!;
    } catch (caught) {
      const reason = reasonOf(caught);
      if (reason === undefined) throw caught;
      await assertServerWell(served, knownGood() ?? answered, caught);
      return { kind: 'failed', reason };
    }
  };
  return {
    asSent: (inputs) => served.asSent?.(inputs) ?? Promise.resolve(inputs),
    async read(inputs, count) {
      try {
        return await readAll(inputs, count);
      } catch (caught) {
        if (reasonOf(caught) === undefined) throw caught;
      }
      const features = inputs.length / count;
      const readings: ServedReading[] = [];
      for (let i = 0; i < count; i++) {
        readings.push(await readRow(inputs.slice(i * features, (i + 1) * features)));
      }
      return readings;
    },
  };
}

function splitRows(scores: Float32Array, count: number): ServedReading[] {
  const classes = scores.length / count;
  return Array.from({ length: count }, (_, i) => {
    const row = scores.slice(i * classes, (i + 1) * classes);
    return { kind: 'answer', scores: row, predicted: predictedClass(row, classes) };
  });
}

function reasonOf(caught: unknown): UnprobeableReason | undefined {
  if (hasCode(caught, 'TEMPER_TARGET_REJECTED')) return 'served_rejected_input';
  if (hasCode(caught, 'TEMPER_TARGET_MALFORMED')) return 'served_answer_malformed';
  return undefined;
}

async function assertServerWell(
  served: ScoreSource,
  known: Float32Array | undefined,
  refusal: unknown,
): Promise<void> {
  if (known === undefined) {
    if (isFault(refusal)) throw unwell(served, refusal);
    return;
  }
  try {
    await served.predict(known, 1);
  } catch (caught) {
    // Away, or paused: that has been counted, and says it better.
    throw reasonOf(caught) === undefined ? caught : unwell(served, refusal);
  }
}

function unwell(served: ScoreSource, cause: unknown): AppError {
  served.reportFailure?.();
  return new AppError(
    'TEMPER_TARGET_UNREACHABLE',
    'expected the served model to answer a known-good input, but it fails as well: waiting until it recovers',
    { retryable: true, cause },
  );
}

function isFault(caught: unknown): boolean {
  const status = caught instanceof AppError ? caught.details['status'] : undefined;
  return typeof status === 'number' && status >= 500;
}
