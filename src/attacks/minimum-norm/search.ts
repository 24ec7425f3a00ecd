import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { batchOf, createLoopState, gradientTarget, type LoopState } from '../loop/state.ts';
import { take, takeLosses } from '../loop/take.ts';

/** What a search for the nearest adversarial works with: the state of the gradient loop, and which iterates are adversarial. */
export interface Search extends LoopState {
  /** 1 where the point that was asked last is what the adversary wants, shape [count]. */
  readonly fooled: Float32Array;
}

/** A search over the examples that are live, at the examples themselves. Each has one row. */
export function createSearch(session: AttackSession, restart = 0): Search {
  const state = createLoopState(session, session.liveRows(), restart);
  const search = { ...state, fooled: state.space.floats(1) };
  for (let i = 0; i < state.space.count; i++) rowOf(search, search.x, i).set(originalOf(search, i));
  return search;
}

/** The values of one row, as a view. */
export function rowOf<T extends Float32Array | Float64Array>(
  { session: { features } }: LoopState,
  values: T,
  row: number,
): T {
  return values.subarray(row * features, (row + 1) * features) as T; // a view of an array is of its kind
}

/** The example that a row belongs to, unchanged, as a view. */
export function originalOf(search: LoopState, row: number): Float32Array {
  return rowOf(search, search.session.originals, search.space.rows[row]!);
}

/** Asks for the gradient at the iterates, sees which are adversarial, and drops the rows that are not live any more. */
export async function askGradient(search: Search, loss: ScoreLoss): Promise<void> {
  const { session, space, x } = search;
  const found = await gradientTarget(session).gradient(batchOf(search, x), loss);
  take(search, found);
  markFooled(search, found.scores);
  space.retain(session.isLive);
}

/** The same without a gradient; losses too, if a loss is given. */
export async function askScores(search: Search, loss?: ScoreLoss): Promise<void> {
  const { session, space, x } = search;
  const batch = batchOf(search, x);
  const scores = await session.target.scores(batch);
  if (loss !== undefined) takeLosses(search, loss(scores, batch).values);
  markFooled(search, scores);
  space.retain(session.isLive);
}

function markFooled({ session, space, fooled }: Search, scores: Float32Array): void {
  for (let i = 0; i < space.count; i++)
    fooled[i] = Number(session.judge.isSuccess(scores, i, space.rows[i]!));
}

/** Drops rows by what is known of the row, not of the example. */
export function dropRows({ space }: Search, isDone: (row: number) => boolean): void {
  const done = new Set<number>();
  for (let i = 0; i < space.count; i++) if (isDone(i)) done.add(space.rows[i]!);
  if (done.size > 0) space.retain((example) => !done.has(example));
}

export interface Descent {
  readonly steps: number;
  readonly loss: ScoreLoss;
  /** Moves every row, knowing losses, gradients and which iterates are adversarial. */
  readonly move: (step: number) => void;
}

/** Asks and moves in turn; the last iterate is only scored. k steps cost k gradients and k + 1 forward passes. */
export async function descend(search: Search, { steps, loss, move }: Descent): Promise<void> {
  for (let step = 0; step < steps && search.space.count > 0; step++) {
    await askGradient(search, loss);
    move(step);
  }
  if (search.space.count > 0) await askScores(search);
}

/** From `first` at step 0 towards `last`, which step `steps` would reach, along half a cosine. */
export function cosine(step: number, steps: number, [first, last]: readonly [number, number]): number {
  return last + ((first - last) * (1 + Math.cos((Math.PI * step) / steps))) / 2;
}
