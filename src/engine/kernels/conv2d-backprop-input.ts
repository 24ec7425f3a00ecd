import type { TensorInfo } from '@tensorflow/tfjs-core';
import { convolutionOf, type ConvolutionAttributes, type ConvolutionInfo } from './convolution.ts';
import { interleave } from './interleave.ts';
import { phaseConvolution, type ConvolutionAxis, type PhaseConvolution } from './phases.ts';
import { allocate, compute, heap, memoryOf, release, startOf } from './wasm-memory.ts';

/** Output channels that the forward kernel computes at once; fewer cost as much. */
const CHANNELS_AT_ONCE = 8;

/**
 * Gradient of a convolution with respect to its input:
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
  { dy, filter }: { dy: TensorInfo; filter: TensorInfo },
  { inputShape, ...attributes }: ConvolutionAttributes & { readonly inputShape: readonly number[] },
): TensorInfo {
  const info = convolutionOf(inputShape, filter.shape, attributes);
  const output = allocate(inputShape);
  for (const group of groupsOf(info)) {
    const turned = turnedFilter(filter, group);
    const padding = [[0, 0], group.rows.padding, group.columns.padding, [0, 0]];
    const part = compute(
      'Conv2D',
      { x: dy, filter: turned },
      { strides: [group.rows.step, group.columns.step], pad: padding, dataFormat: 'NHWC', dilations: 1 },
    );
    release(turned);
    interleave(part, { output, ...group });
    release(part);
  }
  return output;
}

/** What one convolution computes: phases of the rows × phases of the columns. */
interface Group {
  readonly rows: PhaseConvolution;
  readonly columns: PhaseConvolution;
}

/** Periods that are tried, in strides. */
const STEPS = [1, 2, 4];

/** Each phase by itself, or all phases of some period at once: whatever multiplies least. */
function groupsOf(info: ConvolutionInfo): Group[] {
  const [vertical, horizontal] = axesOf(info);
  const together = STEPS.flatMap((down) =>
    STEPS.map((across) => ({ rows: allPhases(vertical, down), columns: allPhases(horizontal, across) })),
  );
  const best = together.reduce((left, right) =>
    costPerCell(right, info.inChannels) < costPerCell(left, info.inChannels) ? right : left,
  );
  const apart = eachPhase(vertical).flatMap((rows) =>
    eachPhase(horizontal).map((columns) => ({ rows, columns })),
  );
  const costApart = apart.reduce((sum, group) => sum + costPerCell(group, info.inChannels), 0) / apart.length;
  return costPerCell(best, info.inChannels) <= costApart ? [best] : apart;
}

function allPhases(axis: ConvolutionAxis, step: number): PhaseConvolution {
  return phaseConvolution(axis, { first: 0, count: Math.min(step * axis.stride, axis.input), step });
}

function eachPhase(axis: ConvolutionAxis): PhaseConvolution[] {
  const count = Math.min(axis.stride, axis.input);
  return Array.from({ length: count }, (_, first) => phaseConvolution(axis, { first, count: 1, step: 1 }));
}

/** Multiplications per cell and channel of dy. */
function costPerCell({ rows, columns }: Group, channels: number): number {
  const phases = rows.phases.length * columns.phases.length;
  return (rows.length * columns.length * roundUp(phases * channels, CHANNELS_AT_ONCE)) / phases;
}

function axesOf(info: ConvolutionInfo): [ConvolutionAxis, ConvolutionAxis] {
  return [
    {
      input: info.inHeight,
      output: info.outHeight,
      taps: info.filterHeight,
      stride: info.strideHeight,
      padding: info.padInfo.top,
    },
    {
      input: info.inWidth,
      output: info.outWidth,
      taps: info.filterWidth,
      stride: info.strideWidth,
      padding: info.padInfo.left,
    },
  ];
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Filter of a group's convolution: [length of rows, length of columns, f, phases · c], zero where a phase has no tap. */
function turnedFilter(filter: TensorInfo, { rows, columns }: Group): TensorInfo {
  const [, filterWidth, channels, filters] = filter.shape as [number, number, number, number];
  const width = rows.phases.length * columns.phases.length * channels;
  const turned = allocate([rows.length, columns.length, filters, width]);
  memoryOf(turned).fill(0);
  const memory = heap();
  const [from, to] = [startOf(filter), startOf(turned)];
  rows.phases.forEach((row, a) =>
    columns.phases.forEach((column, b) => {
      const phase = (a * columns.phases.length + b) * channels;
      for (const u of row.taps) {
        for (const v of column.taps) {
          const source = from + (u.tap * filterWidth + v.tap) * channels * filters;
          const target = to + (u.place * columns.length + v.place) * filters * width + phase;
          for (let c = 0; c < channels; c++) {
            for (let f = 0; f < filters; f++)
              memory[target + f * width + c] = memory[source + c * filters + f]!;
          }
        }
      }
    }),
  );
  return turned;
}
