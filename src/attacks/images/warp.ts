import { sampleBilinear, type Image } from './sample.ts';

/** How an image is moved, about its centre. Angles turn the picture counter-clockwise, as it is looked at. */
export interface Motion {
  readonly degrees?: number;
  /** Pixels to the right and down. */
  readonly right?: number;
  readonly down?: number;
  /** Size of the picture afterwards, as a multiple; above 0. */
  readonly scale?: number;
  /** Columns that a point is pushed to the right for each row that it lies below the centre. */
  readonly shear?: number;
}

/**
 * The image sheared, scaled, turned and shifted, in this order, by bilinear interpolation of where each pixel comes from:
 *   source = centre + S⁻¹·R⁻¹·(pixel − centre − shift) / scale.
 * @param fill value of what comes in from outside
 */
export function warp(image: Image, motion: Motion, fill: number): Float32Array {
  const { height, width, channels } = image.shape;
  const { degrees = 0, right = 0, down = 0, scale = 1, shear = 0 } = motion;
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const centre = { y: (height - 1) / 2, x: (width - 1) / 2 };
  const warped = new Float32Array(image.values.length);
  let at = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const y = (row - centre.y - down) / scale;
      const x = (column - centre.x - right) / scale;
      // Rows grow downwards, so a turn counter-clockwise has the signs of one clockwise in a plane whose y grows upwards.
      const turnedY = cos * y + sin * x;
      const turnedX = cos * x - sin * y;
      const source = { y: centre.y + turnedY, x: centre.x + turnedX - shear * turnedY };
      sampleBilinear(image, source, { into: warped, at, outside: fill });
      at += channels;
    }
  }
  return warped;
}
