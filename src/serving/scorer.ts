import { createRng } from '../domain/rng.ts';
import { featureCount } from '../domain/target.ts';
import { startBackend } from '../engine/backend.ts';
import type { EngineName } from '../engine/choose.ts';
import type { ModelVersion } from '../models/registry.ts';
import { loadReplica } from '../models/replica.ts';

/** A loaded model that answers. */
export interface Scorer {
  /** Shape of one example, e.g. [28, 28, 1]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** What the model's last layer gives, and so what the server answers. */
  readonly output: 'logits' | 'probabilities';
  /** Shape [count, classes]; inputs shape [count, features], every value finite. */
  scores(inputs: Float32Array, count: number): Promise<Float32Array>;
  dispose(): void;
}

export type CreateScorer = (version: ModelVersion) => Promise<Scorer>;

/** Scorers that compute in this process, with the given engine. */
export function engineScorers(engine: EngineName): CreateScorer {
  return async ({ ref }) => {
    await startBackend(engine);
    const replica = await loadReplica(ref);
    const scores = (inputs: Float32Array, count: number): Promise<Float32Array> =>
      replica.scores({ inputs, count, rows: new Int32Array(count) });
    const isSoftmax = replica.scoreKind === 'log-probabilities';
    return {
      inputShape: replica.inputShape,
      classes: replica.classes,
      output: isSoftmax ? 'probabilities' : 'logits',
      scores: isSoftmax ? async (inputs, count) => (await scores(inputs, count)).map(Math.exp) : scores,
      dispose: () => {
        replica.dispose();
      },
    };
  };
}

const TRIED_ROWS = 48;
const TRIED_BATCHES = [1, 5, 16] as const;

/**
 * Makes the answer to an input the same whatever else is in its request, because canaries are compared to the last bit.
 * Matrix kernels may sum in another order when the batch has another size, so this is tried on random inputs as the
 * model is loaded; it also runs every kernel once before the first request. A model that fails is asked row by row.
 */
export async function withStableScores(scorer: Scorer): Promise<Scorer & { readonly rowByRow: boolean }> {
  const rowByRow = !(await isBatchInvariant(scorer));
  if (!rowByRow) return { ...scorer, rowByRow };
  const features = featureCount(scorer.inputShape);
  return {
    ...scorer,
    rowByRow,
    scores: (inputs, count) => inBatchesOf(1, { scorer, inputs, count, features }),
  };
}

async function isBatchInvariant(scorer: Scorer): Promise<boolean> {
  const features = featureCount(scorer.inputShape);
  const rng = createRng('batch-invariance', features);
  const inputs = Float32Array.from({ length: TRIED_ROWS * features }, () => rng.uniform());
  const whole = await scorer.scores(inputs, TRIED_ROWS);
  for (const size of TRIED_BATCHES) {
    const parts = await inBatchesOf(size, { scorer, inputs, count: TRIED_ROWS, features });
    if (!parts.every((score, i) => Object.is(score, whole[i]))) return false;
  }
  return true;
}

async function inBatchesOf(
  size: number,
  request: {
    readonly scorer: Scorer;
    readonly inputs: Float32Array;
    readonly count: number;
    readonly features: number;
  },
): Promise<Float32Array> {
  const { scorer, inputs, count, features } = request;
  const scores = new Float32Array(count * scorer.classes);
  for (let from = 0; from < count; from += size) {
    const to = Math.min(count, from + size);
    const part = await scorer.scores(inputs.subarray(from * features, to * features), to - from);
    scores.set(part, from * scorer.classes);
  }
  return scores;
}
