import { linfBounds } from '../norms/linf.ts';
import { drawSigns, rngOf, type Moves, type SquareState } from './state.ts';
import { copyWindow, drawWindow, type Window } from './windows.ts';

/**
 * Square attack in Linf. Start: vertical stripes of ±ε, each column and channel at the upper or the lower bound of the
 * ball. Each change puts one window, per channel, to one of the bounds. (The reference adds ±2ε and clips, which ends at
 * the same bounds.) The candidate differs from the best only in the window under trial, so only that is ever copied.
 */
export function createLinfMoves(state: SquareState): Moves {
  const { session, space, image, best, candidate } = state;
  const { features, threat } = session;
  const { width, height, channels } = image;
  const { lower, upper } = session.ball.bounds ?? linfBounds(session.originals, threat.epsilon, threat.range);
  const trials: Window[] = [];
  const signs = new Int8Array(width * channels);

  /** Plain loops, because they are most of the search's own time. */
  const put = (row: number, window: Window): boolean => {
    const start = row * features;
    const original = space.rows[row]! * features;
    let changes = 0;
    for (let channel = 0; channel < channels; channel++) {
      const bound = signs[channel]! > 0 ? upper : lower;
      for (let y = window.top; y < window.top + window.height; y++) {
        let at = (y * width + window.left) * channels + channel;
        for (let x = 0; x < window.width; x++, at += channels) {
          const value = bound[original + at]!;
          changes += Number(candidate[start + at] !== value);
          candidate[start + at] = value;
        }
      }
    }
    return changes > 0;
  };
  const copy = (row: number, from: Float32Array, to: Float32Array): void =>
    copyWindow(from, to, { window: trials[space.rows[row]!]!, image, start: row * features });
  return {
    start(row) {
      drawSigns(signs, width * channels, rngOf(state, row));
      const start = row * features;
      const original = space.rows[row]! * features;
      for (let at = 0; at < features; at++) {
        const bound = signs[at % (width * channels)]! > 0 ? upper : lower;
        candidate[start + at] = bound[original + at]!;
      }
      trials[space.rows[row]!] = { top: 0, left: 0, height, width };
    },
    change(row, side) {
      const rng = rngOf(state, row);
      const window = drawWindow(side, image, rng);
      drawSigns(signs, channels, rng);
      trials[space.rows[row]!] = window;
      return put(row, window);
    },
    keep: (row) => copy(row, candidate, best),
    discard: (row) => copy(row, best, candidate),
  };
}
