import { AppError } from '../../domain/errors.ts';
import type { Rng } from '../../domain/rng.ts';
import { diskKernel, filterWith, gaussianBlur, lineKernel } from '../images/blur.ts';
import { pixelate, throughJpeg } from '../images/coarse.ts';
import { brighten, changeContrast, saturate } from '../images/colour.ts';
import type { Image } from '../images/sample.ts';
import { warp } from '../images/warp.ts';
import { gaussianNoise, impulseNoise, shotNoise } from './noise.ts';

export const SEVERITIES = [1, 2, 3, 4, 5] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something that happens to images, at five severities. Images have values in [0, 1]; results are clipped to it. */
export interface Corruption {
  readonly name: string;
  /** What the constants are, for people. */
  readonly summary: string;
  /** One per severity. */
  readonly constants: readonly (number | readonly [number, number])[];
  /** Whether it needs three channels. */
  readonly coloured?: true;
  readonly apply: (image: Image, severity: Severity, rng: Rng) => Float32Array;
}

/** Pixels of the constants are those of an image of this side; they grow with the shorter side. */
const REFERENCE_SIDE = 28;

function pixels(image: Image, size: number): number {
  return (size * Math.min(image.shape.height, image.shape.width)) / REFERENCE_SIDE;
}

function sign(rng: Rng): number {
  return rng.uniform() < 0.5 ? -1 : 1;
}

function define(
  name: string,
  summary: string,
  {
    constants,
    change,
  }: {
    readonly constants: readonly number[];
    readonly change: (image: Image, constant: number, rng: Rng) => Float32Array;
  },
): Corruption {
  return {
    name,
    summary,
    constants,
    apply: (image, severity, rng) => change(image, constants[severity - 1]!, rng),
  };
}

const SATURATION = [
  [0.3, 0],
  [0.1, 0],
  [2, 0],
  [5, 0.1],
  [20, 0.2],
] as const;

/**
 * Common corruptions. Constants of noise, contrast, brightness, saturation, JPEG and pixelation are those of ImageNet-C;
 * lengths are in pixels of a 28 × 28 image, of the size that MNIST-C and CIFAR-C have.
 *
 * @see Hendrycks & Dietterich (2019), ICLR, arXiv 1903.12261; Mu & Gilmer (2019), arXiv 1906.02337
 */
export const CORRUPTIONS: readonly Corruption[] = [
  define('gaussian-noise', 'Normal noise; standard deviation.', {
    constants: [0.08, 0.12, 0.18, 0.26, 0.38],
    change: gaussianNoise,
  }),
  define('shot-noise', 'Counted photons; how many make white.', {
    constants: [60, 25, 12, 5, 3],
    change: shotNoise,
  }),
  define('impulse-noise', 'Values put to 0 or 1; share.', {
    constants: [0.03, 0.06, 0.09, 0.17, 0.27],
    change: impulseNoise,
  }),
  define('gaussian-blur', 'Gaussian blur; standard deviation in pixels.', {
    constants: [0.4, 0.6, 0.8, 1.1, 1.5],
    change: (image, sigma) => gaussianBlur(image, pixels(image, sigma)),
  }),
  define('defocus-blur', 'Lens out of focus; radius of the disk in pixels.', {
    constants: [0.7, 1, 1.5, 2, 2.5],
    change: (image, radius) => filterWith(image, diskKernel(pixels(image, radius))),
  }),
  define('motion-blur', 'Camera moved along a line of any direction; length in pixels.', {
    constants: [2, 3, 4.5, 6, 8],
    change: (image, length, rng) => filterWith(image, lineKernel(pixels(image, length), 180 * rng.uniform())),
  }),
  define('contrast', 'Differences from the mean of the image; factor.', {
    constants: [0.4, 0.3, 0.2, 0.1, 0.05],
    change: changeContrast,
  }),
  define('brightness', 'Brighter; added to the value.', {
    constants: [0.1, 0.2, 0.3, 0.4, 0.5],
    change: brighten,
  }),
  {
    name: 'saturate',
    summary: 'Colours paler, then stronger; factor and amount added to the saturation. Three channels only.',
    constants: SATURATION,
    coloured: true,
    apply: (image, severity) => saturate(image, SATURATION[severity - 1]!),
  },
  define('jpeg', 'Written as JPEG; quality.', { constants: [25, 18, 15, 10, 7], change: throughJpeg }),
  define('pixelate', 'Fewer pixels; share of the side that is left.', {
    constants: [0.6, 0.5, 0.4, 0.3, 0.25],
    change: pixelate,
  }),
  define('rotate', 'Turned either way; degrees.', {
    constants: [10, 18, 26, 34, 42],
    change: (image, degrees, rng) => warp(image, { degrees: sign(rng) * degrees }, 0),
  }),
  define('translate', 'Shifted in any direction; pixels.', {
    constants: [1.5, 2.5, 3.5, 4.5, 5.5],
    change: (image, length, rng) => {
      const angle = 2 * Math.PI * rng.uniform();
      const distance = pixels(image, length);
      return warp(image, { right: distance * Math.cos(angle), down: distance * Math.sin(angle) }, 0);
    },
  }),
  define('scale', 'Smaller; factor.', {
    constants: [0.9, 0.8, 0.7, 0.6, 0.5],
    change: (image, scale) => warp(image, { scale }, 0),
  }),
  define('shear', 'Slanted either way; columns for each row.', {
    constants: [0.15, 0.25, 0.35, 0.45, 0.55],
    change: (image, shear, rng) => warp(image, { shear: sign(rng) * shear }, 0),
  }),
];

/** @throws {AppError} TEMPER_ATTACK_UNKNOWN */
export function findCorruption(name: string): Corruption {
  const found = CORRUPTIONS.find((corruption) => corruption.name === name);
  if (found !== undefined) return found;
  const known = CORRUPTIONS.map((corruption) => corruption.name).join(', ');
  throw new AppError('TEMPER_ATTACK_UNKNOWN', `expected a corruption (${known}), got "${name}"`);
}
