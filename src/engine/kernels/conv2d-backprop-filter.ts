import { tf } from '../tf.ts';

type Tensor4D = ReturnType<typeof tf.tensor4d>;

export interface ConvolutionGradientAttributes {
  readonly strides: number | readonly [number, number];
  readonly pad: 'same' | 'valid' | number;
}

/**
 * Gradient of a convolution with respect to its filter, as one convolution:
 *   dW[u, v, c, f] = Σ_{n, i, j} x[n, i·s + u − p, j·s + v − p, c] · dy[n, i, j, f]
 * Batch and channels change places, so that the sum over n becomes the sum over input channels, and the stride of the
 * forward pass becomes a dilation. The WebAssembly backend has no kernel of its own for it.
 *
 * @param x shape [n, h, w, c]     @param dy shape [n, oh, ow, f]
 * @returns shape [fh, fw, c, f]
 */
export function filterGradient(
  x: Tensor4D,
  dy: Tensor4D,
  { strides, pad, filterShape }: ConvolutionGradientAttributes & { filterShape: readonly number[] },
): Tensor4D {
  return tf.tidy(() => {
    const [fh, fw, channels, filters] = filterShape as [number, number, number, number];
    const info = tf.backend_util.computeConv2DInfo(
      x.shape,
      [fh, fw, channels, filters],
      strides as number,
      1,
      pad,
    );
    const { top, bottom, left, right } = info.padInfo;
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const images = tf.transpose(padded, [3, 1, 2, 0]);
    const errors = tf.transpose<Tensor4D>(dy, [1, 2, 0, 3]);
    const sums = tf.conv2d(images, errors, 1, 'valid', 'NHWC', [info.strideHeight, info.strideWidth]);
    const cut = tf.slice(sums, [0, 0, 0, 0], [channels, fh, fw, filters]);
    return tf.transpose(cut, [1, 2, 0, 3]);
  });
}
