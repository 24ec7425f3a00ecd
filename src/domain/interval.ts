/** An estimate that admits how sure it is. */
export interface Interval {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  /** Observations behind it. */
  readonly n: number;
  /** Coverage of [lower, upper], e.g. 0.95. */
  readonly confidence: number;
}
