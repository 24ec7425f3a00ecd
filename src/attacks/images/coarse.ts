import { decode, encode } from 'jpeg-js';
import type { Image } from './sample.ts';

/**
 * Fewer pixels: blocks of an even grid of round(share·height) × round(share·width) get the mean of their pixels.
 * @param share of the side that is left, in (0, 1]
 */
export function pixelate({ values, shape: { height, width, channels } }: Image, share: number): Float32Array {
  const rows = Math.max(1, Math.round(share * height));
  const columns = Math.max(1, Math.round(share * width));
  const sums = new Float64Array(rows * columns * channels);
  const counts = new Float64Array(rows * columns);
  const blockOf = (pixel: number): number => {
    const row = Math.floor(pixel / width);
    return Math.floor((row * rows) / height) * columns + Math.floor(((pixel % width) * columns) / width);
  };
  for (let pixel = 0; pixel < height * width; pixel++) {
    counts[blockOf(pixel)]!++;
    for (let c = 0; c < channels; c++) sums[blockOf(pixel) * channels + c]! += values[pixel * channels + c]!;
  }
  return values.map((_, i) => {
    const block = blockOf(Math.floor(i / channels));
    return sums[block * channels + (i % channels)]! / counts[block]!;
  });
}

/**
 * The image written as a JPEG and read back, through eight bits a channel. Grey images go as grey colours and come back
 * as the mean of the three; other numbers of channels are written one by one.
 * @param quality 1 to 100
 */
export function throughJpeg(image: Image, quality: number): Float32Array {
  const { channels } = image.shape;
  if (channels === 3) return colourJpeg(image.values, image, quality);
  const result = new Float32Array(image.values.length);
  for (let c = 0; c < channels; c++) {
    const grey = image.values.filter((_, i) => i % channels === c);
    const colours = colourJpeg(
      Float32Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!),
      image,
      quality,
    );
    grey.forEach((_, i) => {
      result[i * channels + c] = (colours[3 * i]! + colours[3 * i + 1]! + colours[3 * i + 2]!) / 3;
    });
  }
  return result;
}

function colourJpeg(
  colours: Float32Array,
  { shape: { height, width } }: Image,
  quality: number,
): Float32Array {
  const data = new Uint8Array(4 * height * width).fill(255);
  for (let i = 0; i < height * width; i++)
    for (let c = 0; c < 3; c++)
      data[4 * i + c] = Math.round(255 * Math.min(Math.max(colours[3 * i + c]!, 0), 1));
  const read = decode(encode({ data, width, height }, quality).data, {
    useTArray: true,
    formatAsRGBA: false,
  });
  return Float32Array.from(read.data, (byte) => byte / 255);
}
