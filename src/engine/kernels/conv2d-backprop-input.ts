import type { TensorInfo } from '@tensorflow/tfjs-core';
import { convolutionOf, type ConvolutionAttributes, type ConvolutionInfo } from './convolution.ts';
import { interleave } from './interleave.ts';
import { release } from './kernel-calls.ts';
import { allPhases, convolvePhases, eachPhase, type PhaseGroup } from './phase-group.ts';
import { allocate } from './wasm-memory.ts';

/** Output channels that the forward kernel computes at once; fewer cost as much. */
const CHANNELS_AT_ONCE = 8;

/** Periods that are tried, in strides. */
const STEPS = [1, 2, 4];

/**
 * Gradient of a convolution with respect to its input, for WebAssembly:
 *   dX[n, i·s + u − p, j·s + v − p, c] += Σ_f dy[n, i, j, f] · W[u, v, c, f]
 * Cells of dX in the same place relative to the stride (a phase) see the same taps of the filter, so each of the s² phases
 * is a convolution of dy with its taps; nothing is multiplied by inserted zeros. The forward kernel computes eight channels
 * at once whether or not there are as many, so with few input channels all phases are one convolution, each with channels
 * of its own, and the period of the phases may be a multiple of the stride.
 *
 * @param inputs dy of shape [n, oh, ow, f], filter of shape [fh, fw, c, f], both finite
 * @returns shape inputShape = [n, h, w, c]
 */
export function inputGradient(
  inputs: { dy: TensorInfo; filter: TensorInfo },
  { inputShape, ...attributes }: ConvolutionAttributes & { readonly inputShape: readonly number[] },
): TensorInfo {
  const info = convolutionOf(inputShape, inputs.filter.shape, attributes);
  const output = allocate(inputShape);
  for (const group of groupsOf(info)) {
    const part = convolvePhases(inputs, group);
    interleave(part, { output, ...group });
    release(part);
  }
  return output;
}

/** Each phase by itself, or all phases of some period at once: whatever multiplies least. */
function groupsOf(info: ConvolutionInfo): PhaseGroup[] {
  const cost = (group: PhaseGroup): number => costPerCell(group, info.inChannels);
  const together = STEPS.flatMap((down) => STEPS.map((across) => allPhases(info, down, across)));
  const best = together.reduce((left, right) => (cost(right) < cost(left) ? right : left));
  const apart = eachPhase(info);
  const costApart = apart.reduce((sum, group) => sum + cost(group), 0) / apart.length;
  return cost(best) <= costApart ? [best] : apart;
}

/** Multiplications per cell of the input gradient and channel of dy. */
function costPerCell({ rows, columns }: PhaseGroup, channels: number): number {
  const phases = rows.phases.length * columns.phases.length;
  const computed = Math.ceil((phases * channels) / CHANNELS_AT_ONCE) * CHANNELS_AT_ONCE;
  return (rows.length * columns.length * computed) / phases;
}
