import { imageGradientPlan } from '../../engine/kernels/image-gradient-plan.ts';
import type { GraphAttribute } from '../../protocols/tensorflow-graph.ts';
import { FLOAT, INT, type AppliedOperation, type GraphBuilder, type GraphValue } from './graph.ts';
import { NotCompilable, reshapeTo } from './layers.ts';

/** Where gradient rules write, and what they may use. */
export interface GradientContext {
  readonly graph: GraphBuilder;
  /** Number of rows, an int32 vector of one element: gradients of convolutions and pools are told their shape. */
  readonly batch: GraphValue;
  /** Values of constants by name. */
  readonly constants: ReadonlyMap<
    string,
    { readonly values: Float32Array | Int32Array; readonly shape: readonly number[] }
  >;
}

type GradientRule = (
  operation: AppliedOperation,
  upstream: GraphValue,
  context: GradientContext,
) => readonly { readonly input: GraphValue; readonly gradient: GraphValue }[];

/** ∂ loss / ∂ (first input) from ∂ loss / ∂ output: one rule per operation. Weights are constants and need none. */
const RULES: Readonly<Record<string, GradientRule>> = {
  Conv2D: convolution,
  BiasAdd: (operation, upstream) => toFirst(operation, upstream),
  MatMul: (operation, upstream, { graph }) =>
    toFirst(
      operation,
      graph.apply('MatMul', [upstream, operation.inputs[1]!], {
        shape: operation.inputs[0]!.shape,
        attributes: {
          T: FLOAT,
          transpose_a: { kind: 'bool', value: false },
          transpose_b: { kind: 'bool', value: true },
        },
      }),
    ),
  Relu: (operation, upstream, context) =>
    fromOutput('ReluGrad', [upstream, operation.output], operation, context),
  Tanh: (operation, upstream, context) =>
    fromOutput('TanhGrad', [operation.output, upstream], operation, context),
  Sigmoid: (operation, upstream, context) =>
    fromOutput('SigmoidGrad', [operation.output, upstream], operation, context),
  MaxPool: maximum,
  AvgPool: (operation, upstream, context) =>
    toFirst(
      operation,
      context.graph.apply('AvgPoolGrad', [shapeOf(operation.inputs[0]!, context), upstream], {
        shape: operation.inputs[0]!.shape,
        attributes: operation.attributes,
      }),
    ),
  Mean: average,
  Reshape: (operation, upstream, { graph }) =>
    toFirst(operation, reshapeTo(graph, upstream, operation.inputs[0]!.shape)),
  Mul: (operation, upstream, { graph }) =>
    toFirst(
      operation,
      graph.apply('Mul', [upstream, operation.inputs[1]!], {
        shape: upstream.shape,
        attributes: { T: FLOAT },
      }),
    ),
  AddV2: (operation, upstream, { constants }) =>
    operation.inputs
      .filter(({ name }) => !constants.has(name))
      .map((input) => ({ input, gradient: upstream })),
  Pad: cut,
};

/** Appends the backward pass to the graph and gives ∂ loss / ∂ input. @throws {NotCompilable} */
export function appendGradient(
  { input, scores, upstream }: { input: GraphValue; scores: GraphValue; upstream: GraphValue },
  forward: readonly AppliedOperation[],
  context: GradientContext,
): GraphValue {
  const gradients = new Map<string, GraphValue>([[scores.name, upstream]]);
  for (const operation of [...forward].reverse()) {
    const arriving = gradients.get(operation.output.name);
    if (arriving === undefined) continue;
    const rule = RULES[operation.operation];
    if (rule === undefined) throw new NotCompilable(`operation ${operation.operation} has no gradient rule`);
    for (const { input: into, gradient } of rule(operation, arriving, context)) {
      const earlier = gradients.get(into.name);
      gradients.set(into.name, earlier === undefined ? gradient : added(context.graph, earlier, gradient));
    }
  }
  const found = gradients.get(input.name);
  if (found === undefined) throw new NotCompilable('the scores do not depend on the input');
  return found;
}

function added(graph: GraphBuilder, left: GraphValue, right: GraphValue): GraphValue {
  return graph.apply('AddV2', [left, right], { shape: left.shape, attributes: { T: FLOAT } });
}

function toFirst({ inputs }: AppliedOperation, gradient: GraphValue): ReturnType<GradientRule> {
  return [{ input: inputs[0]!, gradient }];
}

function fromOutput(
  name: string,
  inputs: readonly GraphValue[],
  operation: AppliedOperation,
  { graph }: GradientContext,
): ReturnType<GradientRule> {
  return toFirst(
    operation,
    graph.apply(name, inputs, { shape: operation.output.shape, attributes: { T: FLOAT } }),
  );
}

/**
 * Images with few channels go by one convolution that computes blocks of cells as channels, and DepthToSpace; see
 * engine/kernels. Anything else by TensorFlow's own kernel.
 */
function convolution(
  operation: AppliedOperation,
  upstream: GraphValue,
  context: GradientContext,
): ReturnType<GradientRule> {
  const { graph, constants } = context;
  const [input, filter] = operation.inputs as [GraphValue, GraphValue];
  const [, stride, strideAcross] = intsOf(operation, 'strides');
  const pad = stringOf(operation, 'padding').toLowerCase() as 'same' | 'valid';
  const plan = imageGradientPlan(
    {
      inputShape: [1, ...input.shape],
      filterShape: filter.shape,
      values: constants.get(filter.name)!.values as Float32Array,
    },
    { strides: [stride!, strideAcross!], pad },
  );
  if (plan === undefined)
    return toFirst(
      operation,
      graph.apply('Conv2DBackpropInput', [shapeOf(input, context), filter, upstream], {
        shape: input.shape,
        attributes: operation.attributes,
      }),
    );
  const cells = graph.apply('Conv2D', [upstream, graph.constant(plan.filter, plan.filterShape)], {
    shape: plan.cellsShape,
    attributes: {
      T: FLOAT,
      strides: { kind: 'ints', value: [1, ...plan.strides, 1] },
      padding: { kind: 'string', value: 'EXPLICIT' },
      explicit_paddings: { kind: 'ints', value: [0, 0, ...plan.padding.flat(), 0, 0] },
      data_format: { kind: 'string', value: 'NHWC' },
    },
  });
  const spread =
    plan.block === 1
      ? cells
      : graph.apply('DepthToSpace', [cells], {
          shape: plan.spreadShape,
          attributes: { T: FLOAT, block_size: { kind: 'int', value: plan.block } },
        });
  return toFirst(operation, sliced(graph, spread, { begin: [0, 0, 0], shape: input.shape }));
}

/**
 * Blocks that do not overlap: TensorFlow's MaxPoolGrad takes several times as long as the same in elementwise operations.
 * The cells of a block become channels; the first that equals the maximum takes the gradient, as MaxPoolGrad has it.
 */
function maximum(
  operation: AppliedOperation,
  upstream: GraphValue,
  { graph }: GradientContext,
): ReturnType<GradientRule> {
  const input = operation.inputs[0]!;
  const block = wholeBlock(operation);
  if (block === undefined)
    return toFirst(
      operation,
      graph.apply('MaxPoolGrad', [input, operation.output, upstream], {
        shape: input.shape,
        attributes: operation.attributes,
      }),
    );
  const float = { shape: upstream.shape, attributes: { T: FLOAT } };
  const cells = splitBlocks(graph, input, block);
  const zero = graph.constant(Float32Array.of(0), []);
  let rest = upstream;
  const parts = cells.map((cell, i) => {
    if (i === cells.length - 1) return rest;
    const isMaximum = graph.apply('Equal', [cell, operation.output], float);
    const part = graph.apply('SelectV2', [isMaximum, rest, zero], float);
    rest = graph.apply('Sub', [rest, part], float);
    return part;
  });
  return toFirst(operation, joinBlocks(graph, parts, { block, shape: input.shape }));
}

/** Side of the blocks of a pool that covers its input with whole blocks, each cell once; undefined for others. */
function wholeBlock(operation: AppliedOperation): number | undefined {
  const [, height, width] = intsOf(operation, 'ksize');
  const [, down, across] = intsOf(operation, 'strides');
  const [rows, columns] = operation.inputs[0]!.shape as [number, number, number];
  const isSquare = height === width && height === down && width === across;
  return isSquare && height! > 1 && rows % height! === 0 && columns % height! === 0 ? height : undefined;
}

/** The cells of blocks [block, block], row by row, each [rows/block, columns/block, channels]. */
function splitBlocks(graph: GraphBuilder, value: GraphValue, block: number): readonly GraphValue[] {
  const [rows, columns, channels] = value.shape as [number, number, number];
  const cells = block * block;
  const deep = graph.apply('SpaceToDepth', [value], {
    shape: [rows / block, columns / block, cells * channels],
    attributes: { T: FLOAT, block_size: { kind: 'int', value: block } },
  });
  const axis = graph.constant(Int32Array.of(3), []);
  const first = graph.apply('Split', [axis, deep], {
    shape: [rows / block, columns / block, channels],
    attributes: { T: FLOAT, num_split: { kind: 'int', value: cells } },
  });
  return Array.from({ length: cells }, (_, i) => ({ ...first, name: first.name.replace(/:0$/, `:${i}`) }));
}

function joinBlocks(
  graph: GraphBuilder,
  parts: readonly GraphValue[],
  { block, shape }: { block: number; shape: readonly number[] },
): GraphValue {
  const [rows, columns, channels] = shape as [number, number, number];
  const deep = graph.apply('ConcatV2', [...parts, graph.constant(Int32Array.of(3), [])], {
    shape: [rows / block, columns / block, parts.length * channels],
    attributes: { T: FLOAT, N: { kind: 'int', value: parts.length }, Tidx: INT },
  });
  return graph.apply('DepthToSpace', [deep], {
    shape,
    attributes: { T: FLOAT, block_size: { kind: 'int', value: block } },
  });
}

function average(
  operation: AppliedOperation,
  upstream: GraphValue,
  { graph }: GradientContext,
): ReturnType<GradientRule> {
  const [height, width, channels] = operation.inputs[0]!.shape as [number, number, number];
  const shares = new Float32Array(height * width).fill(1 / (height * width));
  const wide = reshapeTo(graph, upstream, [1, 1, channels]);
  const share = graph.constant(shares, [1, height, width, 1]);
  return toFirst(
    operation,
    graph.apply('Mul', [wide, share], { shape: [height, width, channels], attributes: { T: FLOAT } }),
  );
}

function cut(
  operation: AppliedOperation,
  upstream: GraphValue,
  { graph, constants }: GradientContext,
): ReturnType<GradientRule> {
  const paddings = constants.get(operation.inputs[1]!.name)!.values;
  const begin = operation.inputs[0]!.shape.map((_, axis) => paddings[2 * (axis + 1)]!);
  return toFirst(operation, sliced(graph, upstream, { begin, shape: operation.inputs[0]!.shape }));
}

/** The part of each example from `begin` on. */
function sliced(
  graph: GraphBuilder,
  value: GraphValue,
  { begin, shape }: { begin: readonly number[]; shape: readonly number[] },
): GraphValue {
  if (value.shape.join() === shape.join()) return value;
  const from = graph.constant(Int32Array.of(0, ...begin), [begin.length + 1]);
  const size = graph.constant(Int32Array.of(-1, ...shape), [shape.length + 1]);
  return graph.apply('Slice', [value, from, size], { shape, attributes: { T: FLOAT, Index: INT } });
}

/** [rows, ...shape of one example] as a tensor. */
function shapeOf(value: GraphValue, { graph, batch }: GradientContext): GraphValue {
  const sides = graph.constant(Int32Array.from(value.shape), [value.shape.length]);
  const axis = graph.constant(Int32Array.of(0), []);
  const count: GraphAttribute = { kind: 'int', value: 2 };
  return graph.apply('ConcatV2', [batch, sides, axis], {
    shape: [value.shape.length + 1],
    attributes: { T: INT, N: count, Tidx: INT },
  });
}

function intsOf({ attributes }: AppliedOperation, name: string): readonly number[] {
  const attribute = attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : [];
}

function stringOf({ attributes }: AppliedOperation, name: string): string {
  const attribute = attributes[name];
  return attribute?.kind === 'string' ? attribute.value : '';
}
