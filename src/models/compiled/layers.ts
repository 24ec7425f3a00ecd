import type { tf } from '../../engine/tf.ts';
import type { GraphAttribute } from '../../protocols/tensorflow-graph.ts';
import { FLOAT, INT, type GraphBuilder, type GraphValue } from './graph.ts';

/** What a layer's rule works with. */
export interface LayerContext {
  readonly graph: GraphBuilder;
  readonly config: Readonly<Record<string, unknown>>;
  /** Values of the layer's weights in the order of `getWeights`, with their shapes. */
  readonly weights: readonly { readonly values: Float32Array; readonly shape: readonly number[] }[];
  readonly inputs: readonly GraphValue[];
  /** Without the batch side. */
  readonly outputShape: readonly number[];
}

type LayerRule = (context: LayerContext) => GraphValue;

/** A reason why a network has no compiled form; the tape serves it then. */
export class NotCompilable extends Error {}

const NHWC: GraphAttribute = { kind: 'string', value: 'NHWC' };

const ACTIVATIONS: Readonly<Record<string, string>> = { relu: 'Relu', tanh: 'Tanh', sigmoid: 'Sigmoid' };

/** One rule per tfjs layer. A layer without one makes the whole network fall back to the tape. */
const RULES: Readonly<Record<string, LayerRule>> = {
  Conv2D: (context) => activated(context, biased(context, convolution(context))),
  Dense: (context) => activated(context, biased(context, dense(context))),
  MaxPooling2D: (context) => pool(context, 'MaxPool'),
  AveragePooling2D: (context) => pool(context, 'AvgPool'),
  GlobalAveragePooling2D: globalAverage,
  Flatten: reshape,
  Reshape: reshape,
  Activation: (context) => activated(context, context.inputs[0]!),
  ReLU: rectified,
  Dropout: identity,
  GaussianNoise: identity,
  BatchNormalization: normalised,
  ZeroPadding2D: padded,
  Add: sum,
};

/** @throws {NotCompilable} for a layer, or an option of one, that has no rule */
export function applyLayer(className: string, context: LayerContext): GraphValue {
  const rule = RULES[className];
  if (rule === undefined) throw new NotCompilable(`layer ${className} has no rule`);
  return rule(context);
}

/** The weights and settings of a tfjs layer, read out. */
export function readLayer(layer: tf.layers.Layer): Pick<LayerContext, 'config' | 'weights' | 'outputShape'> {
  const [, ...outputShape] = layer.outputShape as (number | null)[];
  if (outputShape.some((side) => typeof side !== 'number'))
    throw new NotCompilable(`layer ${layer.name} has no fixed output shape`);
  return {
    config: layer.getConfig(),
    weights: layer.getWeights().map((weight) => ({
      values: weight.dataSync() as Float32Array,
      shape: weight.shape,
    })),
    outputShape: outputShape as number[],
  };
}

function convolution({ graph, config, weights, inputs, outputShape }: LayerContext): GraphValue {
  const kernel = weights[0]!;
  expectSetting(config, 'dataFormat', 'channelsLast', 'channels_last', undefined);
  if (pair(config['dilationRate'], 1).some((rate) => rate !== 1))
    throw new NotCompilable('a dilated convolution has no rule');
  return graph.apply('Conv2D', [inputs[0]!, graph.constant(kernel.values, kernel.shape)], {
    shape: outputShape,
    attributes: {
      T: FLOAT,
      strides: { kind: 'ints', value: [1, ...pair(config['strides'], 1), 1] },
      padding: paddingOf(config),
      data_format: NHWC,
    },
  });
}

function dense({ graph, weights, inputs, outputShape }: LayerContext): GraphValue {
  if (inputs[0]!.shape.length !== 1)
    throw new NotCompilable('a dense layer over more than one axis has no rule');
  const kernel = weights[0]!;
  return graph.apply('MatMul', [inputs[0]!, graph.constant(kernel.values, kernel.shape)], {
    shape: outputShape,
    attributes: {
      T: FLOAT,
      transpose_a: { kind: 'bool', value: false },
      transpose_b: { kind: 'bool', value: false },
    },
  });
}

function biased({ graph, weights, outputShape }: LayerContext, value: GraphValue): GraphValue {
  const bias = weights[1];
  if (bias === undefined) return value;
  return graph.apply('BiasAdd', [value, graph.constant(bias.values, bias.shape)], {
    shape: outputShape,
    attributes: { T: FLOAT, data_format: NHWC },
  });
}

function activated({ graph, config, outputShape }: LayerContext, value: GraphValue): GraphValue {
  const name = textOf(config, 'activation', 'linear');
  if (name === 'linear') return value;
  const operation = ACTIVATIONS[name];
  if (operation === undefined) throw new NotCompilable(`activation ${name} has no rule`);
  return graph.apply(operation, [value], { shape: outputShape, attributes: { T: FLOAT } });
}

function rectified({ graph, config, inputs, outputShape }: LayerContext): GraphValue {
  if (config['maxValue'] !== undefined && config['maxValue'] !== null)
    throw new NotCompilable('a ReLU with a maximum has no rule');
  return graph.apply('Relu', [inputs[0]!], { shape: outputShape, attributes: { T: FLOAT } });
}

function pool({ graph, config, inputs, outputShape }: LayerContext, operation: string): GraphValue {
  const size = pair(config['poolSize'], 2);
  const strides =
    config['strides'] === null || config['strides'] === undefined ? size : pair(config['strides'], 1);
  return graph.apply(operation, [inputs[0]!], {
    shape: outputShape,
    attributes: {
      T: FLOAT,
      ksize: { kind: 'ints', value: [1, ...size, 1] },
      strides: { kind: 'ints', value: [1, ...strides, 1] },
      padding: paddingOf(config),
      data_format: NHWC,
    },
  });
}

function globalAverage({ graph, inputs, outputShape }: LayerContext): GraphValue {
  const axes = graph.constant(Int32Array.of(1, 2), [2]);
  return graph.apply('Mean', [inputs[0]!, axes], {
    shape: outputShape,
    attributes: { T: FLOAT, Tidx: INT, keep_dims: { kind: 'bool', value: false } },
  });
}

function reshape({ graph, inputs, outputShape }: LayerContext): GraphValue {
  return reshapeTo(graph, inputs[0]!, outputShape);
}

/** Another shape of each example; the batch side stays. */
export function reshapeTo(graph: GraphBuilder, value: GraphValue, shape: readonly number[]): GraphValue {
  const sides = graph.constant(Int32Array.of(-1, ...shape), [shape.length + 1]);
  return graph.apply('Reshape', [value, sides], { shape, attributes: { T: FLOAT, Tshape: INT } });
}

function identity({ inputs }: LayerContext): GraphValue {
  return inputs[0]!;
}

/** γ (x − μ) / √(σ² + ε) + β of a trained layer, as one factor and one summand per channel. */
function normalised({ graph, config, weights, inputs, outputShape }: LayerContext): GraphValue {
  const axis = Number(config['axis'] ?? -1);
  if (axis !== -1 && axis !== outputShape.length)
    throw new NotCompilable('a batch normalisation over another axis than the last has no rule');
  const rest = weights.map(({ values }) => values);
  const gamma = config['scale'] === false ? undefined : rest.shift();
  const beta = config['center'] === false ? undefined : rest.shift();
  const [mean, variance] = rest as [Float32Array, Float32Array];
  const epsilon = Number(config['epsilon'] ?? 1e-3);
  const factor = variance.map((value, c) => (gamma?.[c] ?? 1) / Math.sqrt(value + epsilon));
  const summand = factor.map((value, c) => (beta?.[c] ?? 0) - mean[c]! * value);
  const options = { shape: outputShape, attributes: { T: FLOAT } };
  const scaled = graph.apply('Mul', [inputs[0]!, graph.constant(factor, [factor.length])], options);
  return graph.apply('AddV2', [scaled, graph.constant(summand, [summand.length])], options);
}

function padded({ graph, config, inputs, outputShape }: LayerContext): GraphValue {
  const [rows, columns] = config['padding'] as [[number, number], [number, number]];
  const paddings = graph.constant(Int32Array.of(0, 0, ...rows, ...columns, 0, 0), [4, 2]);
  return graph.apply('Pad', [inputs[0]!, paddings], {
    shape: outputShape,
    attributes: { T: FLOAT, Tpaddings: INT },
  });
}

function sum({ graph, inputs, outputShape }: LayerContext): GraphValue {
  if (inputs.some(({ shape }) => shape.join() !== outputShape.join()))
    throw new NotCompilable('a sum with broadcasting has no rule');
  return inputs.reduce((left, right) =>
    graph.apply('AddV2', [left, right], { shape: outputShape, attributes: { T: FLOAT } }),
  );
}

function paddingOf(config: Readonly<Record<string, unknown>>): GraphAttribute {
  const padding = textOf(config, 'padding', 'valid').toUpperCase();
  if (padding !== 'SAME' && padding !== 'VALID') throw new NotCompilable(`padding ${padding} has no rule`);
  return { kind: 'string', value: padding };
}

function expectSetting(
  config: Readonly<Record<string, unknown>>,
  key: string,
  ...allowed: readonly unknown[]
): void {
  if (!allowed.includes(config[key] ?? undefined))
    throw new NotCompilable(`${key} ${String(config[key])} has no rule`);
}

function pair(value: unknown, fallback: number): readonly [number, number] {
  if (Array.isArray(value)) return [Number(value[0]), Number(value[1] ?? value[0])];
  return [Number(value ?? fallback), Number(value ?? fallback)];
}

function textOf(config: Readonly<Record<string, unknown>>, key: string, fallback: string): string {
  const value = config[key] ?? fallback;
  if (typeof value !== 'string') throw new NotCompilable(`${key} ${JSON.stringify(value)} has no rule`);
  return value;
}
