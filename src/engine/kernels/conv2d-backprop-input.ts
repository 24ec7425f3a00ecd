import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';
import type { ConvolutionGradientAttributes } from './conv2d-backprop-filter.ts';
import { allocate, memoryOf } from './wasm-memory.ts';

type Tensor4D = ReturnType<typeof tf.tensor4d>;

/**
 * Gradient of a convolution with respect to its input:
 *   dX[n, i·s + u − p, j·s + v − p, c] += Σ_f dy[n, i, j, f] · W[u, v, c, f]
 * as one matrix product, dy as [n·oh·ow, f] times W as [f, fh·fw·c], whose rows (one patch each) are then added into the
 * places they came from. Against a stride-1 convolution of dy with zeros between its cells this multiplies s² times less.
 *
 * @param dy shape [n, oh, ow, f]     @param filter shape [fh, fw, c, f]
 * @returns shape inputShape = [n, h, w, c]
 */
export function inputGradient(
  dy: Tensor4D,
  filter: Tensor4D,
  { strides, pad, inputShape }: ConvolutionGradientAttributes & { inputShape: readonly number[] },
): TensorInfo {
  const shape = inputShape as [number, number, number, number];
  const info = tf.backend_util.computeConv2DInfo(shape, filter.shape, strides as number, 1, pad);
  const patches = tf.tidy(() => {
    const rows = tf.reshape(dy, [-1, info.outChannels]);
    const columns = tf.transpose(tf.reshape(filter, [-1, info.outChannels]));
    return tf.matMul(rows, columns);
  });
  const output = allocate(shape);
  addPatches(memoryOf(patches), memoryOf(output), info);
  patches.dispose();
  return output;
}

type ConvolutionInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** Adds every patch into the image it overlaps; what falls into the padding is dropped. */
function addPatches(patches: Float32Array, image: Float32Array, info: ConvolutionInfo): void {
  const { batchSize, outHeight, outWidth, inHeight, inWidth, inChannels, filterHeight, filterWidth } = info;
  const { top, left } = info.padInfo;
  const patchRow = filterWidth * inChannels;
  const imageRow = inWidth * inChannels;
  image.fill(0);
  let patch = 0;
  for (let n = 0; n < batchSize; n++) {
    const imageStart = n * inHeight * imageRow;
    for (let i = 0; i < outHeight; i++) {
      const y0 = i * info.strideHeight - top;
      for (let j = 0; j < outWidth; j++, patch += filterHeight * patchRow) {
        const x0 = j * info.strideWidth - left;
        const from = Math.max(0, -x0) * inChannels;
        const to = Math.min(filterWidth, inWidth - x0) * inChannels;
        const vTo = Math.min(filterHeight, inHeight - y0);
        for (let u = Math.max(0, -y0); u < vTo; u++) {
          const source = patch + u * patchRow;
          const target = imageStart + (y0 + u) * imageRow + x0 * inChannels;
          for (let k = from; k < to; k++) image[target + k]! += patches[source + k]!;
        }
      }
    }
  }
}
