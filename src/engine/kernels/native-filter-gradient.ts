import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { convolutionOf, type ConvolutionAttributes, type ConvolutionInfo } from './convolution.ts';
import { compute, release } from './kernel-calls.ts';

type Attributes = ConvolutionAttributes & {
  readonly filterShape: readonly number[];
  readonly dataFormat?: 'NHWC' | 'NCHW';
};

/**
 * Gradient with respect to a filter, plain or depthwise, that is smaller than its stride. There TensorFlow's own kernels
 * (2.15, with more than one thread) write outside their memory, which ends the process sooner or later. So the filter is
 * taken to be as large as the stride, and the gradients of the taps that it does not have are dropped: no other tap's
 * gradient depends on them. Anything else is left to `original`.
 */
export function filterGradientOfGaps(original: KernelFunc): KernelFunc {
  return (call) => {
    const { x, dy } = call.inputs as { x: TensorInfo; dy: TensorInfo };
    // The operation's own attributes.
    const { filterShape, ...attributes } = call.attrs as unknown as Attributes;
    const info = convolutionOf(x.shape, filterShape, attributes);
    const { strideHeight, strideWidth, filterHeight, filterWidth } = info;
    const hasGaps = strideHeight > filterHeight || strideWidth > filterWidth;
    if (!hasGaps || attributes.dataFormat === 'NCHW') return original(call);
    const taps = [Math.max(strideHeight, filterHeight), Math.max(strideWidth, filterWidth)] as const;
    const padded = compute('PadV2', { x }, { paddings: paddingsFor(info, taps), constantValue: 0 });
    const attrs = { ...call.attrs, pad: 'valid', filterShape: [...taps, ...filterShape.slice(2)] };
    const whole = original({
      inputs: { x: padded, dy },
      backend: call.backend,
      attrs,
    }) as TensorInfo; // a gradient is one tensor
    release(padded);
    const gradient = compute('Slice', { x: whole }, { begin: [0, 0, 0, 0], size: filterShape });
    release(whole);
    return gradient;
  };
}

/** Zeros around x with which filters of this size, without padding of their own, have as many places as before. */
function paddingsFor(info: ConvolutionInfo, [height, width]: readonly [number, number]): number[][] {
  const { padInfo, inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = info;
  // Cells that the last window lacks. Those that it leaves over are fewer than a stride: no further window fits there.
  const below = (outHeight - 1) * strideHeight + height - inHeight - padInfo.top;
  const right = (outWidth - 1) * strideWidth + width - inWidth - padInfo.left;
  return [
    [0, 0],
    [padInfo.top, Math.max(0, below)],
    [padInfo.left, Math.max(0, right)],
    [0, 0],
  ];
}
