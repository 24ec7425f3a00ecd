import { convolutionOf, type ConvolutionAttributes } from './convolution.ts';
import { blockOf } from './native-conv2d-backprop-input.ts';
import { allPhases, turnedFilter } from './phase-group.ts';

/** How to compute the gradient of a convolution with respect to an image: one convolution of dy, then DepthToSpace. */
export interface ImageGradientPlan {
  /** Filter of the convolution of dy, constant as long as the forward filter is. */
  readonly filter: Float32Array;
  readonly filterShape: readonly number[];
  readonly strides: readonly [number, number];
  /** Zeros before and after dy, down and across. */
  readonly padding: readonly (readonly [number, number])[];
  /** Shapes without the batch side: after the convolution, and after DepthToSpace with `block`. */
  readonly cellsShape: readonly number[];
  readonly spreadShape: readonly number[];
  readonly block: number;
}

/**
 * @param forward shapes [n, h, w, c] and [fh, fw, c, f] of the forward convolution and the values of its filter
 * @returns undefined where TensorFlow's own kernel is as fast
 */
export function imageGradientPlan(
  forward: {
    readonly inputShape: readonly number[];
    readonly filterShape: readonly number[];
    readonly values: Float32Array;
  },
  attributes: ConvolutionAttributes,
): ImageGradientPlan | undefined {
  const { inputShape, filterShape, values } = forward;
  const info = convolutionOf(inputShape, filterShape, attributes);
  const block = blockOf(info) ?? (info.strideHeight === 1 && info.strideWidth === 1 ? 1 : undefined);
  if (block === undefined) return undefined;
  const group = allPhases(info, block / info.strideHeight, block / info.strideWidth);
  const { rows, columns } = group;
  const channels = info.inChannels;
  const width = rows.phases.length * columns.phases.length * channels;
  return {
    filter: turnedFilter(values, filterShape, group),
    filterShape: [rows.length, columns.length, filterShape[3]!, width],
    strides: [rows.step, columns.step],
    padding: [rows.padding, columns.padding],
    cellsShape: [rows.cells, columns.cells, width],
    spreadShape: [rows.cells * block, columns.cells * block, channels],
    block,
  };
}
