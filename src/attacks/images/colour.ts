import type { Image } from './sample.ts';

/** x ← (x − mean)·factor + mean, the mean that of each channel. @param factor 1 leaves it, 0 makes it flat */
export function changeContrast({ values, shape: { channels } }: Image, factor: number): Float32Array {
  const means = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) means[i % channels]! += values[i]!;
  const pixels = values.length / channels;
  return values.map((x, i) => {
    const mean = means[i % channels]! / pixels;
    return (x - mean) * factor + mean;
  });
}

/** Adds to the value of HSV (to the one channel of a grey image), hue and saturation unchanged; clipped at 1. */
export function brighten(image: Image, amount: number): Float32Array {
  if (image.shape.channels !== 3) return image.values.map((x) => x + amount);
  return mapColours(image, (colour) => {
    const most = Math.max(...colour);
    const value = Math.min(Math.max(most + amount, 0), 1);
    return colour.map((x) => (most === 0 ? value : x * (value / most)));
  });
}

/** Saturation of HSV ← clip(saturation·factor + added, 0, 1). Grey pixels have no hue and stay grey. Needs three channels. */
export function saturate(image: Image, [factor, added]: readonly [number, number]): Float32Array {
  return mapColours(image, (colour) => {
    const most = Math.max(...colour);
    const least = Math.min(...colour);
    if (most === least) return colour;
    const before = (most - least) / most;
    const after = Math.min(Math.max(before * factor + added, 0), 1);
    return colour.map((x) => most - (most - x) * (after / before));
  });
}

type Colour = readonly number[];

function mapColours({ values }: Image, change: (colour: Colour) => Colour): Float32Array {
  const changed = new Float32Array(values.length);
  for (let i = 0; i < values.length; i += 3) changed.set(change(Array.from(values.subarray(i, i + 3))), i);
  return changed;
}
