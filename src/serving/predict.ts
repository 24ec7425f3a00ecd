import { featureCount } from '../domain/target.ts';
import { parseLenientJson } from '../protocols/lenient-json.ts';
import type { Tensor } from '../protocols/tensor.ts';
import { encodePredictAnswer, parsePredictRequest, UNNAMED } from '../protocols/tf-serving.ts';
import type { Signature } from '../protocols/tf-serving-status.ts';
import type { Scorer } from './scorer.ts';
import type { Lease } from './versions.ts';

export interface Reply {
  readonly status: number;
  /** Complete body of a success; the sentence of an error. */
  readonly text: string;
  readonly version?: string;
}

export const SIGNATURE_NAME = 'serving_default';
/** Name of the one input tensor, for rows and columns that name it. */
export const INPUT_NAME = 'inputs';

export function signatureOf({ inputShape, classes, output }: Scorer): Signature {
  return {
    inputs: { [INPUT_NAME]: { dtype: 'DT_FLOAT', shape: [-1, ...inputShape] } },
    outputs: { [output]: { dtype: 'DT_FLOAT', shape: [-1, classes] } },
    methodName: 'tensorflow/serving/predict',
  };
}

/**
 * Answers a predict request with one version, so that no answer mixes two. Status codes and words are those of
 * TensorFlow Serving; the shape is checked here, where the real server leaves it to the first layer.
 */
export async function predict(body: Uint8Array, { version, scorer }: Lease): Promise<Reply> {
  const request = parsePredictRequest(body, signatureOf(scorer).inputs);
  if (!request.ok) return { status: 400, text: request.problem.message };
  const { signatureName = '', format, inputs } = request.value;
  if (signatureName !== '' && signatureName !== SIGNATURE_NAME)
    return { status: 400, text: `Serving signature name: "${signatureName}" not found in signature def` };
  const tensor = inputs.get(INPUT_NAME);
  if (tensor === undefined)
    return { status: 400, text: `Missing named input: ${INPUT_NAME} in 'inputs' object.` };
  const mismatch = shapeMismatch(tensor, scorer);
  if (mismatch !== undefined) return { status: 400, text: mismatch };
  const count = tensor.shape[0]!;
  const values = await computeScores(new Float32Array(tensor.data.values as Float64Array), count, scorer);
  const scores: Tensor = { shape: [count, scorer.classes], data: { kind: 'number', values } };
  return {
    status: 200,
    version,
    text: encodePredictAnswer({ format, outputs: new Map([[UNNAMED, scores]]) }),
  };
}

/** What the real server says when no such version serves: it reads the JSON first. */
export function notServable(body: Uint8Array, model: string, version: string | undefined): Reply {
  const document = parseLenientJson(body);
  if (!document.ok) return { status: 400, text: document.problem.message };
  const wanted = version === undefined ? `Latest(${model})` : `Specific(${model}, ${version})`;
  return { status: 404, text: `Servable not found for request: ${wanted}` };
}

function shapeMismatch({ shape }: Tensor, { inputShape }: Scorer): string | undefined {
  const fits = shape.length === inputShape.length + 1 && inputShape.every((side, i) => side === shape[i + 1]);
  if (fits && shape[0] !== 0) return undefined;
  return `Shape mismatch for input '${INPUT_NAME}': expected [-1,${inputShape.join(',')}], got [${shape.join(',')}]`;
}

/** A row that holds NaN or an infinity has no scores: it gets NaN, whatever a kernel would make of it. */
export async function computeScores(
  inputs: Float32Array,
  count: number,
  scorer: Scorer,
): Promise<Float32Array> {
  const features = featureCount(scorer.inputShape);
  const undefinedRows = new Set<number>();
  inputs.forEach((value, i) => {
    if (!Number.isFinite(value)) undefinedRows.add(Math.floor(i / features));
  });
  for (const row of undefinedRows) inputs.fill(0, row * features, (row + 1) * features);
  const scores = await scorer.scores(inputs, count);
  for (const row of undefinedRows) scores.fill(Number.NaN, row * scorer.classes, (row + 1) * scorer.classes);
  return scores;
}
