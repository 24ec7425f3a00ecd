import type { Rng } from '../../domain/rng.ts';
import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { namedLoss } from '../losses/named.ts';
import { linfBounds } from '../norms/linf.ts';
import { createRowSpace, type RowSpace } from '../row-space.ts';
import { drawWindow, imageShape, windowShare, windowSide, type ImageShape, type Window } from './windows.ts';

export interface SquareParameters {
  /** Proposals per restart, after the one for the start. */
  readonly queries: number;
  readonly restarts: number;
  /** Share of the image that the first windows cover. */
  readonly firstShare: number;
  /** Whether the schedule of shares is stretched from 10,000 proposals to `queries`. */
  readonly rescale: boolean;
}

/**
 * Square attack in Linf: random search over windows. Start: vertical stripes of ±ε. Each proposal puts one window, per
 * channel, to the upper or lower bound of the ball, and is kept when the margin z_y − max z_other falls. (The reference
 * adds ±2ε and clips, which ends at the same bounds.)
 *
 * Every example has windows and proposal numbers of its own, so it does not matter who else is attacked. A proposal that
 * changes nothing is counted as made but not asked, since its answer is known: the search is the same and spends less.
 *
 * @see Andriushchenko et al. (2020), ECCV, arXiv 1912.00049; AutoAttack's schedule is the one without stretching
 */
export async function runSquare(session: AttackSession, parameters: SquareParameters): Promise<void> {
  const { originals, threat } = session;
  const bounds = session.ball.bounds ?? linfBounds(originals, threat.epsilon, threat.range);
  for (let restart = 0; restart < parameters.restarts; restart++) {
    const examples = session.liveRows();
    if (examples.length === 0) return;
    await runRestart(createSearch(session, { parameters, bounds, examples, restart }));
  }
}

interface Bounds {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

interface Search {
  readonly session: AttackSession;
  readonly parameters: SquareParameters;
  readonly bounds: Bounds;
  /** The margin of what the adversary wants, above 0 at success. */
  readonly loss: ScoreLoss;
  readonly image: ImageShape;
  readonly space: RowSpace;
  /** Shape [count, features]; the candidate differs from the best only in the window under trial. */
  readonly best: Float32Array;
  readonly candidate: Float32Array;
  /** Smallest margin so far, shape [count]. */
  readonly margins: Float32Array;
  /** By example: its draws, how many proposals it has made, its window under trial. */
  readonly rngs: Map<number, Rng>;
  readonly proposals: Map<number, number>;
  readonly windows: Map<number, Window>;
}

interface SearchOptions {
  readonly parameters: SquareParameters;
  readonly bounds: Bounds;
  readonly examples: Int32Array;
  readonly restart: number;
}

function createSearch(
  session: AttackSession,
  { parameters, bounds, examples, restart }: SearchOptions,
): Search {
  const space = createRowSpace(examples);
  return {
    session,
    parameters,
    bounds,
    loss: namedLoss('margin', session),
    image: imageShape(session.target.inputShape),
    space,
    best: space.floats(session.features),
    candidate: space.floats(session.features),
    margins: space.floats(1).fill(Infinity),
    rngs: new Map(Array.from(examples, (example) => [example, session.rng(example, restart, 'square')])),
    proposals: new Map(),
    windows: new Map(),
  };
}

async function runRestart(search: Search): Promise<void> {
  const { space, session } = search;
  drawStripes(search);
  await ask(search);
  while (space.count > 0) {
    const exhausted = new Set<number>();
    for (let i = 0; i < space.count; i++) if (!propose(search, i)) exhausted.add(space.rows[i]!);
    space.retain((example) => !exhausted.has(example));
    if (space.count > 0) await ask(search);
    space.retain(session.isLive);
  }
}

/** Asks for all candidates at once, keeps those that lower the margin and takes the others back. */
async function ask(search: Search): Promise<void> {
  const { session, space, candidate, best, margins } = search;
  const { count } = space;
  const inputs = candidate.subarray(0, count * session.features);
  const batch = { inputs, count, rows: space.rows.subarray(0, count) };
  const { values } = search.loss(await session.target.scores(batch), batch);
  for (let i = 0; i < count; i++) {
    const margin = -values[i]!;
    if (margin < margins[i]!) {
      margins[i] = margin;
      copyWindow(search, { from: candidate, to: best, row: i });
    } else {
      copyWindow(search, { from: best, to: candidate, row: i });
    }
  }
}

/** Each column and channel at the upper or the lower bound. */
function drawStripes(search: Search): void {
  const { space, candidate, best, rngs, image, windows } = search;
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    const rng = rngs.get(example)!;
    const signs = drawSigns(rng, image.width * image.channels);
    for (let row = 0; row < image.height; row++) {
      putWindow(search, {
        row: i,
        window: { top: row, left: 0, height: 1, width: image.width },
        signs,
        perPixel: true,
      });
    }
    windows.set(example, { top: 0, left: 0, height: image.height, width: image.width });
  }
  best.set(candidate);
}

/** Draws until a proposal changes the row's candidate; false when all proposals are used up. */
function propose(search: Search, row: number): boolean {
  const { space, parameters, image, rngs, proposals, windows } = search;
  const { queries, firstShare, rescale } = parameters;
  const example = space.rows[row]!;
  const rng = rngs.get(example)!;
  for (let index = proposals.get(example) ?? 0; index < queries; index++) {
    const side = windowSide(windowShare(index, firstShare, rescale ? queries : undefined), image);
    const window = drawWindow(Math.min(side, Math.max(image.height, image.width)), image, rng);
    const signs = drawSigns(rng, image.channels);
    if (!putWindow(search, { row, window, signs, perPixel: false })) continue;
    proposals.set(example, index + 1);
    windows.set(example, window);
    return true;
  }
  return false;
}

function drawSigns(rng: Rng, count: number): Int8Array {
  return Int8Array.from({ length: count }, () => (rng.uint32() < 2 ** 31 ? -1 : 1));
}

interface Patch {
  readonly row: number;
  readonly window: Window;
  /** One per channel, or one per pixel of a window's line and channel. */
  readonly signs: Int8Array;
  readonly perPixel: boolean;
}

/** Puts a window of the candidate to its bounds; says whether any value changed. */
function putWindow(search: Search, { row, window, signs, perPixel }: Patch): boolean {
  const { session, space, candidate, bounds, image } = search;
  const { channels } = image;
  const original = space.rows[row]! * session.features;
  const start = row * session.features;
  let changed = false;
  for (let y = window.top; y < window.top + window.height; y++) {
    const line = (y * image.width + window.left) * channels;
    for (let k = 0; k < window.width * channels; k++) {
      const sign = signs[perPixel ? k : k % channels]!;
      const value = (sign > 0 ? bounds.upper : bounds.lower)[original + line + k]!;
      changed ||= candidate[start + line + k] !== value;
      candidate[start + line + k] = value;
    }
  }
  return changed;
}

function copyWindow(
  { session, space, image, windows }: Search,
  move: { from: Float32Array; to: Float32Array; row: number },
): void {
  const window = windows.get(space.rows[move.row]!)!;
  for (let y = window.top; y < window.top + window.height; y++) {
    const at = move.row * session.features + (y * image.width + window.left) * image.channels;
    move.to.set(move.from.subarray(at, at + window.width * image.channels), at);
  }
}
