/**
 * When an indicator is raised. Each has an honest model in the tests that does not raise it. A raised indicator is no
 * verdict: it only makes the attacks try harder.
 */

/** Share of examples whose margin has no gradient. Dead units make single examples blind in honest networks. */
export const VANISHING_SHARE = 0.01;

/**
 * A gradient has vanished when its largest component, times the width of the range, is at most this part of the spread
 * of the example's scores. Taken on the margin: that of cross-entropy underflows on honest networks that are sure.
 */
export const VANISHING_SIZE = 1e-12;

/** Equal inputs may get scores that differ by this part of the largest score: float32 sums in another order. */
export const REPEATED_SCORES = 1e-4;

/** How often equal inputs are asked. */
export const REPEATS = 5;

/** By how much black-box attacks must beat gradients after escalation, at the lower limit, for the verdict `masked`. */
export const MASKED_ADVANTAGE = 0.02;

/**
 * An example is unfinished when more than this part of all that its margin has risen was gained in the last tenth of the
 * questions: a straight line gains a tenth there, a path that has settled next to nothing.
 */
export const UNFINISHED_GAIN = 0.05;

/** Share of unfinished examples among those that withstood; of several recipes the one with the fewest counts. */
export const UNFINISHED_SHARE = 0.5;

/**
 * Share of examples that an attack is said to leave standing although a point of its path, inside the ball, was misread.
 * It should be none; answers in another batch may differ in their last bits.
 */
export const SILENT_SHARE = 0.02;

/** Examples whose paths are followed: those that withstood, the first of them. */
export const TRACED_ROWS = 64;
