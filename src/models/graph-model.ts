import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { AppError, toError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/hashing.ts';
import { inScope } from '../engine/in-scope.ts';
import { tf } from '../engine/tf.ts';
import type { ClassifierShapes } from './layers-model.ts';
import type { NetworkPasses } from './network-passes.ts';
import { scoreOp } from './score-op.ts';

/** A tfjs graph model as plain data: what a converter made of a SavedModel or a frozen graph. */
export interface GraphArtifact {
  readonly topology: { readonly node: readonly GraphNodeJson[] };
  readonly weightSpecs: readonly object[];
  readonly weights: Uint8Array;
}

interface GraphNodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[] | undefined;
}

const nodeSchema = z.looseObject({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).optional(),
});

const graphFileSchema = z.looseObject({
  format: z.literal('graph-model'),
  modelTopology: z.looseObject({ node: z.array(nodeSchema) }),
  weightsManifest: z.array(
    z.looseObject({ paths: z.array(z.string().min(1)), weights: z.array(z.looseObject({})) }),
  ),
});

/**
 * Reads a graph model from its folder.
 * @returns undefined when the folder holds another kind of model, or none
 * @throws {AppError} TEMPER_MODEL_CORRUPT
 */
export async function readGraphArtifact(directory: string): Promise<GraphArtifact | undefined> {
  const text = await readFile(join(directory, 'model.json'), 'utf8').catch(() => undefined);
  if (text?.includes('graph-model') !== true) return undefined;
  const json = parsedJson(text);
  if ((json as { format?: unknown } | undefined)?.format !== 'graph-model') return undefined;
  const file = graphFileSchema.safeParse(json);
  if (!file.success) throw corrupt(directory, z.prettifyError(file.error));
  const { modelTopology, weightsManifest } = file.data;
  const parts = await Promise.all(
    weightsManifest.flatMap(({ paths }) => paths.map((path) => readWeights(directory, path))),
  );
  return {
    topology: modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
    weights: Buffer.concat(parts),
  };
}

/** Content address: SHA-256 over the canonical JSON of topology and weight specs, then the weights' bytes. */
export function hashGraph({ topology, weightSpecs, weights }: GraphArtifact): string {
  return createHash('sha256').update(canonicalJson({ topology, weightSpecs })).update(weights).digest('hex');
}

export interface GraphClassifier {
  readonly passes: NetworkPasses;
  readonly shapes: ClassifierShapes;
  /** The graph ends in a softmax, and `passes` give what goes into it. */
  readonly hadSoftmax: boolean;
}

/**
 * Forward and backward pass of a graph model, operation by operation. `startBackend` first.
 * @throws {AppError} TEMPER_MODEL_UNSUPPORTED when tfjs cannot run it, or it is no classifier of one input of fixed shape
 */
export async function graphClassifier(artifact: GraphArtifact): Promise<GraphClassifier> {
  const model = await loadGraph(artifact);
  try {
    const { node, hadSoftmax } = logitsNode(artifact, model.outputs[0]?.name ?? '');
    const forward = (inputs: tf.Tensor): tf.Tensor2D => model.execute(inputs, node) as tf.Tensor2D;
    const shapes = shapesOf(model, forward);
    return { passes: passesOf(model, forward), shapes, hadSoftmax };
  } catch (caught) {
    model.dispose();
    throw caught instanceof AppError ? caught : unsupported(toError(caught).message);
  }
}

async function loadGraph({ topology, weightSpecs, weights }: GraphArtifact): Promise<tf.GraphModel> {
  try {
    const weightData = Uint8Array.from(weights).buffer;
    // Parsed JSON is what the type describes in more detail.
    const parts = { modelTopology: topology, weightSpecs, weightData, format: 'graph-model' };
    return await tf.loadGraphModel(tf.io.fromMemory(parts));
  } catch (caught) {
    throw unsupported(toError(caught).message);
  }
}

function passesOf(model: tf.GraphModel, forward: (inputs: tf.Tensor) => tf.Tensor2D): NetworkPasses {
  return {
    path: 'tape',
    logits: (inputs) => inScope(() => forward(inputs).dataSync() as Float32Array),
    gradient: (inputs, upstreamOf) =>
      inScope(() => {
        const operation = scoreOp(upstreamOf);
        const gradient = tf.grad((x) => operation(forward(x)))(inputs);
        operation.check();
        return gradient.dataSync() as Float32Array;
      }),
    dispose: () => model.dispose(),
  };
}

/** The node that gives logits: what goes into a softmax at the end, past identities; else the output itself. */
function logitsNode(
  { topology }: GraphArtifact,
  output: string,
): { readonly node: string; readonly hadSoftmax: boolean } {
  const nodes = new Map(topology.node.map((node) => [node.name, node]));
  let node = nodes.get(bare(output));
  while (node?.op === 'Identity') node = nodes.get(bare(node.input?.[0] ?? ''));
  const [logits] = node?.op === 'Softmax' ? (node.input ?? []) : [];
  return logits === undefined
    ? { node: output, hadSoftmax: false }
    : { node: bare(logits), hadSoftmax: true };
}

/** The name of a node without the number of its output. */
function bare(name: string): string {
  return name.replace(/:\d+$/, '');
}

function shapesOf(model: tf.GraphModel, forward: (inputs: tf.Tensor) => tf.Tensor): ClassifierShapes {
  const [, ...inputShape] = model.inputs[0]?.shape ?? [];
  if (model.inputs.length !== 1 || inputShape.length === 0 || inputShape.some((side) => side < 1))
    throw unsupported(
      `expected one input of fixed shape, got ${JSON.stringify(model.inputs.map(({ shape }) => shape))}`,
    );
  // Converters often leave out the output's shape: a row of zeros tells.
  const output = inScope(() => forward(tf.zeros([1, ...inputShape])).shape);
  const classes = output[1];
  if (output.length !== 2 || classes === undefined || classes < 2)
    throw unsupported(`expected an output [batch, classes], got [${output.join(', ')}]`);
  return { inputShape, classes };
}

async function readWeights(directory: string, path: string): Promise<Buffer> {
  const full = resolve(directory, path);
  if (!full.startsWith(resolve(directory) + sep))
    throw corrupt(directory, `weight file ${path} lies outside the model's folder`);
  return readFile(full).catch((caught: unknown) => {
    throw corrupt(directory, `weight file ${path} cannot be read: ${toError(caught).message}`);
  });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function corrupt(directory: string, problem: string): AppError {
  return new AppError('TEMPER_MODEL_CORRUPT', `Model ${directory} cannot be used: ${problem}.`);
}

function unsupported(problem: string): AppError {
  return new AppError('TEMPER_MODEL_UNSUPPORTED', `This graph model cannot be a replica: ${problem}.`);
}
