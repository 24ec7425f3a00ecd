import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { featureCount } from '../../domain/target.ts';
import { encodeOnnx } from '../../protocols/onnx.ts';
import type { ModelArtifact } from '../artifact.ts';
import type { AppliedOperation } from '../compiled/graph.ts';
import { EXPORTED_PORTS, forwardGraphOf, notExportable, type ForwardGraph } from './forward-graph.ts';
import { createOnnxWriter, type OnnxWriter } from './onnx-writer.ts';

/**
 * Writes a network as an ONNX file (operator set 13), from `inputs` [n, …input shape] to `outputs` [n, classes], float32,
 * weights inside. A final softmax is kept. The input keeps the layout it has here, channels last; convolutions and pools
 * work channels first in ONNX, so images are turned once before the first and once after the last of them. The file is
 * renamed into place whole. `startBackend` first.
 *
 * @throws {AppError} TEMPER_MODEL_UNSUPPORTED when a layer has no rule | what the file system throws
 */
export async function exportOnnx(artifact: ModelArtifact, file: string): Promise<void> {
  const bytes = await onnxOf(artifact);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.writing`, bytes);
  await rename(`${file}.writing`, file);
}

/** The bytes of the file. @throws {AppError} TEMPER_MODEL_UNSUPPORTED */
export async function onnxOf(artifact: ModelArtifact): Promise<Uint8Array> {
  const network = await forwardGraphOf(artifact);
  const writer = createOnnxWriter(network.input.name, EXPORTED_PORTS.input);
  for (const operation of network.forward) {
    const rule = RULES[operation.operation];
    if (rule === undefined) throw notExportable(`operation ${operation.operation} has no ONNX form`);
    rule(operation, writer, network);
  }
  const scores = writer.read(network.scores.name, 'as_given');
  const [operation, attributes] = network.hadSoftmax ? ['Softmax', { axis: -1 }] : ['Identity', {}];
  const { nodes, constants } = writer;
  return encodeOnnx({
    name: 'classifier',
    nodes: [...nodes, { operation, inputs: [scores], output: EXPORTED_PORTS.output, attributes }],
    constants,
    input: { name: EXPORTED_PORTS.input, shape: network.input.shape },
    output: { name: EXPORTED_PORTS.output, shape: network.scores.shape },
  });
}

type OnnxRule = (operation: AppliedOperation, writer: OnnxWriter, network: ForwardGraph) => void;

/** One rule per operation of the compiled graph. */
const RULES: Readonly<Record<string, OnnxRule>> = {
  Conv2D: convolution,
  BiasAdd: (operation, writer, network) => withVector('Add', { operation, writer, network }),
  MatMul: (operation, writer, network) => {
    const [value, kernel] = operation.inputs;
    const { shape, values } = constantOf(network, kernel!.name);
    const inputs = [writer.read(value!.name, 'as_given'), writer.constant(values, shape)];
    writer.write(operation, 'MatMul', { inputs, layout: 'as_given' });
  },
  Relu: sameElsewhere,
  Tanh: sameElsewhere,
  Sigmoid: sameElsewhere,
  MaxPool: (operation, writer) => {
    pool(operation, writer, { name: 'MaxPool', attributes: {} });
  },
  AvgPool: (operation, writer) => {
    // TensorFlow averages over what is inside the image, so padding is not counted.
    pool(operation, writer, { name: 'AveragePool', attributes: { count_include_pad: 0 } });
  },
  Mean: (operation, writer) => {
    const inputs = [writer.read(operation.inputs[0]!.name, 'channels_first')];
    const attributes = { axes: [2, 3], keepdims: 0 };
    writer.write(operation, 'ReduceMean', { inputs, attributes, layout: 'as_given' });
  },
  Reshape: (operation, writer) => {
    const sides = Int32Array.of(-1, ...operation.output.shape);
    const inputs = [
      writer.read(operation.inputs[0]!.name, 'as_given'),
      writer.constant(sides, [sides.length]),
    ];
    writer.write(operation, 'Reshape', { inputs, layout: 'as_given' });
  },
  Mul: (operation, writer, network) => withVector('Mul', { operation, writer, network }),
  AddV2: (operation, writer, network) => {
    if (network.constants.has(operation.inputs[1]!.name)) withVector('Add', { operation, writer, network });
    else sumOfTwo(operation, writer);
  },
  Pad: padded,
};

function convolution(operation: AppliedOperation, writer: OnnxWriter, network: ForwardGraph): void {
  const [value, kernel] = operation.inputs;
  const { shape, values } = constantOf(network, kernel!.name);
  const [height, width, channels, filters] = shape as [number, number, number, number];
  const turned = new Float32Array(values.length);
  for (let source = 0; source < values.length; source++) {
    const f = source % filters;
    const c = Math.floor(source / filters) % channels;
    const place = Math.floor(source / (filters * channels));
    turned[(f * channels + c) * height * width + place] = values[source]!;
  }
  const inputs = [
    writer.read(value!.name, 'channels_first'),
    writer.constant(turned, [filters, channels, height, width]),
  ];
  const attributes = { kernel_shape: [height, width], ...windows(operation, [height, width]) };
  writer.write(operation, 'Conv', { inputs, attributes, layout: 'channels_first' });
}

interface PoolForm {
  readonly name: string;
  readonly attributes: Readonly<Record<string, number>>;
}

function pool(operation: AppliedOperation, writer: OnnxWriter, { name, attributes: extra }: PoolForm): void {
  const [, height, width] = intsOf(operation, 'ksize');
  const attributes = {
    kernel_shape: [height!, width!],
    ...windows(operation, [height!, width!]),
    ...extra,
  };
  const inputs = [writer.read(operation.inputs[0]!.name, 'channels_first')];
  writer.write(operation, name, { inputs, attributes, layout: 'channels_first' });
}

/** Strides, and TensorFlow's SAME as explicit paddings: the odd cell goes to the end. */
function windows(
  operation: AppliedOperation,
  size: readonly [number, number],
): { readonly strides: readonly number[]; readonly pads: readonly number[] } {
  const [, ...rest] = intsOf(operation, 'strides');
  const strides = rest.slice(0, 2);
  const { padding } = operation.attributes;
  const isSame = padding?.kind === 'string' && padding.value === 'SAME';
  const totals = size.map((side, axis) => {
    const [before, after] = [operation.inputs[0]!.shape[axis]!, operation.output.shape[axis]!];
    return isSame ? Math.max((after - 1) * strides[axis]! + side - before, 0) : 0;
  });
  const begins = totals.map((total) => Math.floor(total / 2));
  return { strides, pads: [...begins, ...totals.map((total, axis) => total - begins[axis]!)] };
}

/** An operation between an image, or a vector, and one number per channel. */
function withVector(
  name: string,
  {
    operation,
    writer,
    network,
  }: {
    readonly operation: AppliedOperation;
    readonly writer: OnnxWriter;
    readonly network: ForwardGraph;
  },
): void {
  const [value, vector] = operation.inputs;
  const { values } = constantOf(network, vector!.name);
  const layout = writer.layoutOf(value!.name);
  const shape = layout === 'channels_first' ? [values.length, 1, 1] : [values.length];
  const inputs = [writer.read(value!.name, layout), writer.constant(values, shape)];
  writer.write(operation, name, { inputs, layout });
}

function sumOfTwo(operation: AppliedOperation, writer: OnnxWriter): void {
  const layout = writer.layoutOf(operation.inputs[0]!.name);
  const inputs = operation.inputs.map(({ name }) => writer.read(name, layout));
  writer.write(operation, 'Add', { inputs, layout });
}

/** An operation that has the same name here and there and works value by value. */
function sameElsewhere(operation: AppliedOperation, writer: OnnxWriter): void {
  const { name } = operation.inputs[0]!;
  const layout = writer.layoutOf(name);
  writer.write(operation, operation.operation, { inputs: [writer.read(name, layout)], layout });
}

function padded(operation: AppliedOperation, writer: OnnxWriter, network: ForwardGraph): void {
  const [value, paddings] = operation.inputs;
  const [, , top, bottom, left, right] = constantOf(network, paddings!.name).values;
  const pads = Int32Array.of(0, 0, top!, left!, 0, 0, bottom!, right!);
  const inputs = [writer.read(value!.name, 'channels_first'), writer.constant(pads, [pads.length])];
  writer.write(operation, 'Pad', { inputs, layout: 'channels_first' });
}

function constantOf(
  { constants }: ForwardGraph,
  name: string,
): { readonly shape: readonly number[]; readonly values: Float32Array | Int32Array } {
  const constant = constants.get(name);
  if (constant === undefined || featureCount(constant.shape) !== constant.values.length)
    throw notExportable(`${name} is not a constant`);
  return constant;
}

function intsOf({ operation, attributes }: AppliedOperation, name: string): readonly number[] {
  const attribute = attributes[name];
  if (attribute?.kind !== 'ints') throw notExportable(`operation ${operation} has no ${name}`);
  return attribute.value;
}
