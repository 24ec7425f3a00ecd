import { recipeId } from '../../../src/domain/recipe.ts';
import { probeSlot, type PendingSample } from '../../../src/probing/slot.ts';
import { THE_SERVED_MODEL, type Prober } from '../../../src/probing/prober.ts';

const recipe = { name: 'exact', attack: 'exact', parameters: {} };
const settings = {
  recipes: [recipe],
  threat: { norm: 'linf', epsilon: 0.1, range: [0, 1], access: 'gradients' } as const,
  seed: 0,
  bisectionSteps: 8,
};
const pending = (id: string, input: number[], ingestedAtMs = 1000): PendingSample => ({
  ingestedAtMs,
  sample: {
    sampleId: `${id}#0`,
    eventId: id,
    row: 0,
    model: 'm',
    position: { source: 'file', partition: 0, offset: 0 },
    eventTimeMs: 0,
    input: Float32Array.from(input),
  },
});
const held: Prober = {
  probe: ({ ids, recipes }) =>
    Promise.resolve(
      recipes.map(() =>
        ids.map(() => ({
          outcome: {
            kind: 'done' as const,
            measurement: {
              success: false,
              loss: 0,
              predictionBefore: 1,
              predictionAfter: 1,
              replicaAgrees: true,
              forwardQueries: 1,
              gradientQueries: 1,
              servedQueries: 1,
            },
          },
        })),
      ),
    ),
};
const slot = (entries: PendingSample[], extra = {}) =>
  probeSlot({
    pending: entries,
    prober: held,
    settings,
    replica: { path: 'nowhere', sha256: '0' },
    version: '3',
    features: 2,
    nowMs: 2000,
    expireAfterMs: 5000,
    ...extra,
  });

describe('probeSlot', () => {
  it('gives every sample one terminal outcome, in order, under the identity of its probe', async () => {
    const records = await slot([pending('a', [0, 1]), pending('b', [0]), pending('c', [1, 1], -9000)]);
    expect(records.map(({ sample, probe }) => [sample.eventId, probe.outcome.kind])).toEqual([
      ['a', 'done'],
      ['b', 'unprobeable'],
      ['c', 'expired'],
    ]);
    expect(records[1]!.probe.outcome).toEqual({ kind: 'unprobeable', reason: 'input_shape_mismatch' });
    expect(records[0]!.probe.key).toMatchObject({
      sampleId: 'a#0',
      recipeId: recipeId(recipe),
      targetVersion: '3',
      round: 0,
    });
  });

  it('says so when there is no replica to craft on', async () => {
    const [record] = await slot([pending('a', [0, 1])], { replica: undefined });
    expect(record!.probe.outcome).toEqual({ kind: 'unprobeable', reason: 'replica_unavailable' });
  });

  it('writes nothing when the served model is away', async () => {
    const away: Prober = { probe: () => Promise.reject(new Error('away')) };
    await expect(slot([pending('a', [0, 1])], { prober: away })).rejects.toThrow('away');
  });

  it('takes an empty slot', async () => {
    expect(await slot([])).toEqual([]);
  });

  it('asks the served model itself with the recipes that need no replica, when there is none', async () => {
    const other = { name: 'square', attack: 'square', parameters: {} };
    const asked: unknown[] = [];
    const prober: Prober = {
      probe: (batch) => {
        asked.push(batch.model, batch.recipes);
        return held.probe(batch);
      },
    };
    const records = await slot([pending('a', [0, 0])], {
      prober,
      settings: { ...settings, recipes: [recipe, other] },
      replica: undefined,
      needsReplica: ({ attack }: { attack: string }) => attack === 'exact',
    });
    expect(asked).toEqual([THE_SERVED_MODEL, [other]]);
    expect(records.map(({ probe }) => probe.outcome)).toMatchObject([
      { kind: 'unprobeable', reason: 'replica_unavailable' },
      { kind: 'done' },
    ]);
  });
});
