import { PNG } from 'pngjs';

import type { AdversarialExample } from './status-port.ts';

/** An example as the API gives it: numbers, and pictures as data URIs when its shape can be looked at. */
export interface PicturedExample extends Omit<AdversarialExample, 'original' | 'adversarial' | 'range'> {
  readonly pictures?: { readonly original: string; readonly change: string; readonly adversarial: string };
}

/** Inputs larger than this many pixels are not drawn. */
const MAX_PIXELS = 512 * 512;

export function pictureExample(example: AdversarialExample): PicturedExample {
  const { original, adversarial, range, ...rest } = example;
  const [height, width, channels = 1] = example.shape;
  const size = (height ?? 0) * (width ?? 0);
  const isPicture =
    example.shape.length >= 2 &&
    example.shape.length <= 3 &&
    (channels === 1 || channels === 3) &&
    size <= MAX_PIXELS &&
    original.length === size * channels &&
    adversarial.length === original.length;
  if (!isPicture) return rest;
  const raster = { height: height!, width: width!, channels };
  const [low, high] = range;
  const shade = (value: number): number => (value - low) / (high - low);
  const contrast = 2 * largestChange(original, adversarial);
  const pictures = {
    original: dataUri(raster, (i) => shade(original[i]!)),
    change: dataUri(raster, (i) => 0.5 + (adversarial[i]! - original[i]!) / contrast),
    adversarial: dataUri(raster, (i) => shade(adversarial[i]!)),
  };
  return { ...rest, pictures };
}

interface Raster {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** PNG of shades in [0, 1]; what lies outside is clipped. */
function dataUri({ height, width, channels }: Raster, shadeAt: (index: number) => number): string {
  const png = new PNG({ width, height });
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const shade = shadeAt(pixel * channels + (channels === 3 ? channel : 0));
      png.data[4 * pixel + channel] = Math.round(255 * Math.min(1, Math.max(0, shade)));
    }
    png.data[4 * pixel + 3] = 255;
  }
  return `data:image/png;base64,${PNG.sync.write(png).toString('base64')}`;
}

/** The change is shown at full contrast, mid-grey being none; 1 where nothing changed, so that nothing shows. */
function largestChange(original: Float32Array, adversarial: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < original.length; i++)
    largest = Math.max(largest, Math.abs(adversarial[i]! - original[i]!));
  return largest === 0 ? 1 : largest;
}
