import { AppError } from '../domain/errors.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import {
  featureCount,
  type Batch,
  type GradientTarget,
  type LossGradient,
  type ScoreLoss,
} from '../domain/target.ts';
import { tf } from '../engine/tf.ts';
import { hashArtifact, modelRefOf, readArtifact, type ModelArtifact } from './artifact.ts';
import { graphClassifier, hashGraph, readGraphArtifact } from './graph-model.ts';
import { joinFloats } from './flat-weights.ts';
import { logSoftmax, throughLogSoftmax } from './log-softmax.ts';
import { classifierShapes, modelFromArtifact, type ClassifierShapes } from './layers-model.ts';
import type { NetworkPasses } from './network-passes.ts';
import { passesFor } from './passes.ts';
import { withoutSoftmax } from './softmax-ending.ts';

export { modelFromArtifact } from './layers-model.ts';

/** A local, differentiable copy of a model. */
export interface Replica extends GradientTarget {
  /** What `scores` gives: a model that ends in a softmax is read as log-probabilities, taken from its logits. */
  readonly scoreKind: 'logits' | 'log-probabilities';
  /** What computes its gradients: one compiled graph, or tfjs operation by operation. */
  readonly gradientPath: NetworkPasses['path'];
  /** Frees the tensors; the replica must not be used afterwards. Idempotent. */
  dispose(): void;
}

/** Replicas by content hash, least recently used first. One per process: tensors belong to the process's backend. */
const kept = new Map<string, Promise<Replica>>();

const KEPT_REPLICAS = 4;

/** Rows computed at once: more only costs memory. Larger batches are split. */
const MAX_ROWS = 256;

/**
 * Loads the model that `ref` names, a tfjs layers or graph model, into the backend of this process (`startBackend` first).
 *
 * @throws {AppError} TEMPER_MODEL_NOT_FOUND | TEMPER_MODEL_CORRUPT (also when the content is not what `ref.sha256`
 *   names) | TEMPER_MODEL_UNSUPPORTED
 */
export async function loadReplica(ref: ModelRef): Promise<Replica> {
  const graph = await readGraphArtifact(ref.path);
  if (graph !== undefined) {
    checkHash(ref, hashGraph(graph));
    const { passes, shapes, hadSoftmax } = await graphClassifier(graph);
    return createReplica(passes, shapes, hadSoftmax);
  }
  const artifact = await readArtifact(ref.path);
  checkHash(ref, hashArtifact(artifact));
  return replicaFrom(artifact);
}

/** Names the layers or graph model in a folder by its content. Reads and checks all of it. */
export async function replicaRefOf(directory: string): Promise<ModelRef> {
  const graph = await readGraphArtifact(directory);
  return graph === undefined ? modelRefOf(directory) : { path: directory, sha256: hashGraph(graph) };
}

function checkHash(ref: ModelRef, found: string): void {
  if (found !== ref.sha256)
    throw new AppError(
      'TEMPER_MODEL_CORRUPT',
      `The model in ${ref.path} has sha256 ${found}, but ${ref.sha256} was asked for: its files were changed.`,
    );
}

/** A replica of a model in memory. */
export async function replicaFrom(artifact: ModelArtifact): Promise<Replica> {
  const { topology, hadSoftmax } = withoutSoftmax(artifact.topology);
  const model = await modelFromArtifact({ ...artifact, topology });
  try {
    const shapes = classifierShapes(model);
    return createReplica(await passesFor(model), shapes, hadSoftmax);
  } catch (caught) {
    model.dispose();
    throw caught;
  }
}

/**
 * The replica of a model, loaded at most once while it stays among the last four that were asked for. Do not dispose of
 * it, and do not hold it across tasks: ask again.
 *
 * @throws {AppError} as `loadReplica`; a failure is not remembered
 */
export async function replicaOf(ref: ModelRef): Promise<Replica> {
  const loading = kept.get(ref.sha256) ?? loadReplica(ref);
  kept.delete(ref.sha256);
  kept.set(ref.sha256, loading);
  try {
    const replica = await loading;
    await dropOldest();
    return replica;
  } catch (caught) {
    kept.delete(ref.sha256);
    throw caught;
  }
}

/** Disposes of every kept replica. */
export async function forgetReplicas(): Promise<void> {
  const replicas = [...kept.values()];
  kept.clear();
  for (const settled of await Promise.allSettled(replicas))
    if (settled.status === 'fulfilled') settled.value.dispose();
}

function createReplica(passes: NetworkPasses, shapes: ClassifierShapes, hadSoftmax: boolean): Replica {
  const { inputShape, classes } = shapes;
  const scoresOf = (logits: Float32Array): Float32Array =>
    hadSoftmax ? logSoftmax(logits, classes) : logits;
  let disposed = false;
  return {
    inputShape,
    classes,
    scoreKind: hadSoftmax ? 'log-probabilities' : 'logits',
    gradientPath: passes.path,
    // Reading is synchronous by nature on both engines; replicas live in compute workers, where nothing else waits.
    async scores(batch) {
      checkBatch(batch, inputShape);
      const scores = new Float32Array(batch.count * classes);
      for (const { part, from } of splitBatch(batch)) {
        const found = withTensor(part, inputShape, (inputs) => passes.logits(inputs));
        scores.set(scoresOf(found), from * classes);
      }
      return Promise.resolve(scores);
    },
    async gradient(batch, loss) {
      checkBatch(batch, inputShape);
      const parts = splitBatch(batch).map(({ part }) =>
        gradientOf(passes, part, { inputShape, classes, hadSoftmax, loss }),
      );
      return Promise.resolve(parts.length === 1 ? parts[0]! : joinGradients(parts));
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      passes.dispose();
    },
  };
}

/**
 * Input gradient of a loss on scores: forward, read the scores, take the loss's derivative in plain code, and feed it
 * back as the upstream gradient of the logits. One forward and one backward pass.
 */
function gradientOf(
  passes: NetworkPasses,
  part: Batch,
  {
    inputShape,
    classes,
    hadSoftmax,
    loss,
  }: ClassifierShapes & { readonly hadSoftmax: boolean; readonly loss: ScoreLoss },
): LossGradient {
  let scores = new Float32Array();
  let losses = new Float32Array();
  const upstreamOf = (logits: Float32Array): Float32Array => {
    scores = (hadSoftmax ? logSoftmax(logits, classes) : logits) as Float32Array<ArrayBuffer>;
    const { values, derivative } = loss(scores, part);
    losses = values as Float32Array<ArrayBuffer>;
    return hadSoftmax ? throughLogSoftmax(derivative, scores, classes) : derivative;
  };
  const gradient = withTensor(part, inputShape, (inputs) => passes.gradient(inputs, upstreamOf));
  return { scores, losses, gradient };
}

function joinGradients(parts: readonly LossGradient[]): LossGradient {
  return {
    scores: joinFloats(parts.map(({ scores }) => scores)),
    losses: joinFloats(parts.map(({ losses }) => losses)),
    gradient: joinFloats(parts.map(({ gradient }) => gradient)),
  };
}

/** Hands the rows over as a tensor and frees it afterwards. */
function withTensor<T>(
  { inputs, count }: Batch,
  inputShape: readonly number[],
  use: (inputs: tf.Tensor) => T,
): T {
  const tensor = tf.tensor(inputs, [count, ...inputShape]);
  try {
    return use(tensor);
  } finally {
    tensor.dispose();
  }
}

function splitBatch({ inputs, count, rows }: Batch): { part: Batch; from: number }[] {
  const features = count === 0 ? 0 : inputs.length / count;
  const parts: { part: Batch; from: number }[] = [];
  for (let from = 0; from < count; from += MAX_ROWS) {
    const to = Math.min(count, from + MAX_ROWS);
    const part = {
      inputs: inputs.subarray(from * features, to * features),
      count: to - from,
      rows: rows.subarray(from, to),
    };
    parts.push({ part, from });
  }
  return parts;
}

function checkBatch({ inputs, count, rows }: Batch, inputShape: readonly number[]): void {
  if (inputs.length === count * featureCount(inputShape) && rows.length === count) return;
  throw new AppError(
    'TEMPER_ATTACK_SHAPE',
    `${count} inputs of shape [${inputShape.join(', ')}] make ${count * featureCount(inputShape)} values and ${count} ` +
      `rows; got ${inputs.length} values and ${rows.length} rows.`,
  );
}

async function dropOldest(): Promise<void> {
  while (kept.size > KEPT_REPLICAS) {
    const [sha256, loading] = kept.entries().next().value!;
    kept.delete(sha256);
    const [settled] = await Promise.allSettled([loading]);
    if (settled.status === 'fulfilled') settled.value.dispose();
  }
}
