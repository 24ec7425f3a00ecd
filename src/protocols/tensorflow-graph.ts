import protobuf from 'protobufjs';

/** An attribute of a graph node, by its type in TensorFlow's operation definitions. */
export type GraphAttribute =
  | { readonly kind: 'type'; readonly value: DataType }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  /** −1 is a side that is not known. */
  | { readonly kind: 'shape'; readonly value: readonly number[] }
  | { readonly kind: 'tensor'; readonly value: GraphTensor };

export type DataType = 'float' | 'int32';

export interface GraphTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** One operation: its inputs are `node` or `node:output`. */
export interface GraphNode {
  readonly name: string;
  readonly operation: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, GraphAttribute>>;
}

/** A named value of the graph that callers give or get. */
export interface GraphPort {
  /** `node:output`. */
  readonly tensor: string;
  readonly type: DataType;
  readonly shape: readonly number[];
}

export interface GraphSignature {
  readonly inputs: Readonly<Record<string, GraphPort>>;
  readonly outputs: Readonly<Record<string, GraphPort>>;
}

const TYPE_NUMBERS: Readonly<Record<DataType, number>> = { float: 1, int32: 3 };

/** The messages of TensorFlow's saved_model.proto, meta_graph.proto and graph.proto that a frozen graph needs. */
const MESSAGES = protobuf.parse(
  `
  syntax = "proto3";
  message Dim { int64 size = 1; }
  message Shape { repeated Dim dim = 2; }
  message Tensor { int32 dtype = 1; Shape tensor_shape = 2; bytes tensor_content = 4; }
  message IntList { repeated int64 i = 3; }
  message Attribute {
    oneof value { IntList list = 1; bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6; Shape shape = 7; Tensor tensor = 8; }
  }
  message Node { string name = 1; string op = 2; repeated string input = 3; map<string, Attribute> attr = 5; }
  message Versions { int32 producer = 1; int32 min_consumer = 2; }
  message Graph { repeated Node node = 1; Versions versions = 4; }
  message Port { string name = 1; int32 dtype = 2; Shape tensor_shape = 3; }
  message Signature { map<string, Port> inputs = 1; map<string, Port> outputs = 2; string method_name = 3; }
  message MetaInfo { repeated string tags = 4; string tensorflow_version = 5; }
  message MetaGraph { MetaInfo meta_info_def = 1; Graph graph_def = 2; map<string, Signature> signature_def = 5; }
  message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraph meta_graphs = 2; }
`,
  { keepCase: true },
).root;

/** Version of graph semantics that the nodes are written for: TensorFlow 2.0 to 2.15 read it. */
const GRAPH_VERSION = 987;

/**
 * A frozen graph (weights are constants) as the bytes of `saved_model.pb`, tagged `serve`, with named signatures. A folder
 * with this one file is a SavedModel that TensorFlow and TensorFlow Serving load.
 */
export function encodeSavedModel(
  nodes: readonly GraphNode[],
  signatures: Readonly<Record<string, GraphSignature>>,
): Uint8Array {
  const message = MESSAGES.lookupType('SavedModel');
  return message
    .encode({
      saved_model_schema_version: 1,
      meta_graphs: [
        {
          meta_info_def: { tags: ['serve'], tensorflow_version: '2.15.1' },
          graph_def: {
            node: nodes.map(nodeMessage),
            versions: { producer: GRAPH_VERSION, min_consumer: 12 },
          },
          signature_def: mapValues(signatures, signatureMessage),
        },
      ],
    })
    .finish();
}

function nodeMessage({ name, operation, inputs, attributes }: GraphNode): object {
  return { name, op: operation, input: inputs, attr: mapValues(attributes, attributeMessage) };
}

function attributeMessage(attribute: GraphAttribute): object {
  switch (attribute.kind) {
    case 'type':
      return { type: TYPE_NUMBERS[attribute.value] };
    case 'bool':
      return { b: attribute.value };
    case 'int':
      return { i: attribute.value };
    case 'float':
      return { f: attribute.value };
    case 'string':
      return { s: Buffer.from(attribute.value) };
    case 'ints':
      return { list: { i: attribute.value } };
    case 'shape':
      return { shape: shapeMessage(attribute.value) };
    case 'tensor':
      return { tensor: tensorMessage(attribute.value) };
  }
}

function tensorMessage({ shape, values }: GraphTensor): object {
  return {
    dtype: TYPE_NUMBERS[values instanceof Int32Array ? 'int32' : 'float'],
    tensor_shape: shapeMessage(shape),
    tensor_content: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

function signatureMessage({ inputs, outputs }: GraphSignature): object {
  return {
    inputs: mapValues(inputs, portMessage),
    outputs: mapValues(outputs, portMessage),
    method_name: 'tensorflow/serving/predict',
  };
}

function portMessage({ tensor, type, shape }: GraphPort): object {
  return { name: tensor, dtype: TYPE_NUMBERS[type], tensor_shape: shapeMessage(shape) };
}

function shapeMessage(shape: readonly number[]): object {
  return { dim: shape.map((size) => ({ size })) };
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
