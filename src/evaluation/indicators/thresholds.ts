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
