import type { ImageShape } from '../square/windows.ts';
import type { Processing } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';
import { imageOf } from './image-of.ts';

export const KERNEL_NAMES = ['gaussian', 'linear', 'uniform'] as const;
export type KernelName = (typeof KERNEL_NAMES)[number];

export interface KernelOptions {
  readonly kernel: KernelName;
  /** Side of the kernel in pixels, odd. */
  readonly size: number;
}

/** Standard deviations from the middle of a Gaussian kernel to its edge. */
const GAUSSIAN_REACH = 3;

/**
 * One side of the separable kernel, sums to 1, symmetric:  gaussian  exp(−t²/2), t from −3 to 3;
 * linear  1 − |t|/((size + 1)/2), t in pixels from the middle;  uniform  1.
 */
export function kernelSide({ kernel, size }: KernelOptions): Float64Array {
  const middle = (size - 1) / 2;
  const weights = Float64Array.from({ length: size }, (_, i) => {
    const t = i - middle;
    if (kernel === 'uniform') return 1;
    if (kernel === 'linear') return 1 - Math.abs(t) / ((size + 1) / 2);
    return Math.exp(-((middle === 0 ? 0 : (GAUSSIAN_REACH * t) / middle) ** 2) / 2);
  });
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / sum);
}

/**
 * Translation invariance: gradients are convolved, channel by channel and with zeros around the image, with a kernel.
 * That is the gradient of the mean loss over shifted images, for a model that does not mind shifts.
 *
 * @throws {AppError} TEMPER_ATTACK_SHAPE when examples are not images
 * @see Dong et al. (2019), CVPR, arXiv 1904.02884: a Gaussian of 15 pixels
 */
export function translationKernel(options: KernelOptions): (state: LoopState) => Processing {
  return ({ session, space, direction }) => {
    const image = imageOf(session, 'ti-fgsm');
    const side = kernelSide(options);
    const { features } = session;
    return {
      direct() {
        for (let i = 0; i < space.count; i++)
          convolve(direction.subarray(i * features, (i + 1) * features), image, side);
      },
    };
  };
}

/** Convolves an image in place, along its lines and then along its columns. */
function convolve(values: Float32Array, image: ImageShape, side: Float64Array): void {
  const { height, width, channels } = image;
  const along = (length: number, stride: number, starts: Iterable<number>): void => {
    const line = new Float64Array(length);
    for (const start of starts) {
      for (let i = 0; i < length; i++) line[i] = values[start + i * stride]!;
      for (let i = 0; i < length; i++) values[start + i * stride] = weighted(line, side, i);
    }
  };
  along(width, channels, startsOf(height, width * channels, channels));
  along(height, width * channels, startsOf(width, channels, channels));
}

function* startsOf(count: number, stride: number, channels: number): Generator<number> {
  for (let i = 0; i < count; i++) for (let c = 0; c < channels; c++) yield i * stride + c;
}

function weighted(line: Float64Array, side: Float64Array, at: number): number {
  const middle = (side.length - 1) / 2;
  let sum = 0;
  for (let k = 0; k < side.length; k++) sum += side[k]! * (line[at + k - middle] ?? 0);
  return sum;
}
