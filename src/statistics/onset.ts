/** A place in a stream. */
export interface Mark {
  /** Number of the observation, increasing. */
  readonly index: number;
  readonly timeMs: number;
}

/** Running estimate of where a change began. JSON. */
export interface OnsetState {
  /** S_t = max(0, S_{t−1} + ln b_t): evidence collected since the mark. */
  readonly run: number;
  /** First observation after S was last 0; absent while it is 0. */
  readonly mark?: Mark;
}

export const NO_ONSET: OnsetState = { run: 0 };

/**
 * Page's estimator of a change point: the first observation after the running sum of log factors was last at its
 * minimum, which is the maximum-likelihood onset when the factors are likelihood ratios. Usually within a few
 * observations of the truth for large changes; a point estimate, without an interval. O(1).
 *
 * @param logFactor ln b_t, finite     @see Hinkley (1971), Biometrika 58(3):509–523
 */
export function stepOnset(state: OnsetState, logFactor: number, at: Mark): OnsetState {
  const run = state.run + logFactor;
  return run > 0 ? { run, mark: state.mark ?? at } : NO_ONSET;
}
