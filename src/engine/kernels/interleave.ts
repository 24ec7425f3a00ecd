import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { PhaseConvolution } from './phases.ts';
import { heap, startOf } from './wasm-memory.ts';

/** From this many floats on, the engine's block copy beats a loop. */
const BLOCK = 32;

/**
 * Writes the cells of some phases to where they belong:
 *   output[n, q·period + a, z·period + b, c] = part[n, q, z, (phase a, phase b, c)]
 * Cells beyond the output's edge are dropped.
 *
 * @param part shape [n, rows.cells, columns.cells, rows.phases · columns.phases · c]
 */
export function interleave(
  part: TensorInfo,
  { output, rows, columns }: { output: TensorInfo; rows: PhaseConvolution; columns: PhaseConvolution },
): void {
  const [count, height, width, channels] = output.shape as [number, number, number, number];
  // Neighbouring column phases are neighbours in the output too, so they are copied in one run.
  const run = columns.phases.length * channels;
  const cell = rows.phases.length * run;
  const memory = heap();
  const [from, to] = [startOf(part), startOf(output)];
  const left = columns.phases[0]!.first;
  for (let n = 0; n < count; n++) {
    for (let q = 0; q < rows.cells; q++) {
      const source = from + (n * rows.cells + q) * columns.cells * cell;
      for (let a = 0; a < rows.phases.length; a++) {
        const y = q * rows.period + rows.phases[a]!.first;
        if (y >= height) continue;
        const target = to + ((n * height + y) * width + left) * channels;
        const end = to + (n * height + y + 1) * width * channels;
        copyRuns(memory, {
          source: source + a * run,
          sourceStep: cell,
          target,
          targetStep: columns.period * channels,
          end,
          run,
        });
      }
    }
  }
}

interface Runs {
  readonly source: number;
  readonly sourceStep: number;
  readonly target: number;
  readonly targetStep: number;
  /** Nothing is written from here on. */
  readonly end: number;
  readonly run: number;
}

/** Copies runs of floats, each `step` after the one before, until the target's end. */
function copyRuns(memory: Float32Array, { source, sourceStep, target, targetStep, end, run }: Runs): void {
  for (let from = source, to = target; to < end; from += sourceStep, to += targetStep) {
    const length = Math.min(run, end - to);
    if (length >= BLOCK) memory.copyWithin(to, from, from + length);
    else for (let k = 0; k < length; k++) memory[to + k] = memory[from + k]!;
  }
}
