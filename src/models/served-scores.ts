import { AppError } from '../domain/errors.ts';
import type { Tensor } from '../protocols/tensor.ts';
import { UNNAMED } from '../protocols/tf-serving.ts';

export interface ScoresExpected {
  readonly url: string;
  readonly count: number;
  readonly classes: number;
  /** Name of the output that holds the scores; undefined: the only one. */
  readonly output?: string | undefined;
  readonly outputs: 'logits' | 'probabilities';
  readonly probabilityFloor: number;
}

/** How far probabilities may be from adding up to 1: servers round, and some compute in half precision. */
const SUM_TOLERANCE = 0.01;

/**
 * Scores of an answer, checked: as many rows as were asked, as many classes as the model has, every value finite.
 * Probabilities p become log(max(p, floor)), whose margins are those of logits.
 *
 * @returns shape [count, classes]
 * @throws {AppError} TEMPER_TARGET_MALFORMED
 */
export function scoresOf(outputs: ReadonlyMap<string, Tensor>, expected: ScoresExpected): Float32Array {
  const values = valuesOf(soleOutput(outputs, expected), expected);
  const scores = Float32Array.from(values);
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0)
    throw malformed(
      expected,
      `expected finite scores, got ${values[bad]!} in row ${Math.floor(bad / expected.classes)}, class ${bad % expected.classes}`,
    );
  return expected.outputs === 'logits' ? scores : logProbabilities(scores, expected);
}

function soleOutput(outputs: ReadonlyMap<string, Tensor>, expected: ScoresExpected): Tensor {
  const names = [...outputs.keys()].filter((name) => name !== UNNAMED).join(', ') || 'one without a name';
  if (expected.output !== undefined) {
    // TensorFlow Serving leaves out the name of an only output.
    const named = outputs.get(expected.output) ?? outputs.get(UNNAMED);
    if (named !== undefined) return named;
    throw malformed(expected, `expected an output ${expected.output}, got ${names}`);
  }
  const [first, ...others] = outputs.values();
  if (first !== undefined && others.length === 0) return first;
  throw malformed(
    expected,
    `expected one output, got ${names}: name the one with the scores in the configuration`,
  );
}

function valuesOf({ shape, data }: Tensor, expected: ScoresExpected): Float32Array | Float64Array {
  const { count, classes } = expected;
  const fits = shape.length === 2 && shape[0] === count && shape[1] === classes;
  if (fits && data.kind === 'number') return data.values;
  throw malformed(
    expected,
    `expected numbers of shape [${count},${classes}], got ${data.kind}s of shape [${shape.join(',')}]`,
  );
}

function logProbabilities(values: Float32Array, expected: ScoresExpected): Float32Array {
  const { classes, probabilityFloor } = expected;
  for (let start = 0; start < values.length; start += classes) {
    const row = values.subarray(start, start + classes);
    const sum = row.reduce((total, value) => total + value, 0);
    if (row.some((value) => value < 0) || Math.abs(sum - 1) > SUM_TOLERANCE)
      throw malformed(
        expected,
        `expected probabilities, got a row with values from ${Math.min(...row)} to ${Math.max(...row)} that add up to ${sum}: set outputs to logits`,
      );
  }
  return values.map((value) => Math.log(Math.max(value, probabilityFloor)));
}

function malformed({ url }: ScoresExpected, what: string): AppError {
  return new AppError('TEMPER_TARGET_MALFORMED', `${url}: ${what}`, { details: { url } });
}
