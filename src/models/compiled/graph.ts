import type { DataType, GraphAttribute, GraphNode } from '../../protocols/tensorflow-graph.ts';

/** A tensor of a graph under construction. */
export interface GraphValue {
  /** `node:output`, as inputs and sessions name it. */
  readonly name: string;
  /** Without the batch side for values that have one. */
  readonly shape: readonly number[];
}

/** An operation that was applied, as the gradient rules see it. */
export interface AppliedOperation {
  readonly operation: string;
  readonly inputs: readonly GraphValue[];
  readonly output: GraphValue;
  readonly attributes: Readonly<Record<string, GraphAttribute>>;
}

/** Collects the nodes of a frozen TensorFlow graph. */
export interface GraphBuilder {
  readonly nodes: readonly GraphNode[];
  /** Operations in the order in which they were applied. */
  readonly applied: readonly AppliedOperation[];
  placeholder(name: string, shape: readonly number[]): GraphValue;
  constant(values: Float32Array | Int32Array, shape: readonly number[]): GraphValue;
  /** Applies an operation and gives its first output. `shape` is that of the output, without the batch side. */
  apply(
    operation: string,
    inputs: readonly GraphValue[],
    options: {
      readonly shape: readonly number[];
      readonly attributes?: Readonly<Record<string, GraphAttribute>>;
    },
  ): GraphValue;
}

export const typeOf = (value: DataType): GraphAttribute => ({ kind: 'type', value });
export const FLOAT = typeOf('float');
export const INT = typeOf('int32');

export function createGraphBuilder(): GraphBuilder {
  const nodes: GraphNode[] = [];
  const applied: AppliedOperation[] = [];
  const add = (
    operation: string,
    inputs: readonly GraphValue[],
    attributes: Readonly<Record<string, GraphAttribute>>,
    name = `${operation}_${nodes.length}`,
  ): string => {
    nodes.push({ name, operation, inputs: inputs.map((input) => input.name), attributes });
    return `${name}:0`;
  };
  return {
    nodes,
    applied,
    placeholder(name, shape) {
      const attributes = { dtype: FLOAT, shape: { kind: 'shape', value: [-1, ...shape] } } as const;
      return { name: add('Placeholder', [], attributes, name), shape };
    },
    constant(values, shape) {
      const dtype = values instanceof Int32Array ? INT : FLOAT;
      const attributes = { dtype, value: { kind: 'tensor', value: { shape, values } } } as const;
      return { name: add('Const', [], attributes), shape };
    },
    apply(operation, inputs, { shape, attributes = {} }) {
      const output = { name: add(operation, inputs, attributes), shape };
      applied.push({ operation, inputs, output, attributes });
      return output;
    },
  };
}
