import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { ConvolutionInfo } from './convolution.ts';
import { compute, release, tensorOf, valuesOf } from './kernel-calls.ts';
import { phaseConvolution, type ConvolutionAxis, type PhaseConvolution } from './phases.ts';

/** Cells of an input gradient that one convolution of dy computes: phases of the rows × phases of the columns. */
export interface PhaseGroup {
  readonly rows: PhaseConvolution;
  readonly columns: PhaseConvolution;
}

/** All cells at once, by periods of this many strides down and across. */
export function allPhases(info: ConvolutionInfo, down: number, across: number): PhaseGroup {
  const [vertical, horizontal] = axesOf(info);
  const all = (axis: ConvolutionAxis, step: number): PhaseConvolution =>
    phaseConvolution(axis, { first: 0, count: Math.min(step * axis.stride, axis.input), step });
  return { rows: all(vertical, down), columns: all(horizontal, across) };
}

/** One group for each phase of the stride; together they cover all cells. */
export function eachPhase(info: ConvolutionInfo): PhaseGroup[] {
  const [vertical, horizontal] = axesOf(info);
  const each = (axis: ConvolutionAxis): PhaseConvolution[] =>
    Array.from({ length: Math.min(axis.stride, axis.input) }, (_, first) =>
      phaseConvolution(axis, { first, count: 1, step: 1 }),
    );
  return each(vertical).flatMap((rows) => each(horizontal).map((columns) => ({ rows, columns })));
}

/**
 * The input gradient in the cells of a group.
 *
 * @param inputs dy of shape [n, oh, ow, f], filter of shape [fh, fw, c, f], both finite
 * @returns shape [n, rows.cells, columns.cells, (row phases, column phases, c)]; the caller releases it
 */
export function convolvePhases(
  { dy, filter }: { dy: TensorInfo; filter: TensorInfo },
  group: PhaseGroup,
): TensorInfo {
  const { rows, columns } = group;
  const [, , channels, filters] = filter.shape as [number, number, number, number];
  const width = rows.phases.length * columns.phases.length * channels;
  const values = turnedFilter(valuesOf(filter), filter.shape, group);
  const turned = tensorOf(values, [rows.length, columns.length, filters, width]);
  const part = compute(
    'Conv2D',
    { x: dy, filter: turned },
    {
      strides: [rows.step, columns.step],
      pad: [[0, 0], rows.padding, columns.padding, [0, 0]],
      dataFormat: 'NHWC',
      dilations: 1,
    },
  );
  release(turned);
  return part;
}

/** Filter of a group's convolution: [rows.length, columns.length, f, (phases, c)], zero where a phase has no tap. */
export function turnedFilter(
  filter: Float32Array,
  filterShape: readonly number[],
  { rows, columns }: PhaseGroup,
): Float32Array {
  const [, filterWidth, channels, filters] = filterShape as [number, number, number, number];
  const width = rows.phases.length * columns.phases.length * channels;
  const turned = new Float32Array(rows.length * columns.length * filters * width);
  rows.phases.forEach((row, a) =>
    columns.phases.forEach((column, b) => {
      const phase = (a * columns.phases.length + b) * channels;
      for (const u of row.taps) {
        for (const v of column.taps) {
          const source = (u.tap * filterWidth + v.tap) * channels * filters;
          const target = (u.place * columns.length + v.place) * filters * width + phase;
          for (let c = 0; c < channels; c++) {
            for (let f = 0; f < filters; f++)
              turned[target + f * width + c] = filter[source + c * filters + f]!;
          }
        }
      }
    }),
  );
  return turned;
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
