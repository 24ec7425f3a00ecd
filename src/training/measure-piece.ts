import { defineTask, type Task } from '../engine/pool.ts';
import { inScope } from '../engine/in-scope.ts';
import { tf } from '../engine/tf.ts';
import { climb, project, randomPerturbations, type InnerAttack } from './inner-attack.ts';
import { attackDirection } from './objective.ts';
import { countCorrect, rowsTensor, type LabelledRows } from './rows.ts';
import { workerModel, type NetworkAt } from './worker-model.ts';

export interface MeasurePieceInput {
  readonly network: NetworkAt;
  readonly rows: LabelledRows;
  /** Absent: only clean accuracy is measured. */
  readonly attack: InnerAttack | undefined;
  /** Names the random start of each row. */
  readonly identities: readonly (readonly (string | number)[])[];
}

export interface MeasurePieceOutput {
  readonly cleanCorrect: number;
  readonly robustCorrect: number;
}

/** How many rows are right as they are, and how many after a few steps of PGD on cross-entropy. */
export async function measurePiece({
  network,
  rows,
  attack,
  identities,
}: MeasurePieceInput): Promise<MeasurePieceOutput> {
  const model = await workerModel(network);
  return inScope(() => {
    const clean = rowsTensor(rows, model.inputShape);
    const correctOf = (inputs: tf.Tensor): number =>
      countCorrect(model.scores(inputs).dataSync() as Float32Array, rows.labels);
    const cleanCorrect = correctOf(clean);
    if (attack === undefined) return { cleanCorrect, robustCorrect: cleanCorrect };
    const noise = randomPerturbations(attack, clean.size / rows.labels.length, identities);
    const start = project({ clean, moved: tf.add(clean, tf.tensor(noise, clean.shape)) }, attack);
    const derivativeOf = (scores: Float32Array): Float32Array =>
      attackDirection({ kind: 'pgd' }, { adversarial: scores, clean: undefined }, rows.labels);
    return {
      cleanCorrect,
      robustCorrect: correctOf(climb({ clean, start }, model.scores, { attack, derivativeOf })),
    };
  });
}

export const measurePieceTask: Task<MeasurePieceInput, MeasurePieceOutput> = defineTask(
  __filename,
  'measurePiece',
);
