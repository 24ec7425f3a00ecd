import type { Batch } from '../domain/target.ts';
import type { AttackSession } from './attack.ts';

/**
 * What the search for one example wants to know before it goes on. Points are written straight into a batch that many
 * searches share, so a question about thousands of points needs no memory for them.
 */
export interface Question {
  /** How many points, 1 or more. */
  readonly count: number;
  /** Writes all values of point `index`; they should lie in the range. */
  readonly write: (point: Float32Array, index: number) => void;
  /** Takes an answer, in order of index; `point` is what was really asked, which constraints may have moved. It is valid only during the call. */
  readonly take: (answer: number, point: Float32Array, index: number) => void;
}

/** A search written as if its example were alone: it yields questions and is resumed when they are answered. */
export type Search = Generator<Question, void, void>;

export interface SearchOptions {
  /** Points that one example may ask about at most. */
  readonly queries: number;
  /** Points that are asked at once at most; what is in memory grows with it, results do not depend on it. Default 1,024. */
  readonly batchRows?: number | undefined;
  /** One answer for each row. */
  readonly answer: (batch: Batch) => Promise<ArrayLike<number>>;
}

interface Talk {
  readonly example: number;
  readonly search: Search;
  question: Question;
  /** Points of the question that are answered. */
  answered: number;
  /** Points that may still be asked. */
  left: number;
}

const BATCH_ROWS = 1_024;

/**
 * Runs the searches of all live examples side by side and packs what they ask together, so that each is plain sequential
 * code and the model still sees full batches. A search ends when it returns, when its example is not live any more, or
 * when it has used up its queries: then in the middle of a question, if need be. Each search asks at least one point per
 * turn, so there is no endless one.
 */
export async function searchTogether(
  session: Pick<AttackSession, 'features' | 'feasible' | 'isLive' | 'liveRows'>,
  searchOf: (example: number) => Search,
  { queries, batchRows = BATCH_ROWS, answer }: SearchOptions,
): Promise<void> {
  let queue: Talk[] = [];
  for (const example of session.liveRows()) {
    const search = searchOf(example);
    const first = search.next();
    if (first.done !== true)
      queue.push({ example, search, question: first.value, answered: 0, left: queries });
  }
  const most = Math.min(batchRows, BATCH_ROWS * 64);
  while (queue.length > 0) {
    const pieces = nextPieces(queue, most);
    const batch = writeBatch(pieces, session.features);
    session.feasible({ values: batch.inputs, rows: batch.rows, count: batch.count });
    const answers = await answer(batch);
    let row = 0;
    for (const { talk, count } of pieces) {
      if (session.isLive(talk.example)) deliver({ talk, count }, { answers, batch, row });
      row += count;
    }
    // Who was asked goes behind those who were not.
    const waiting = queue.slice(pieces.length);
    queue = waiting.concat(pieces.map(({ talk }) => talk).filter((talk) => goesOn(talk, session)));
  }
}

interface Piece {
  readonly talk: Talk;
  readonly count: number;
}

function nextPieces(queue: readonly Talk[], most: number): Piece[] {
  const pieces: Piece[] = [];
  let room = most;
  for (const talk of queue) {
    if (room === 0) break;
    const count = Math.min(talk.question.count - talk.answered, talk.left, room);
    pieces.push({ talk, count });
    room -= count;
  }
  return pieces;
}

function writeBatch(pieces: readonly Piece[], features: number): Batch {
  const count = pieces.reduce((sum, piece) => sum + piece.count, 0);
  const inputs = new Float32Array(count * features);
  const rows = new Int32Array(count);
  let row = 0;
  for (const { talk, count: own } of pieces)
    for (let i = 0; i < own; i++, row++) {
      rows[row] = talk.example;
      talk.question.write(inputs.subarray(row * features, (row + 1) * features), talk.answered + i);
    }
  return { inputs, count, rows };
}

function deliver(
  { talk, count }: Piece,
  given: { readonly answers: ArrayLike<number>; readonly batch: Batch; readonly row: number },
): void {
  const features = given.batch.inputs.length / given.batch.count;
  for (let i = 0; i < count; i++) {
    const at = given.row + i;
    const point = given.batch.inputs.subarray(at * features, (at + 1) * features);
    talk.question.take(given.answers[at]!, point, talk.answered + i);
  }
  talk.answered += count;
  talk.left -= count;
}

/** Whether a talk has something left to ask; moves on to its next question when one is answered. */
function goesOn(talk: Talk, { isLive }: Pick<AttackSession, 'isLive'>): boolean {
  if (!isLive(talk.example) || talk.left <= 0) {
    talk.search.return();
    return false;
  }
  if (talk.answered < talk.question.count) return true;
  const next = talk.search.next();
  if (next.done === true) return false;
  talk.question = next.value;
  talk.answered = 0;
  return true;
}
