import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../tf.ts';
import { allocate, heap, memoryOf, startOf } from './wasm-memory.ts';

export interface PoolAttributes {
  readonly filterSize: number | readonly [number, number];
  readonly strides: number | readonly [number, number];
  readonly pad: 'same' | 'valid' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

type PoolInfo = ReturnType<typeof tf.backend_util.computePool2DInfo>;

/**
 * Gradient of a maximum over windows: each window's dy goes to its largest input, the first of equals in row order. The
 * stock kernel asks for each input cell which windows it won, several times slower.
 *
 * @param inputs dy of shape [n, oh, ow, c], input of shape [n, h, w, c]     @returns shape [n, h, w, c]
 */
export function maxPoolGradient(
  { dy, input }: { dy: TensorInfo; input: TensorInfo },
  { filterSize, strides, pad, dimRoundingMode }: PoolAttributes,
): TensorInfo {
  const info = tf.backend_util.computePool2DInfo(
    input.shape as [number, number, number, number],
    filterSize as [number, number],
    strides as [number, number],
    1, // the operation refuses dilations
    pad,
    dimRoundingMode,
  );
  const output = allocate(input.shape);
  memoryOf(output).fill(0);
  const memory = heap();
  const best = new Int32Array(info.inChannels);
  const [from, offset] = [startOf(input), startOf(output) - startOf(input)];
  const imageLength = info.inHeight * info.inWidth * info.inChannels;
  let error = startOf(dy);
  for (let n = 0; n < info.batchSize; n++) {
    for (let i = 0; i < info.outHeight; i++) {
      for (let j = 0; j < info.outWidth; j++, error += info.inChannels) {
        if (!findMaxima(best, { memory, from: from + n * imageLength, info, i, j })) continue;
        for (let c = 0; c < best.length; c++) memory[best[c]! + offset]! += memory[error + c]!;
      }
    }
  }
  return output;
}

interface Window {
  readonly memory: Float32Array;
  /** Start of the image. */
  readonly from: number;
  readonly info: PoolInfo;
  /** Row and column of the window. */
  readonly i: number;
  readonly j: number;
}

/**
 * Writes, for each channel, where in memory the window's largest value is.
 * @returns false for a window that lies in the padding alone and has none
 */
function findMaxima(best: Int32Array, { memory, from, info, i, j }: Window): boolean {
  const channels = info.inChannels;
  const top = i * info.strideHeight - info.padInfo.top;
  const left = j * info.strideWidth - info.padInfo.left;
  const yFrom = Math.max(0, top);
  const yTo = Math.min(info.inHeight, top + info.filterHeight);
  const xFrom = Math.max(0, left);
  const xTo = Math.min(info.inWidth, left + info.filterWidth);
  if (yFrom >= yTo || xFrom >= xTo) return false;
  const first = from + (yFrom * info.inWidth + xFrom) * channels;
  for (let c = 0; c < channels; c++) best[c] = first + c;
  for (let y = yFrom; y < yTo; y++) {
    for (let x = xFrom; x < xTo; x++) {
      const cell = from + (y * info.inWidth + x) * channels;
      for (let c = 0; c < channels; c++) if (memory[cell + c]! > memory[best[c]!]!) best[c] = cell + c;
    }
  }
  return true;
}
