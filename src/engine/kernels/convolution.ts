import { tf } from '../tf.ts';

/** What a convolution's gradients are told about it. Only channels-last (NHWC) is supported, as by the forward kernel. */
export interface ConvolutionAttributes {
  readonly strides: number | readonly [number, number];
  readonly pad: 'same' | 'valid' | number | readonly (readonly [number, number])[];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export type Shape4D = readonly [number, number, number, number];

export type ConvolutionInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** Sizes, strides and padding of a convolution of inputs [n, h, w, c] with filters [fh, fw, c, f]. */
export function convolutionOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dimRoundingMode }: ConvolutionAttributes,
): ConvolutionInfo {
  type Parameters4D = Parameters<typeof tf.backend_util.computeConv2DInfo>;
  return tf.backend_util.computeConv2DInfo(
    inputShape as Parameters4D[0], // kernels are handed shapes of unknown rank; a convolution's have four sides
    filterShape as Parameters4D[1],
    strides as Parameters4D[2],
    1, // tfjs has no gradient for a dilated convolution
    pad as Parameters4D[4],
    dimRoundingMode,
  );
}
