/** What both ways of the Open Inference Protocol do with tensors: which one is the input, how it is shaped, what survives it. */
import { featureCount } from '../../domain/target.ts';
import { bytesOfTensor, isOipDatatype, tensorOfBytes, type OipDatatype } from '../../protocols/oip-bytes.ts';
import type { OipAnswer, OipTensor } from '../../protocols/oip.ts';
import type { VersionStatus } from '../../protocols/tf-serving-status.ts';
import type { ServedConfig } from '../config.ts';
import { malformedAnswer } from '../served-errors.ts';
import type { ServedDescription, WireAnswer } from './wire.ts';

/** How inputs are sent, once the server was asked. */
export interface OipInput {
  readonly name: string;
  readonly datatype: OipDatatype;
  /** Shape of one row on the wire: the served model may take an image as a vector. */
  readonly shape: readonly number[];
  readonly maxBatch?: number;
}

/**
 * The input that is sent to: the configured one, or the only one; with the datatype and shape that the server reports.
 * @throws {AppError} TEMPER_TARGET_MALFORMED when there is no such input, or ours does not fit it
 */
export function oipInputOf(
  description: ServedDescription,
  { input, url }: Pick<ServedConfig, 'input' | 'url'>,
  inputShape: readonly number[],
): OipInput {
  const { inputs } = description;
  const found =
    input === undefined && inputs.length === 1 ? inputs[0] : inputs.find(({ name }) => name === input);
  const names = inputs.map(({ name }) => name).join(', ') || 'none';
  if (found === undefined)
    throw malformedAnswer(
      url,
      `expected an input ${input ?? 'that is the only one'}, got ${names}: set served.input`,
    );
  if (!isOipDatatype(found.datatype) || found.datatype === 'BYTES' || found.datatype === 'BOOL')
    throw malformedAnswer(url, `expected an input of numbers, got ${found.datatype}`);
  const [batch = -1, ...rest] = found.shape ?? [];
  const shape = rest.map((side, i) => (side === -1 ? (inputShape[i] ?? -1) : side));
  const [features, given] = [featureCount(inputShape), featureCount(shape)];
  if (rest.length > 0 && given !== features)
    throw malformedAnswer(
      url,
      `expected an input of ${features} values ([${inputShape.join(',')}]), the server takes [${rest.join(',')}]`,
    );
  const limits = [description.maxBatch, batch > 0 ? batch : undefined].filter((limit) => limit !== undefined);
  return {
    name: found.name,
    datatype: found.datatype,
    shape: rest.length === 0 ? inputShape : shape,
    ...(limits.length === 0 ? {} : { maxBatch: Math.min(...limits) }),
  };
}

export function oipTensorOf(inputs: Float32Array, rows: number, input: OipInput): OipTensor {
  const { name, datatype, shape } = input;
  return {
    name,
    datatype,
    shape: [rows, ...shape],
    data: { kind: 'number', values: asSent(inputs, datatype) },
  };
}

/**
 * The values that a server gets which takes a datatype: float32 and float64 as they are, the others rounded to what they
 * can say, and within what they can say.
 */
export function asSent(inputs: Float32Array, datatype: OipDatatype): Float32Array {
  if (datatype === 'FP32' || datatype === 'FP64') return inputs;
  const range = /^(U?)INT(\d+)$/.exec(datatype);
  if (range !== null) {
    const bits = Number(range[2]);
    const [low, high] = range[1] === 'U' ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
    return inputs.map((value) => Math.min(high, Math.max(low, Math.round(value))));
  }
  const shape = [inputs.length];
  const bytes = bytesOfTensor({ datatype, shape, data: { kind: 'number', values: inputs } });
  const back = tensorOfBytes(bytes, { datatype, shape, where: 'inputs' });
  return back.ok && back.value.kind === 'number' ? Float32Array.from(back.value.values) : inputs;
}

export function wireAnswerOf({ outputs, modelVersion }: OipAnswer): WireAnswer {
  const version = modelVersion === undefined || modelVersion === '' ? undefined : modelVersion;
  return { outputs: new Map(outputs.map((tensor) => [tensor.name, tensor])), version };
}

/** One status per version that is named, or for the one that is taken to be served. */
export function statusesOf(versions: readonly string[], isReady: boolean): VersionStatus[] {
  return versions.map((version) => ({
    version,
    state: isReady ? 'AVAILABLE' : 'LOADING',
    errorCode: 'OK',
    errorMessage: '',
  }));
}
