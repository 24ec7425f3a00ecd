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
 * is a convolution of dy with its taps, stride 1; nothing is multiplied by inserted zeros. With few input channels all
 * phases are one convolution, each with channels of its own.
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
      { strides: 1, pad: padding, dataFormat: 'NHWC', dilations: 1 },
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

/** All phases at once, or each by itself: whatever multiplies less. */
function groupsOf(info: ConvolutionInfo): Group[] {
  const { inChannels, filterHeight, filterWidth } = info;
  const [vertical, horizontal] = axesOf(info);
  const together = {
    rows: phaseConvolution(vertical, 0, Math.min(vertical.stride, vertical.input)),
    columns: phaseConvolution(horizontal, 0, Math.min(horizontal.stride, horizontal.input)),
  };
  const { rows, columns } = together;
  const channels = rows.phases.length * columns.phases.length * inChannels;
  const costTogether = rows.length * columns.length * roundUp(channels, CHANNELS_AT_ONCE);
  const costApart = filterHeight * filterWidth * roundUp(inChannels, CHANNELS_AT_ONCE);
  if (costTogether <= costApart) return [together];
  const apart = (axis: ConvolutionAxis, { phases }: PhaseConvolution): PhaseConvolution[] =>
    phases.map(({ first }) => phaseConvolution(axis, first, 1));
  return apart(vertical, rows).flatMap((row) =>
    apart(horizontal, columns).map((column) => ({ rows: row, columns: column })),
  );
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
