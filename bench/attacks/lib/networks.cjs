'use strict';
/** Layers of the networks whose weights lie in ../models, as plans. Tests read this too. */

const relu = { activation: 'relu' };
const DIGITS_LAYERS = [
  { kind: 'convolution', filters: 16, kernel: 5, stride: 2, ...relu },
  { kind: 'convolution', filters: 32, kernel: 5, stride: 2, ...relu },
  { kind: 'flatten' },
  { kind: 'dense', units: 100, ...relu },
  { kind: 'dense', units: 10, activation: 'linear' },
];

/** A power of two: its multiples are exact, so that the two sides of the filter cancel to exactly no gradient. */
const STEEPNESS = 1024;
const THRESHOLD = 0.25;

/** x becomes relu(s(x − t)) − relu(s(x − t) − 1): 0 below the threshold, 1 a thousandth above it. */
const FILTER_LAYERS = [
  { kind: 'convolution', filters: 2, kernel: 1, stride: 1, ...relu },
  { kind: 'convolution', filters: 1, kernel: 1, stride: 1, activation: 'linear' },
];
const offset = -STEEPNESS * THRESHOLD;
/** In the order of a model's weights: kernel, bias, kernel, bias. */
const FILTER_WEIGHTS = [STEEPNESS, STEEPNESS, offset, offset - 1, 1, -1, 0];

/**
 * Plan and weights of a model of the proofs, from the arrays of its file.
 * @param name standard, pgd, or masked: `standard` behind the filter
 * @param arrays of `standard` or `pgd`, in the order of the file
 */
function networkOf(name, arrays) {
  const digits = Object.values(arrays).flatMap((array) => Array.from(array));
  const isMasked = name === 'masked';
  return {
    plan: {
      name: isMasked ? 'digits-behind-filter' : 'digits',
      inputShape: [28, 28, 1],
      seed: 1,
      layers: isMasked ? [...FILTER_LAYERS, ...DIGITS_LAYERS] : DIGITS_LAYERS,
    },
    weights: Float32Array.from(isMasked ? [...FILTER_WEIGHTS, ...digits] : digits),
  };
}

module.exports = { networkOf, DIGITS_LAYERS };
