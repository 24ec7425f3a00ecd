import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { namedLoss } from '../losses/named.ts';
import { createRowSpace } from '../row-space.ts';
import { createL2Moves, l2WindowSide } from './l2-moves.ts';
import { createLinfMoves } from './linf-moves.ts';
import type { Moves, SquareState } from './state.ts';
import { imageShape, windowShare, windowSide, type ImageShape } from './windows.ts';

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
 * Square attack: random search over windows. A proposal changes a window (Linf) or moves mass between two (L2) and is kept
 * when the margin z_y − max z_other falls; windows shrink along a schedule.
 *
 * Every example has windows and proposal numbers of its own, so it does not matter who else is attacked. A proposal that
 * changes nothing is counted as made but not asked, since its answer is known: the search is the same and spends less.
 *
 * @see Andriushchenko et al. (2020), ECCV, arXiv 1912.00049; AutoAttack's schedule is the one without stretching
 */
export async function runSquare(session: AttackSession, parameters: SquareParameters): Promise<void> {
  const image = imageShape(session.target.inputShape);
  const sides = sidesOf(parameters, image, session.threat.norm === 'l2' ? l2WindowSide : windowSide);
  for (let restart = 0; restart < parameters.restarts; restart++) {
    const examples = session.liveRows();
    if (examples.length === 0) return;
    await runRestart(createSearch(session, { image, sides, examples, restart }));
  }
}

/** Side of the windows of each proposal. */
function sidesOf(
  { queries, firstShare, rescale }: SquareParameters,
  image: ImageShape,
  sideOf: (share: number, image: ImageShape) => number,
): Uint32Array {
  const total = rescale ? queries : undefined;
  const sides = new Uint32Array(queries);
  for (let i = 0; i < queries; i++) sides[i] = sideOf(windowShare(i, firstShare, total), image);
  return sides;
}

interface Search extends SquareState {
  readonly moves: Moves;
  /** The margin of what the adversary wants, above 0 at success. */
  readonly loss: ScoreLoss;
  readonly sides: Uint32Array;
  /** Smallest margin so far, shape [count]. */
  readonly margins: Float32Array;
  /** How many proposals each row has made, shape [count]. */
  readonly made: Float64Array;
}

interface SearchOptions {
  readonly image: ImageShape;
  readonly sides: Uint32Array;
  readonly examples: Int32Array;
  readonly restart: number;
}

function createSearch(session: AttackSession, { image, sides, examples, restart }: SearchOptions): Search {
  const space = createRowSpace(examples);
  const rngs: SquareState['rngs'][number][] = [];
  for (const example of examples) rngs[example] = session.rng(example, restart, 'square');
  const state: SquareState = {
    session,
    image,
    space,
    best: space.floats(session.features),
    candidate: space.floats(session.features),
    rngs,
  };
  return {
    ...state,
    moves: session.threat.norm === 'l2' ? createL2Moves(state) : createLinfMoves(state),
    loss: namedLoss('margin', session),
    sides,
    margins: space.floats(1).fill(Infinity),
    made: space.doubles(1),
  };
}

async function runRestart(search: Search): Promise<void> {
  const { space, session, moves, best, candidate } = search;
  for (let i = 0; i < space.count; i++) moves.start(i);
  best.set(candidate);
  await ask(search);
  while (space.count > 0) {
    const exhausted = new Set<number>();
    for (let i = 0; i < space.count; i++) if (!propose(search, i)) exhausted.add(space.rows[i]!);
    if (exhausted.size > 0) space.retain((example) => !exhausted.has(example));
    if (space.count > 0) await ask(search);
    space.retain(session.isLive);
  }
}

/** Asks for all candidates at once, keeps those that lower the margin and takes the others back. */
async function ask({ session, space, candidate, margins, moves, loss }: Search): Promise<void> {
  const { count } = space;
  const inputs = candidate.subarray(0, count * session.features);
  const batch = { inputs, count, rows: space.rows.subarray(0, count) };
  const { values } = loss(await session.target.scores(batch), batch);
  for (let i = 0; i < count; i++) {
    const margin = -values[i]!;
    if (margin < margins[i]!) {
      margins[i] = margin;
      moves.keep(i);
    } else {
      moves.discard(i);
    }
  }
}

/** Draws until a proposal changes the row's candidate; false when all proposals are used up. */
function propose({ moves, sides, made }: Search, row: number): boolean {
  for (let index = made[row]!; index < sides.length; index++) {
    if (!moves.change(row, sides[index]!)) continue;
    made[row] = index + 1;
    return true;
  }
  return false;
}
