import { AppError, toError } from '../domain/errors.ts';
import { tf } from '../engine/tf.ts';
import type { ModelArtifact } from './artifact.ts';
import { weightRanges } from './flat-weights.ts';

/**
 * The artifact as a tfjs model with its weights. The caller disposes of it.
 *
 * @throws {AppError} TEMPER_MODEL_UNSUPPORTED when tfjs cannot build the topology or the weights do not fit it; no tensor
 *   is left over
 */
export async function modelFromArtifact(artifact: ModelArtifact): Promise<tf.LayersModel> {
  const model = await buildModel(artifact.topology);
  try {
    tf.tidy(() => model.loadWeights(namedTensors(artifact)));
    return model;
  } catch (caught) {
    model.dispose();
    throw unsupported(toError(caught));
  }
}

export interface ClassifierShapes {
  readonly inputShape: number[];
  readonly classes: number;
}

/**
 * Shape of one input and number of classes.
 *
 * @throws {AppError} TEMPER_MODEL_UNSUPPORTED when it is not one input of fixed shape and one output [batch, classes ≥ 2]
 */
export function classifierShapes(model: tf.LayersModel): ClassifierShapes {
  const [, ...inputShape] = model.inputs[0]?.shape ?? [];
  const outputShape = model.outputs[0]?.shape ?? [];
  const classes = outputShape[1];
  if (
    model.inputs.length !== 1 ||
    model.outputs.length !== 1 ||
    inputShape.some((side) => side === null) ||
    outputShape.length !== 2 ||
    typeof classes !== 'number' ||
    classes < 2
  )
    throw new AppError(
      'TEMPER_MODEL_UNSUPPORTED',
      `A classifier with one input of fixed shape and one output [batch, classes ≥ 2] is expected; this model has inputs ` +
        `${describeShapes(model.inputs)} and outputs ${describeShapes(model.outputs)}.`,
    );
  return { inputShape: inputShape as number[], classes };
}

async function buildModel(topology: object): Promise<tf.LayersModel> {
  try {
    // The type asks for a dictionary of JSON values, which parsed JSON is.
    return await tf.models.modelFromJSON({ modelTopology: topology as never });
  } catch (caught) {
    throw unsupported(toError(caught));
  }
}

function namedTensors({ weightSpecs, weights }: ModelArtifact): Record<string, tf.Tensor> {
  const ranges = weightRanges(weightSpecs);
  const tensors = weightSpecs.map(({ name, shape }, i): [string, tf.Tensor] => {
    const { start, end } = ranges[i]!;
    return [name, tf.tensor(weights.slice(start, end), [...shape])];
  });
  return Object.fromEntries(tensors);
}

function unsupported(cause: Error): AppError {
  return new AppError('TEMPER_MODEL_UNSUPPORTED', `tfjs cannot build this model: ${cause.message}`, {
    cause,
  });
}

function describeShapes(tensors: readonly { shape: readonly (number | null)[] }[]): string {
  return tensors.map(({ shape }) => `[${shape.map((side) => side ?? 'any').join(', ')}]`).join(' ');
}
