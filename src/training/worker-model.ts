import { joinFloats, weightRanges, type WeightSpec } from '../models/flat-weights.ts';
import { modelFromArtifact } from '../models/replica.ts';
import { classifierShapes } from '../models/layers-model.ts';
import { tf } from '../engine/tf.ts';

/** A network as it is sent to a compute worker: its topology must end in logits. */
export interface NetworkAt {
  readonly topology: object;
  readonly weightSpecs: readonly WeightSpec[];
  readonly weights: Float32Array;
}

/** A network inside a compute worker, its weights those of the newest task. */
export interface WorkerModel {
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly scores: (inputs: tf.Tensor) => tf.Tensor2D;
  /** Gradients of a loss of the scores at `at`, by weights and, if asked for, by inputs, in one backward pass. */
  readonly gradients: (
    at: { readonly inputs: tf.Tensor; readonly byInputs: boolean },
    loss: (scores: tf.Tensor2D) => tf.Scalar,
  ) => Gradients;
}

export interface Gradients {
  /** Flat in spec order; weights that are not trainable get 0. */
  readonly weights: Float32Array;
  /** Of the shape of the inputs; the caller's scope frees it. */
  readonly inputs: tf.Tensor | undefined;
}

interface Kept {
  readonly model: WorkerModel;
  readonly setWeights: (weights: Float32Array) => void;
  readonly dispose: () => void;
}

/** Networks by topology, least recently used first. A worker trains one, and measures the same one. */
const kept = new Map<string, Kept>();
const KEPT_NETWORKS = 2;

/** The network with the given weights. Built once per topology, then only its weights are replaced. */
export async function workerModel(network: NetworkAt): Promise<WorkerModel> {
  const key = JSON.stringify([network.topology, network.weightSpecs]);
  const found = kept.get(key) ?? (await build(network));
  kept.delete(key);
  kept.set(key, found);
  for (const [oldest, { dispose }] of kept) {
    if (kept.size <= KEPT_NETWORKS) break;
    kept.delete(oldest);
    dispose();
  }
  found.setWeights(network.weights);
  return found.model;
}

/** Frees every kept network. */
export function forgetNetworks(): void {
  for (const { dispose } of kept.values()) dispose();
  kept.clear();
}

async function build(network: NetworkAt): Promise<Kept> {
  const model = await modelFromArtifact(network);
  const { weightSpecs } = network;
  const ranges = weightRanges(weightSpecs);
  const variables = weightSpecs.map(({ name }) => variableOf(model, name));
  const scores = (inputs: tf.Tensor): tf.Tensor2D => model.apply(inputs, { training: false }) as tf.Tensor2D;
  return {
    model: {
      ...classifierShapes(model),
      scores,
      gradients: ({ inputs, byInputs }, loss) =>
        gradients({ inputs: byInputs ? [inputs] : [], variables, ranges }, () => loss(scores(inputs))),
    },
    setWeights: (weights) =>
      tf.tidy(() =>
        weightSpecs.forEach(({ shape }, i) => {
          const { start, end } = ranges[i]!;
          variables[i]!.assign(tf.tensor(weights.slice(start, end), [...shape]));
        }),
      ),
    dispose: () => void model.dispose(),
  };
}

function variableOf(model: tf.LayersModel, name: string): tf.Variable {
  // `read` is typed as giving any tensor; what a layer holds is the variable itself.
  const variable: unknown = model.weights.find(({ originalName }) => originalName === name)!.read();
  return variable as tf.Variable;
}

function gradients(
  of: {
    inputs: readonly tf.Tensor[];
    variables: readonly tf.Variable[];
    ranges: readonly { start: number; end: number }[];
  },
  loss: () => tf.Scalar,
): Gradients {
  const trainable = of.variables.filter((variable) => variable.trainable);
  const all = tf.grads(loss)([...of.inputs, ...trainable]);
  const found = all.slice(of.inputs.length);
  const byVariable = new Map(trainable.map((variable, i) => [variable, found[i]!]));
  const weights = of.variables.map((variable, i) => {
    const { start, end } = of.ranges[i]!;
    const gradient = byVariable.get(variable)?.dataSync() as Float32Array | undefined;
    return gradient ?? new Float32Array(end - start);
  });
  tf.dispose(found);
  return { weights: joinFloats(weights), inputs: of.inputs.length > 0 ? all[0] : undefined };
}
