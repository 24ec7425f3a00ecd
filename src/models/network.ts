import { createRng } from '../domain/rng.ts';
import { featureCount } from '../domain/target.ts';
import type { ModelArtifact } from './artifact.ts';
import { joinFloats, type WeightSpec } from './flat-weights.ts';

export type Activation = 'relu' | 'linear';

/** One layer of a feed-forward network. Convolutions and pools pad with zeros to `ceil(side / stride)`. */
export type LayerPlan =
  | {
      readonly kind: 'convolution';
      readonly filters: number;
      /** Side of the square kernel. */
      readonly kernel: number;
      readonly stride: number;
      readonly activation: Activation;
    }
  /** Largest of each size × size window; windows do not overlap. */
  | { readonly kind: 'max-pool'; readonly size: number }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'dense'; readonly units: number; readonly activation: Activation };

export interface NetworkPlan {
  readonly name: string;
  /** Shape of one input, e.g. [28, 28, 1]. */
  readonly inputShape: readonly number[];
  readonly layers: readonly LayerPlan[];
  /** Names the stream of initial weights: equal seeds give equal weights on every engine. */
  readonly seed: number;
}

export interface DigitsNetworkOptions {
  readonly seed: number;
  /** Filters of the two convolutions. Default [16, 32]. */
  readonly filters?: readonly [number, number];
  /** Units of the hidden dense layer. Default 100. */
  readonly hidden?: number;
}

/**
 * The demo's classifier of 28×28 digits: two strided 5×5 convolutions, a hidden dense layer, ten logits; 171,158 weights
 * with the default sizes.
 */
export function digitsNetwork({
  seed,
  filters = [16, 32],
  hidden = 100,
}: DigitsNetworkOptions): ModelArtifact {
  return buildNetwork({
    name: 'digits',
    inputShape: [28, 28, 1],
    seed,
    layers: [
      { kind: 'convolution', filters: filters[0], kernel: 5, stride: 2, activation: 'relu' },
      { kind: 'convolution', filters: filters[1], kernel: 5, stride: 2, activation: 'relu' },
      { kind: 'flatten' },
      { kind: 'dense', units: hidden, activation: 'relu' },
      { kind: 'dense', units: 10, activation: 'linear' },
    ],
  });
}

/**
 * The MNIST network of Madry et al.: 5×5×32, pool, 5×5×64, pool, 1,024, 10 logits; 3,274,634 weights. Initial weights
 * are ours.
 *
 * @see Madry et al. (2018), Towards deep learning models resistant to adversarial attacks, ICLR
 */
export function madryNetwork({ seed }: { readonly seed: number }): ModelArtifact {
  return buildNetwork({
    name: 'madry',
    inputShape: [28, 28, 1],
    seed,
    layers: [
      { kind: 'convolution', filters: 32, kernel: 5, stride: 1, activation: 'relu' },
      { kind: 'max-pool', size: 2 },
      { kind: 'convolution', filters: 64, kernel: 5, stride: 1, activation: 'relu' },
      { kind: 'max-pool', size: 2 },
      { kind: 'flatten' },
      { kind: 'dense', units: 1024, activation: 'relu' },
      { kind: 'dense', units: 10, activation: 'linear' },
    ],
  });
}

/**
 * Topology of a sequential tfjs layers model with initial weights: biases 0, kernels uniform in ±√(6 / fan_in) before a
 * relu (He) and ±√(6 / (fan_in + fan_out)) before linear outputs (Glorot).
 *
 * @see He et al. (2015), Delving deep into rectifiers, ICCV
 * @see Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural networks, AISTATS
 */
export function buildNetwork(plan: NetworkPlan): ModelArtifact {
  const layers: object[] = [];
  const weightSpecs: WeightSpec[] = [];
  const kernels: Float32Array[] = [];
  let shape = plan.inputShape;
  plan.layers.forEach((layer, index) => {
    const name = `${layer.kind.replace('-', '_')}_${index + 1}`;
    const input = index === 0 ? { batch_input_shape: [null, ...plan.inputShape], dtype: 'float32' } : {};
    layers.push({
      class_name: CLASS_NAMES[layer.kind],
      config: { name, trainable: true, ...layerConfig(layer), ...input },
    });
    const kernelShape = kernelShapeOf(layer, shape);
    if (kernelShape !== undefined) {
      const units = kernelShape.at(-1)!;
      weightSpecs.push(
        { name: `${name}/kernel`, shape: kernelShape },
        { name: `${name}/bias`, shape: [units] },
      );
      kernels.push(initialKernel(plan.seed, { name, layer, shape: kernelShape }), new Float32Array(units));
    }
    shape = outputShapeOf(layer, shape);
  });
  const topology = {
    class_name: 'Sequential',
    config: { name: plan.name, layers },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  };
  return { topology, weightSpecs, weights: joinFloats(kernels) };
}

const CLASS_NAMES = {
  convolution: 'Conv2D',
  'max-pool': 'MaxPooling2D',
  flatten: 'Flatten',
  dense: 'Dense',
} as const satisfies Record<LayerPlan['kind'], string>;

/** Values replace these at once; anything random would cost time at each load. */
const ZEROS = { class_name: 'Zeros', config: {} };

function layerConfig(layer: LayerPlan): object {
  switch (layer.kind) {
    case 'convolution':
      return {
        filters: layer.filters,
        kernel_size: [layer.kernel, layer.kernel],
        strides: [layer.stride, layer.stride],
        padding: 'same',
        data_format: 'channels_last',
        dilation_rate: [1, 1],
        activation: layer.activation,
        use_bias: true,
        kernel_initializer: ZEROS,
        bias_initializer: ZEROS,
      };
    case 'max-pool':
      return {
        pool_size: [layer.size, layer.size],
        strides: [layer.size, layer.size],
        padding: 'same',
        data_format: 'channels_last',
      };
    case 'flatten':
      return {};
    case 'dense':
      return {
        units: layer.units,
        activation: layer.activation,
        use_bias: true,
        kernel_initializer: ZEROS,
        bias_initializer: ZEROS,
      };
  }
}

function kernelShapeOf(layer: LayerPlan, input: readonly number[]): number[] | undefined {
  if (layer.kind === 'convolution') return [layer.kernel, layer.kernel, input.at(-1)!, layer.filters];
  if (layer.kind === 'dense') return [featureCount(input), layer.units];
  return undefined;
}

function outputShapeOf(layer: LayerPlan, input: readonly number[]): readonly number[] {
  const [height = 1, width = 1, channels = 1] = input;
  switch (layer.kind) {
    case 'convolution':
      return [Math.ceil(height / layer.stride), Math.ceil(width / layer.stride), layer.filters];
    case 'max-pool':
      return [Math.ceil(height / layer.size), Math.ceil(width / layer.size), channels];
    case 'flatten':
      return [featureCount(input)];
    case 'dense':
      return [layer.units];
  }
}

function initialKernel(
  seed: number,
  kernel: { name: string; layer: LayerPlan; shape: readonly number[] },
): Float32Array {
  const outputs = kernel.shape.at(-1)!;
  const fanIn = featureCount(kernel.shape) / outputs;
  const fanOut = kernel.layer.kind === 'convolution' ? outputs * kernel.layer.kernel ** 2 : outputs;
  const relu = 'activation' in kernel.layer && kernel.layer.activation === 'relu';
  const limit = Math.sqrt(6 / (relu ? fanIn : fanIn + fanOut));
  const rng = createRng('initial-weights', seed, kernel.name);
  return Float32Array.from({ length: featureCount(kernel.shape) }, () => (2 * rng.uniform() - 1) * limit);
}
