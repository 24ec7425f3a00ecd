import protobuf from 'protobufjs';

/** An attribute of a node. Numbers are whole: no operation that we write takes a fraction. */
export type OnnxAttribute = number | readonly number[];

/** One operation of the default operator set. */
export interface OnnxNode {
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A constant: float32 from a Float32Array, int64 from an Int32Array (shapes and paddings are int64 in ONNX). */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** A float32 tensor that callers give or get; its first side is the batch and is free. */
export interface OnnxPort {
  readonly name: string;
  /** Without the batch side. */
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly name: string;
  /** In an order in which every input is there before it is used. */
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly input: OnnxPort;
  readonly output: OnnxPort;
}

/** Operator set 13 of 2020: Softmax over the last axis as everybody means it, and runtimes of all ages since read it. */
export const ONNX_OPERATOR_SET = 13;
const IR_VERSION = 7;
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** The messages of onnx.proto that such a graph needs. */
const MODEL = protobuf
  .parse(
    `
  syntax = "proto3";
  message Attribute { string name = 1; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
  message OperatorSet { string domain = 1; int64 version = 2; }
  message Model { int64 ir_version = 1; string producer_name = 2; string producer_version = 3; Graph graph = 7; repeated OperatorSet opset_import = 8; }
`,
    { keepCase: true },
  )
  .root.lookupType('Model');

/** A graph as the bytes of a `.onnx` file, which onnxruntime, Triton and their like load. */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  return MODEL.encode({
    ir_version: IR_VERSION,
    producer_name: 'temper',
    opset_import: [{ domain: '', version: ONNX_OPERATOR_SET }],
    graph: {
      name: graph.name,
      node: graph.nodes.map(nodeMessage),
      initializer: graph.constants.map(tensorMessage),
      input: [portMessage(graph.input)],
      output: [portMessage(graph.output)],
    },
  }).finish();
}

function nodeMessage({ operation, inputs, output, attributes }: OnnxNode): object {
  const attribute = Object.entries(attributes).map(([name, value]) =>
    typeof value === 'number'
      ? { name, i: value, type: ATTRIBUTE_INT }
      : { name, ints: value, type: ATTRIBUTE_INTS },
  );
  return { name: output, op_type: operation, input: inputs, output: [output], attribute };
}

function tensorMessage({ name, shape, values }: OnnxConstant): object {
  const isFloat = values instanceof Float32Array;
  const stored = isFloat ? values : BigInt64Array.from(values, BigInt);
  return {
    name,
    dims: shape,
    data_type: isFloat ? FLOAT : INT64,
    raw_data: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength),
  };
}

function portMessage({ name, shape }: OnnxPort): object {
  const dim = [{ dim_param: 'batch' }, ...shape.map((side) => ({ dim_value: side }))];
  return { name, type: { tensor_type: { elem_type: FLOAT, shape: { dim } } } };
}
