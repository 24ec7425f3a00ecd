import type { TensorInfo } from '@tensorflow/tfjs-core';
import { convolutionOf, type ConvolutionAttributes, type Shape4D } from './convolution.ts';
import { compute, release, reshaped, transposed } from './kernel-calls.ts';

/**
 * Gradient of a convolution with respect to its filter, as one convolution:
 *   dW[u, v, c, f] = Σ_{n, i, j} x[n, i·s + u − p, j·s + v − p, c] · dy[n, i, j, f]
 * Batch and channels change places, so that the sum over n becomes the sum over input channels, and the stride of the
 * forward pass becomes a dilation. The WebAssembly backend has no kernel of its own for it.
 *
 * @param inputs x of shape [n, h, w, c], dy of shape [n, oh, ow, f]
 * @returns shape filterShape = [fh, fw, c, f]
 */
export function filterGradient(
  { x, dy }: { x: TensorInfo; dy: TensorInfo },
  { filterShape, ...attributes }: ConvolutionAttributes & { readonly filterShape: readonly number[] },
): TensorInfo {
  const info = convolutionOf(x.shape, filterShape, attributes);
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo } = info;
  const images = transposed(reshaped(x, [batchSize, inHeight * inWidth, inChannels]), [2, 1, 0]);
  const errors = transposed(reshaped(dy, [batchSize, outHeight * outWidth, outChannels]), [1, 0, 2]);
  const sums = compute(
    'Conv2D',
    {
      x: reshaped(images, [inChannels, inHeight, inWidth, batchSize]),
      filter: reshaped(errors, [outHeight, outWidth, batchSize, outChannels]),
    },
    {
      strides: 1,
      pad: [
        [0, 0],
        [padInfo.top, padInfo.bottom],
        [padInfo.left, padInfo.right],
        [0, 0],
      ],
      dataFormat: 'NHWC',
      dilations: [info.strideHeight, info.strideWidth],
    },
  );
  release(images);
  release(errors);
  return tapsFirst(sums, filterShape as Shape4D);
}

/** [c, ≥ fh, ≥ fw, f] → [fh, fw, c, f]. Rows that no filter tap has stem from inputs that no stride reaches. */
function tapsFirst(sums: TensorInfo, [fh, fw, channels, filters]: Shape4D): TensorInfo {
  const size = [channels, fh, fw, filters];
  const cut = compute('Slice', { x: sums }, { begin: [0, 0, 0, 0], size });
  const gradient = transposed(cut, [1, 2, 0, 3]);
  release(cut);
  release(sums);
  return gradient;
}
