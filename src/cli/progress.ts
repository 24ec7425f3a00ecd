import type { Clock } from '../domain/clock.ts';
import { styled } from './output.ts';
import type { Output } from './output.ts';

/** Tells a person how far long work is. */
export interface Progress {
  /** @param done work finished so far, 0 … total   @param note what is worth knowing now, e.g. `robust 83.1 %` */
  update(done: number, note?: string): void;
  /** Leaves the last state on the screen. Idempotent. */
  end(note?: string): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** Work in all, in the unit of `update`. > 0. */
  readonly total: number;
  readonly output: Output;
  readonly clock: Clock;
  /** Least time between two lines when the output is no terminal. Default 5 s. */
  readonly lineEveryMs?: number;
}

const REDRAW_MS = 100;
const BAR_CELLS = 24;

/** A bar that redraws itself on a terminal; elsewhere a line every few seconds, so that logs stay readable. */
export function createProgress(options: ProgressOptions): Progress {
  const { output, clock, total, label } = options;
  const startMs = clock.nowMs();
  const pauseMs = output.isTerminal ? REDRAW_MS : (options.lineEveryMs ?? 5000);
  let lastMs = Number.NEGATIVE_INFINITY;
  let last = { done: 0, note: '' };
  let ended = false;
  let shown: number | undefined;
  const draw = (): void => {
    lastMs = clock.nowMs();
    shown = last.done;
    const state = { label, total, ...last, elapsedMs: lastMs - startMs };
    output.write(
      output.isTerminal ? `\r${fit(barLine(state, output), output)}\u001B[K` : `${plainLine(state)}\n`,
    );
  };
  return {
    update(done, note = '') {
      if (ended) return;
      last = { done: Math.min(Math.max(done, 0), total), note };
      if (clock.nowMs() - lastMs >= pauseMs) draw();
    },
    end(note = last.note) {
      if (ended) return;
      ended = true;
      const isShown = shown === last.done && note === last.note;
      last = { ...last, note };
      if (!isShown) draw();
      if (output.isTerminal) output.write('\n');
    },
  };
}

interface ProgressState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly note: string;
  readonly elapsedMs: number;
}

function barLine(state: ProgressState, output: Output): string {
  const share = state.done / state.total;
  const full = Math.round(share * BAR_CELLS);
  const bar = styled(output, 'green', '█'.repeat(full)) + styled(output, 'dim', '░'.repeat(BAR_CELLS - full));
  return `${state.label}  ${bar}  ${percent(share)}  ${timeNote(state)}  ${state.note}`.trimEnd();
}

function plainLine(state: ProgressState): string {
  return `${state.label}: ${state.done}/${state.total} (${percent(state.done / state.total)}), ${timeNote(state)}${state.note === '' ? '' : `, ${state.note}`}`;
}

function timeNote({ done, total, elapsedMs }: ProgressState): string {
  if (done <= 0 || done >= total || elapsedMs < 1000) return formatDuration(elapsedMs);
  return `${formatDuration(elapsedMs)}, ${formatDuration((elapsedMs / done) * (total - done))} left`;
}

function percent(share: number): string {
  return `${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** `8 s`, `2 min 05 s`, `1 h 03 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** A line that wraps cannot be redrawn: cut it. Colour codes take no room. */
function fit(line: string, output: Output): string {
  let room = Math.max(10, output.columns - 1);
  let kept = '';
  for (const part of line.match(/\u001B\[\d+m|[\s\S]/gu) ?? []) {
    if (part.length > 1) kept += part;
    else if (room-- > 0) kept += part;
  }
  return kept;
}
