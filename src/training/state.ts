import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { startCurriculum, type Curriculum, type CurriculumState } from './curriculum.ts';
import type { CarriedPerturbations } from './inner-attack.ts';
import { startOptimizer, type OptimizerState } from './optimizer.ts';

/** What an epoch came to. Accuracies of the averaged weights on validation rows are there when it was measured. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Epsilon in use at its last step. */
  readonly epsilon: number;
  /** Mean objective per row. */
  readonly loss: number;
  /** Share of fresh rows right under the attack in training, while the weights moved. */
  readonly trainingAccuracy: number;
  readonly cleanAccuracy?: number;
  readonly robustAccuracy?: number;
}

/** Everything that moves while training. */
export interface TrainingState {
  readonly optimizer: OptimizerState;
  curriculum: CurriculumState;
  /** Steps done. */
  step: number;
  readonly history: EpochRecord[];
  /** The averaged weights that validated best. */
  best: { readonly epoch: number; readonly score: number; readonly weights: Float32Array } | undefined;
  /** Shape [fresh rows, features]; undefined where starts are random. Filled once each row was visited. */
  readonly carried: CarriedPerturbations | undefined;
}

interface Header {
  readonly curriculum: CurriculumState;
  readonly step: number;
  readonly updates: number;
  readonly history: readonly EpochRecord[];
  readonly best: { readonly epoch: number; readonly score: number } | undefined;
}

export function startState(
  weights: Float32Array,
  {
    curriculum,
    steps,
    carriedValues,
  }: { curriculum: Curriculum; steps: number; carriedValues: number | undefined },
): TrainingState {
  return {
    optimizer: startOptimizer(weights),
    curriculum: startCurriculum(curriculum, steps),
    step: 0,
    history: [],
    best: undefined,
    carried: carriedValues === undefined ? undefined : new Int8Array(carriedValues),
  };
}

/** Writes what `loadState` needs. Call it between epochs: the order of an epoch is drawn anew from its number. */
export async function saveState(directory: string, identity: string, state: TrainingState): Promise<void> {
  const { optimizer, curriculum, step, history, best, carried } = state;
  const { weights, first, second, averages, updates } = optimizer;
  const header: Header = {
    curriculum,
    step,
    updates,
    history,
    best: best && { epoch: best.epoch, score: best.score },
  };
  await writeCheckpoint(directory, {
    identity,
    header,
    floats: { weights, first, second, averages, ...(best && { best: best.weights }) },
    bytes: carried === undefined ? {} : { carried },
  });
}

/** The state of the last finished epoch of this very training; undefined when there is none. */
export async function loadState(directory: string, identity: string): Promise<TrainingState | undefined> {
  const checkpoint = await readCheckpoint<Header>(directory, identity);
  if (checkpoint === undefined) return undefined;
  const { header, floats, bytes } = checkpoint;
  return {
    optimizer: {
      weights: floats['weights']!,
      first: floats['first']!,
      second: floats['second']!,
      averages: floats['averages']!,
      updates: header.updates,
    },
    curriculum: header.curriculum,
    step: header.step,
    history: [...header.history],
    best: header.best && { ...header.best, weights: floats['best']! },
    carried: bytes['carried'],
  };
}
