import { PNG } from 'pngjs';

/** What a picture needs to know of the values it shows. */
export interface PictureShape {
  /** [height, width] or [height, width, channels] with 1 or 3 channels. */
  readonly inputShape: readonly number[];
  readonly range: readonly [number, number];
}

/** Whether inputs of this shape can be looked at. */
export function isPicture(inputShape: readonly number[]): boolean {
  const [, , channels = 1] = inputShape;
  return (inputShape.length === 2 || inputShape.length === 3) && (channels === 1 || channels === 3);
}

/** An input as a PNG data URI: the range's low end is black, its high end white (or full red, green, blue). */
export function pictureUri(input: Float32Array, { inputShape, range }: PictureShape): string {
  const [low, high] = range;
  const level = (value: number): number => Math.round(clamp((value - low) / (high - low || 1)) * 255);
  return paint(inputShape, (pixel, channels) => {
    const first = level(input[pixel * channels] ?? low);
    if (channels === 1) return [first, first, first];
    return [first, level(input[pixel * channels + 1] ?? low), level(input[pixel * channels + 2] ?? low)];
  });
}

/**
 * A perturbation as a PNG data URI, magnified so that `full` is full colour: raised values red, lowered ones blue,
 * unchanged ones white. Channels are averaged.
 */
export function perturbationUri(
  clean: Float32Array,
  adversarial: Float32Array,
  shape: PictureShape & { readonly full: number },
): string {
  return paint(shape.inputShape, (pixel, channels) => {
    let change = 0;
    for (let c = 0; c < channels; c++) {
      const at = pixel * channels + c;
      change += ((adversarial[at] ?? 0) - (clean[at] ?? 0)) / channels;
    }
    const strength = clamp(Math.abs(change) / (shape.full || 1));
    return blend(change >= 0 ? RAISED : LOWERED, strength);
  });
}

type Color = readonly [red: number, green: number, blue: number];

const RAISED: Color = [196, 43, 58];
const LOWERED: Color = [36, 99, 201];

/** White at strength 0, the colour at 1. */
function blend([red, green, blue]: Color, strength: number): Color {
  const mix = (part: number): number => Math.round(255 - (255 - part) * strength);
  return [mix(red), mix(green), mix(blue)];
}

function paint(inputShape: readonly number[], colorAt: (pixel: number, channels: number) => Color): string {
  const [height = 1, width = 1, channels = 1] = inputShape;
  const png = new PNG({ width, height });
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [red, green, blue] = colorAt(pixel, channels);
    png.data.set([red, green, blue, 255], 4 * pixel);
  }
  return `data:image/png;base64,${PNG.sync.write(png).toString('base64')}`;
}

function clamp(share: number): number {
  return Number.isNaN(share) ? 0 : Math.min(1, Math.max(0, share));
}
