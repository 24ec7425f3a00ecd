import { canarySetId, type Canary, type CanarySet } from '../../../src/probing/canaries.ts';
import { canaryIds, runCanaryRound, type CanaryRoundOptions } from '../../../src/probing/canary-round.ts';
import { measureSentinels } from '../../../src/probing/measure-sentinels.ts';
import type { Prober, RowProbe } from '../../../src/probing/prober.ts';
import { createServedReader } from '../../../src/probing/served-reader.ts';

const canaries: Canary[] = [
  { kind: 'labelled', input: Float32Array.of(0.2), label: 0 },
  { kind: 'labelled', input: Float32Array.of(0.8), label: 1 },
  { kind: 'production', input: Float32Array.of(0.6) },
];
const scoresAt = (threshold: number, inputs: Float32Array) =>
  Float32Array.from({ length: 2 * inputs.length }, (_, i) => (i % 2 === 1 ? inputs[i >> 1]! - threshold : 0));
const readerAt = (threshold: number) =>
  createServedReader({
    served: { predict: (inputs) => Promise.resolve(scoresAt(threshold, inputs)) },
    knownGood: () => undefined,
  });
const set: CanarySet = {
  setId: canarySetId('m', '1', canaries),
  model: 'm',
  version: '1',
  canaries,
  referenceScores: canaries.map(({ input }) => scoresAt(0.5, input)),
  referenceSurvived: [true, true, true],
};
const settings = {
  recipes: [{ name: 'exact', attack: 'exact', parameters: {} }],
  threat: { norm: 'linf', epsilon: 0.1, range: [0, 1], access: 'gradients' } as const,
  seed: 0,
  bisectionSteps: 8,
};
const doneWith = (success: boolean): RowProbe => ({
  outcome: {
    kind: 'done',
    measurement: {
      success,
      loss: success ? 0.5 : 0,
      predictionBefore: 0,
      predictionAfter: 1,
      replicaAgrees: true,
      forwardQueries: 1,
      gradientQueries: 1,
      servedQueries: 2,
    },
  },
});
/** Breaks every input above one half, and remembers which ids it was asked to probe. */
const recordingProber = (asked: string[][]): Prober => ({
  probe: ({ ids, inputs }) => {
    asked.push([...ids]);
    return Promise.resolve([ids.map((_, i) => doneWith(inputs[i]! > 0.5))]);
  },
});
const replica = { path: 'nowhere', sha256: '0' };
const round = (threshold: number, asked: string[][] = [], more: Partial<CanaryRoundOptions> = {}) =>
  runCanaryRound({
    set,
    reader: readerAt(threshold),
    prober: recordingProber(asked),
    settings,
    replica,
    replicaScores: (_, inputs) => Promise.resolve(scoresAt(0.5, inputs)),
    tolerance: 1e-4,
    ...more,
  });

describe('runCanaryRound', () => {
  it('attacks nothing when nothing changed', async () => {
    const asked: string[][] = [];
    const result = await round(0.5, asked);
    expect(result.comparison).toMatchObject({ changed: false, compared: 3 });
    expect(result.labelErrors).toEqual({ errors: 0, labelled: 2 });
    expect(result.replicaAgreement).toBe(1);
    expect(result.discordant).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('attacks all canaries with their own seeds when the scores changed, and counts who changed sides', async () => {
    const asked: string[][] = [];
    const result = await round(0.7, asked);
    expect(result.comparison).toMatchObject({ changed: true, flipped: 1 });
    expect(result.discordant).toEqual({ worse: 2, better: 0 });
    expect(result.replicaAgreement).toBe(0);
    expect(asked).toEqual([canaryIds(set.setId, 3)]);
  });

  it('a model that answers always the same flips nothing, and is worse all the same: it misreads', async () => {
    const withstanding: Prober = {
      probe: ({ ids }) => Promise.resolve([ids.map(() => doneWith(false))]),
    };
    const result = await round(0.95, [], { prober: withstanding });
    expect(result.labelErrors).toEqual({ errors: 1, labelled: 2 });
    expect(result.discordant).toEqual({ worse: 1, better: 0 });
  });

  it('leaves out what was not read or not probed, instead of counting it as held', async () => {
    const broken = { ...set, referenceSurvived: [false, false, false] };
    const failing: Prober = {
      probe: ({ ids }) =>
        Promise.resolve([
          ids.map(() => ({ outcome: { kind: 'unprobeable' as const, reason: 'served_unreachable' } })),
        ]),
    };
    expect((await round(0.55, [], { set: broken, prober: failing })).discordant).toEqual({
      worse: 0,
      better: 0,
    });
  });

  it('without a replica compares the readings of labelled canaries alone', async () => {
    const asked: string[][] = [];
    const result = await round(0.95, asked, { replica: undefined });
    expect(result.discordant).toEqual({ worse: 1, better: 0 });
    expect((await round(0.5, asked, { replica: undefined })).discordant).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('measureSentinels', () => {
  it('chunks without changing ids or order', async () => {
    const asked: string[][] = [];
    const inputs = Float32Array.of(0.1, 0.9, 0.2, 0.8, 0.7);
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const [measured] = await measureSentinels({
      prober: recordingProber(asked),
      settings,
      model: replica,
      inputs,
      ids,
      chunkRows: 2,
    });
    expect(asked).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(measured).toMatchObject({
      losses: [0, 0.5, 0, 0.5, 0.5],
      broken: [false, true, false, true, true],
      unprobeable: 0,
    });
  });
});
