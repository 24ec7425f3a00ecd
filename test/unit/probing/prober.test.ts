import { AppError } from '../../../src/domain/errors.ts';
import type { CraftedBatch } from '../../../src/probing/crafted.ts';
import { createProber, lossAt, type CraftRequest } from '../../../src/probing/prober.ts';
import { createServedReader, type ScoreSource } from '../../../src/probing/served-reader.ts';

/** One feature; class 1 above the threshold. The served model and the replica may stand at different thresholds. */
const thresholdScores = (inputs: Float32Array, threshold: number) =>
  Float32Array.from({ length: 2 * inputs.length }, (_, i) => (i % 2 === 1 ? inputs[i >> 1]! - threshold : 0));

const served = (threshold: number, questions: number[] = []): ScoreSource => ({
  predict: (inputs, count) => {
    questions.push(count);
    if (inputs.some(Number.isNaN)) return Promise.reject(new AppError('TEMPER_TARGET_REJECTED', 'NaN'));
    return Promise.resolve(thresholdScores(inputs, threshold));
  },
});

/** Exact attack on a threshold replica: the full step of epsilon, refined to just beyond the threshold. */
const craftAt =
  (threshold: number) =>
  (request: CraftRequest): Promise<CraftedBatch> => {
    const n = request.labels.length;
    const { epsilon } = request.threat;
    const batch = {
      success: new Uint8Array(n),
      adversarial: request.inputs.slice(),
      refined: request.inputs.slice(),
      distance: new Float32Array(n).fill(Infinity),
      refinedDistance: new Float32Array(n).fill(Infinity),
      replicaClass: new Int32Array(n),
      forwardQueries: new Uint32Array(n).fill(9),
      gradientQueries: new Uint32Array(n).fill(5),
    };
    for (let i = 0; i < n; i++) {
      const x = request.inputs[i]!;
      batch.replicaClass[i] = x > threshold ? 1 : 0;
      const needed = Math.abs(x - threshold) + 0.001;
      if (needed > epsilon || batch.replicaClass[i] !== request.labels[i]) continue;
      const sign = x > threshold ? -1 : 1;
      batch.success[i] = 1;
      batch.adversarial[i] = x + sign * epsilon;
      batch.refined[i] = x + sign * needed;
      batch.distance[i] = epsilon;
      batch.refinedDistance[i] = needed;
    }
    return Promise.resolve(batch);
  };

const recipe = { name: 'exact', attack: 'exact', parameters: {} };
const batchOf = (...inputs: number[]) => ({
  ids: inputs.map((_, i) => `event-${i}#0`),
  inputs: Float32Array.from(inputs),
  model: { path: 'nowhere', sha256: '0' },
  recipes: [recipe],
  threat: { norm: 'linf', epsilon: 0.25, range: [0, 1], access: 'gradients' } as const,
  seed: 0,
  bisectionSteps: 8,
});
const proberFor = (replicaThreshold: number, source: ScoreSource) =>
  createProber({
    craft: craftAt(replicaThreshold),
    reader: createServedReader({ served: source, knownGood: () => Float32Array.of(0) }),
  });

describe('createProber', () => {
  it('measures the distance on the replica and confirms it on the served model', async () => {
    const questions: number[] = [];
    const [rows] = await proberFor(0.5, served(0.5, questions)).probe(batchOf(0.4, 0.9));
    expect(rows![0]!.outcome).toMatchObject({
      kind: 'done',
      measurement: {
        success: true,
        predictionBefore: 0,
        predictionAfter: 1,
        replicaAgrees: true,
        transferred: true,
        servedQueries: 2,
      },
    });
    const { outcome } = rows![0]!;
    if (outcome.kind !== 'done') throw new Error('expected a measurement');
    expect(outcome.measurement.distance).toBeCloseTo(0.101, 5);
    expect(outcome.measurement.loss).toBeCloseTo(1 - 0.101 / 0.25, 5);
    expect(rows![1]!.outcome).toMatchObject({
      kind: 'done',
      measurement: { success: false, loss: 0, servedQueries: 1 },
    });
    expect(rows![1]!.adversarial).toBeUndefined();
    expect(questions).toEqual([2, 1]);
  });

  it('counts a success only as it survives the wire, at the distance that it then has', async () => {
    // A server that takes tenths.
    const tenths: ScoreSource = {
      ...served(0.5),
      asSent: (inputs) => Promise.resolve(inputs.map((value) => Math.round(10 * value) / 10)),
    };
    // Refined to 0.501, which arrives as 0.5 and holds; the full step to 0.67 arrives as 0.7, outside epsilon.
    const [held] = await proberFor(0.5, tenths).probe(batchOf(0.42));
    expect(held![0]!.outcome).toMatchObject({ measurement: { success: false, transferred: false } });
    // Refined to 0.571: arrives as 0.6, falls, at the distance 0.15 instead of 0.121.
    const fine: ScoreSource = { ...tenths, predict: served(0.57).predict };
    const [fell] = await proberFor(0.57, fine).probe(batchOf(0.45));
    expect(fell![0]!.adversarial?.[0]).toBeCloseTo(0.6, 6);
    const { outcome } = fell![0]!;
    if (outcome.kind !== 'done') throw new Error('expected a measurement');
    expect(outcome.measurement.distance).toBeCloseTo(0.15, 6);
  });

  it('falls back to the unrefined adversarial where the refined one does not carry over', async () => {
    const [rows] = await proberFor(0.5, served(0.55)).probe(batchOf(0.4));
    expect(rows![0]!.outcome).toMatchObject({
      measurement: { success: true, distance: 0.25, loss: 0, servedQueries: 3 },
    });
    expect(rows![0]!.adversarial?.[0]).toBeCloseTo(0.65, 5);
  });

  it('claims nothing that the served model does not confirm, and says that it did not transfer', async () => {
    const [rows] = await proberFor(0.5, served(0.9)).probe(batchOf(0.4));
    expect(rows![0]!.outcome).toMatchObject({ measurement: { success: false, loss: 0, transferred: false } });
  });

  it('reports a replica that disagrees on the clean input', async () => {
    const [rows] = await proberFor(0.2, served(0.5)).probe(batchOf(0.4));
    expect(rows![0]!.outcome).toMatchObject({ measurement: { replicaAgrees: false, success: false } });
  });

  it('keeps the outcome of every other row when one cannot be probed', async () => {
    const [rows] = await proberFor(0.5, served(0.5)).probe(batchOf(0.4, NaN, 0.6));
    expect(rows!.map(({ outcome }) => outcome.kind)).toEqual(['done', 'unprobeable', 'done']);
  });

  it('hands an unreachable served model to the caller', async () => {
    const away: ScoreSource = {
      predict: () =>
        Promise.reject(new AppError('TEMPER_TARGET_UNREACHABLE', 'refused', { retryable: true })),
    };
    await expect(proberFor(0.5, away).probe(batchOf(0.4))).rejects.toMatchObject({ retryable: true });
  });
});

describe('lossAt', () => {
  it.each([
    [0, 0.3, 1],
    [0.15, 0.3, 0.5],
    [0.3, 0.3, 0],
    [9, 0.3, 0],
    [0, 0, 1],
    [0.1, 0, 0],
  ])('distance %d of epsilon %d loses %d', (distance, epsilon, loss) => {
    expect(lossAt(distance, epsilon)).toBeCloseTo(loss, 12);
  });
});
