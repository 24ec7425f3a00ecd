import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGraphSession, type GraphSession } from '../../engine/graph-session.ts';
import { inScope } from '../../engine/in-scope.ts';
import { tf } from '../../engine/tf.ts';
import { encodeSavedModel, type GraphNode, type GraphTensor } from '../../protocols/tensorflow-graph.ts';
import { appendGradient } from './gradients.ts';
import { createGraphBuilder, INT, type AppliedOperation, type GraphValue } from './graph.ts';
import type { NetworkPasses, UpstreamOf } from '../network-passes.ts';
import { applyLayer, NotCompilable, readLayer } from './layers.ts';

/** What was compiled, before it is loaded. */
export interface NetworkGraph {
  readonly nodes: readonly GraphNode[];
  readonly input: GraphValue;
  readonly scores: GraphValue;
  readonly upstream: GraphValue;
  readonly batch: GraphValue;
  readonly gradient: GraphValue;
  /** Nodes of the forward pass alone. */
  readonly forwardNodes: readonly GraphNode[];
  /** Operations of the forward pass, in order. */
  readonly forward: readonly AppliedOperation[];
  /** Weights and sizes by the name of their tensor. */
  readonly constants: ReadonlyMap<string, GraphTensor>;
  /** Values of the forward pass that the backward pass needs. */
  readonly kept: readonly string[];
}

/** @throws {NotCompilable} when a layer or an operation has no rule */
export function graphOf(model: tf.LayersModel): NetworkGraph {
  const graph = createGraphBuilder();
  const [, ...inputShape] = model.inputs[0]!.shape as number[];
  const input = graph.placeholder('input', inputShape);
  const scores = forwardOf(model, graph, input);
  const forward = [...graph.applied];
  const forwardNodes = [...graph.nodes];
  const upstream = graph.placeholder('upstream', scores.shape);
  const batch = { name: 'batch:0', shape: [1] };
  const constants = new Map<string, GraphTensor>();
  for (const node of graph.nodes) {
    const value = node.attributes['value'];
    if (node.operation === 'Const' && value?.kind === 'tensor') constants.set(`${node.name}:0`, value.value);
  }
  const before = graph.nodes.length;
  const gradient = appendGradient({ input, scores, upstream }, forward, { graph, batch, constants });
  const produced = new Set(forward.map(({ output }) => output.name));
  const kept = new Set(
    graph.nodes
      .slice(before)
      .flatMap(({ inputs }) => inputs.filter((name) => produced.has(name) || name === input.name)),
  );
  const batchNode: GraphNode = {
    name: 'batch',
    operation: 'Placeholder',
    inputs: [],
    attributes: { dtype: INT, shape: { kind: 'shape', value: [1] } },
  };
  return {
    nodes: [batchNode, ...graph.nodes],
    input,
    scores,
    upstream,
    batch,
    gradient,
    forward,
    forwardNodes,
    constants,
    kept: [...kept],
  };
}

function forwardOf(
  model: tf.LayersModel,
  graph: ReturnType<typeof createGraphBuilder>,
  input: GraphValue,
): GraphValue {
  const values = new Map<number, GraphValue>([[model.inputs[0]!.id, input]]);
  for (const layer of model.layers) {
    if (layer.getClassName() === 'InputLayer') continue;
    const [node, ...others] = layer.inboundNodes;
    if (node === undefined || others.length > 0)
      throw new NotCompilable(`layer ${layer.name} is used more than once`);
    const inputs = node.inputTensors.map(({ id }) => values.get(id));
    if (inputs.some((value) => value === undefined))
      throw new NotCompilable(`layer ${layer.name} comes before its input`);
    const output = applyLayer(layer.getClassName(), {
      graph,
      inputs: inputs as GraphValue[],
      ...readLayer(layer),
    });
    values.set(node.outputTensors[0]!.id, output);
  }
  const scores = values.get(model.outputs[0]!.id);
  if (scores === undefined) throw new NotCompilable('the output is not the output of a layer');
  return scores;
}

/**
 * Compiles a network, loads it into native TensorFlow, and gives its passes: no dispatch per operation, no tape. What the
 * backward pass needs of the forward pass stays in TensorFlow in between, so nothing is computed twice and any loss on
 * scores will do.
 *
 * @throws {NotCompilable} when a layer or an operation has no rule; the tape serves such a network
 */
export async function compilePasses(model: tf.LayersModel): Promise<NetworkPasses> {
  const network = graphOf(model);
  const directory = await mkdtemp(join(tmpdir(), 'temper-graph-'));
  try {
    await writeFile(join(directory, 'saved_model.pb'), encodeSavedModel(network.nodes, {}));
    return passesOf(network, openGraphSession(directory));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function passesOf(network: NetworkGraph, session: GraphSession): NetworkPasses {
  const { input, scores } = network;
  return {
    path: 'compiled',
    logits: (inputs) =>
      inScope(() => session.run([[input.name, inputs]], [scores.name])[0]!.dataSync() as Float32Array),
    gradient: (inputs, upstreamOf) => inScope(() => bothPasses(network, session, { inputs, upstreamOf })),
    dispose: () => session.close(),
  };
}

function bothPasses(
  { input, scores, upstream, batch, gradient, kept }: NetworkGraph,
  session: GraphSession,
  { inputs, upstreamOf }: { inputs: tf.Tensor; upstreamOf: UpstreamOf },
): Float32Array {
  const fetched = kept.filter((name) => name !== input.name && name !== scores.name);
  const [logits, ...intermediates] = session.run([[input.name, inputs]], [scores.name, ...fetched]);
  const given: (readonly [string, tf.Tensor])[] = intermediates.map((tensor, i) => [fetched[i]!, tensor]);
  if (kept.includes(input.name)) given.push([input.name, inputs]);
  if (kept.includes(scores.name)) given.push([scores.name, logits!]);
  const derivative = upstreamOf(logits!.dataSync() as Float32Array);
  given.push([upstream.name, tf.tensor(derivative, logits!.shape)]);
  given.push([batch.name, tf.tensor1d([logits!.shape[0]], 'int32')]);
  return session.run(given, [gradient.name])[0]!.dataSync() as Float32Array;
}
