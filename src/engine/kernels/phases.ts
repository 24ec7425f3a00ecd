/** One axis (height or width) of a strided convolution. */
export interface ConvolutionAxis {
  readonly input: number;
  readonly output: number;
  /** Length of the filter. */
  readonly taps: number;
  readonly stride: number;
  /** Zeros before the first input cell. */
  readonly padding: number;
}

/** A filter tap and its place in the filter of the phase convolution. */
export interface Tap {
  readonly tap: number;
  readonly place: number;
}

/** Input cells a, a + period, a + 2·period, …: all see the same taps of the filter. */
export interface Phase {
  /** a */
  readonly first: number;
  readonly taps: readonly Tap[];
}

/** A convolution along the output gradient that computes neighbouring phases of the input gradient. */
export interface PhaseConvolution {
  readonly phases: readonly Phase[];
  /** From one cell of a phase to its next. */
  readonly period: number;
  /** Length of its filter. */
  readonly length: number;
  /** Its stride, period / stride of the forward convolution. */
  readonly step: number;
  /** Zeros before and after the output gradient. */
  readonly padding: readonly [number, number];
  /** Cells that it computes per phase, ⌈(input − first) / period⌉. */
  readonly cells: number;
}

/** Which phases: `count` of them from `first` on, of a period of `step` strides. */
export interface PhaseChoice {
  readonly first: number;
  readonly count: number;
  readonly step: number;
}

/**
 * The convolution that gives the input gradient in the cells of some neighbouring phases, for any period = step · s:
 *   dX[q·period + a] = Σ_k dy[q·step + b − k] · W[r + s·k]     with b = ⌊(a + p) / s⌋, r = (a + p) mod s, r + s·k < taps
 * that is, with the taps r, r + s, … in reverse order over dy padded by K − 1 − b zeros. Phases that share a convolution
 * are aligned by places without a tap (zeros), and so are paddings that would be negative.
 */
export function phaseConvolution(
  axis: ConvolutionAxis,
  { first, count, step }: PhaseChoice,
): PhaseConvolution {
  const period = step * axis.stride;
  const offsets = Array.from({ length: count }, (_, index) => first + index);
  const before = Math.max(0, ...offsets.map((a) => zerosBefore(axis, a)));
  const phases = offsets.map((a) => ({ first: a, taps: tapsOf(axis, a, before - zerosBefore(axis, a)) }));
  const places = phases.flatMap(({ taps }) => taps.map(({ place }) => place));
  const covered = Math.max(1, 1 + Math.max(0, ...places));
  const cells = Math.ceil((axis.input - first) / period);
  // What the filter reaches over the end of dy, or what it leaves over there.
  const after = (cells - 1) * step + covered - axis.output - before;
  const surplus = Math.max(0, -after);
  return {
    phases,
    period,
    step,
    length: surplus < step ? covered : covered + surplus - (surplus % step),
    padding: [before, Math.max(0, after)],
    cells,
  };
}

function tapCount({ taps, stride, padding }: ConvolutionAxis, a: number): number {
  return Math.max(0, Math.ceil((taps - ((a + padding) % stride)) / stride));
}

function zerosBefore(axis: ConvolutionAxis, a: number): number {
  return tapCount(axis, a) - 1 - Math.floor((a + axis.padding) / axis.stride);
}

function tapsOf(axis: ConvolutionAxis, a: number, shift: number): Tap[] {
  const { stride, padding } = axis;
  const count = tapCount(axis, a);
  return Array.from({ length: count }, (_, k) => ({
    tap: ((a + padding) % stride) + stride * k,
    place: shift + count - 1 - k,
  }));
}
