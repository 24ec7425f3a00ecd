import type { Rng } from '../../domain/rng.ts';
import type { Norm } from '../../domain/threat-model.ts';
import type { AttackSession } from '../attack.ts';
import { namedLoss, type LossName } from '../losses/named.ts';
import { float32Range } from '../norms/clamp.ts';
import { searchTogether, type Question, type Search } from '../questions.ts';
import { imageShape, type ImageShape } from '../square/windows.ts';

/** What the search for a higher loss of one example works with. */
export interface Climb {
  /** Shape [features]. */
  readonly original: Float32Array;
  readonly features: number;
  readonly image: ImageShape;
  readonly norm: Norm;
  readonly epsilon: number;
  /** Ends of the range as float32. */
  readonly range: readonly [number, number];
  readonly rng: Rng;
  /** Loss of the original, −Infinity where the model said NaN. */
  readonly firstLoss: number;
  /** Moves a point into the ball and the range. */
  readonly project: (point: Float32Array) => void;
  /** Turns a gradient into the steepest direction of length 1 in the norm, in place. */
  readonly normalise: (gradient: Float32Array) => void;
}

export interface ClimbOptions {
  readonly queries: number;
  readonly batchRows?: number | undefined;
  readonly loss: LossName;
}

/** Runs an attack by scores: one search for each live example, asked together; answers are losses, which shall grow. */
export async function climbTogether(
  session: AttackSession,
  options: ClimbOptions,
  search: (climb: Climb) => Search,
): Promise<void> {
  const { originals, cleanScores, labels, target } = session;
  const loss = namedLoss(options.loss, session);
  const rows = Int32Array.from(labels.keys());
  const first = loss(cleanScores, { inputs: originals, count: rows.length, rows }).values;
  await searchTogether(session, (example) => search(climbOf(session, example, first[example]!)), {
    ...options,
    answer: async (batch) => loss(await target.scores(batch), batch).values,
  });
}

function climbOf(session: AttackSession, example: number, loss: number): Climb {
  const { originals, features, threat, ball, rng, target } = session;
  const rows = Int32Array.of(example);
  return {
    original: originals.subarray(example * features, (example + 1) * features),
    features,
    image: imageShape(target.inputShape),
    norm: threat.norm,
    epsilon: threat.epsilon,
    range: float32Range(threat.range),
    rng: rng(example, 'climb'),
    firstLoss: Number.isNaN(loss) ? -Infinity : loss,
    project: (values) => ball.project({ values, rows, count: 1 }),
    normalise: (gradient) => ball.normalise(gradient, 1),
  };
}

/** Asks for the loss at one point, which is moved to where constraints allow. */
export function* lossAt(point: Float32Array): Generator<Question, number, void> {
  let loss = NaN;
  yield {
    count: 1,
    write: (into) => into.set(point),
    take: (answer, asked) => {
      loss = answer;
      point.set(asked);
    },
  };
  return loss;
}
