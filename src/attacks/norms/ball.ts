import type { Rng } from '../../domain/rng.ts';
import type { Norm } from '../../domain/threat-model.ts';

/** Points of a loop: a matrix [count, features], and which example each row is a perturbation of. */
export interface Points {
  readonly values: Float32Array;
  readonly rows: Int32Array;
  readonly count: number;
}

/** What a ball is built around. */
export interface BallOptions {
  /** Centres, shape [examples, features], inside the range. */
  readonly originals: Float32Array;
  readonly features: number;
  readonly epsilon: number;
  readonly range: readonly [number, number];
}

/**
 * The points an adversary may reach, for every example: a ball of radius ε around the original, cut with the valid range.
 * Everything works in place and row by row, so that no row depends on its neighbours.
 */
export interface Ball {
  readonly norm: Norm;
  readonly epsilon: number;
  /** Linf only: least and largest value that each feature of each example may take, shape [examples, features]. */
  readonly bounds?: { readonly lower: Float32Array; readonly upper: Float32Array };
  /** Moves every point into the ball and the range. After rounding to float32 the distance is at most ε, without tolerance. */
  project(points: Points): void;
  /** Turns gradients [count, features] into directions of steep ascent of length 1 in the norm (each norm says which); 0 stays 0. */
  normalise(gradients: Float32Array, count: number): void;
  /** The same as normalise, move by `sizes` (one per row) and project, for norms where one pass does all three. */
  climb?(points: Points, along: { readonly directions: Float32Array; readonly sizes: Float64Array }): void;
  /** Writes a uniform draw from the ball (before the range is cut) around `example` into `point`, shape [features]. */
  drawInside(point: Float32Array, example: number, rng: Rng): void;
  /** Writes a draw from the surface of the ball: noise scaled to length ε. */
  drawSurface(point: Float32Array, example: number, rng: Rng): void;
}
