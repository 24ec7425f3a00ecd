import { AppError } from '../../src/domain/errors.ts';
import { listMigrations } from '../../src/store/migrate.ts';
import { partitionKeyOf } from '../../src/store/queries/probes.ts';
import type { Store } from '../../src/store/store.ts';
import {
  batch,
  createStoreFolder,
  done,
  freshModel,
  place,
  probeOf,
  sample,
  type StoreFolder,
} from './store-harness.ts';

let folder: StoreFolder;
let store: Store;
beforeAll(async () => {
  folder = await createStoreFolder();
  store = await folder.open();
}, 60_000);
afterAll(() => folder.release());

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const label = (model: string, of: number, at: number, source = `file:${model}`) => ({
  sampleId: sample(model, of).sampleId,
  eventId: sample(model, of).eventId,
  row: 0,
  label: of % 10,
  eventTimeMs: 0,
  position: { source, partition: 0, offset: at },
});
const frozenAt = (model: string, offset: number): Record<string, number> => ({
  [partitionKeyOf({ source: `file:${model}`, partition: 0 })]: offset,
});

describe('values that JSON or SQL could bend', () => {
  it('keeps scores that are not finite', async () => {
    const model = freshModel();
    const response = {
      ...label(model, 0, 1),
      predicted: 1,
      scores: Float32Array.of(-Infinity, 0.1, Infinity, NaN),
      version: '3',
    };
    await store.saveIngest({ ...batch(model, [0]), responses: [response] });
    const [row] = await store.connection.query(
      'scores',
      'SELECT scores FROM responses FINAL WHERE model = {model:String}',
      { model },
    );
    expect(row).toEqual({ scores: ['-inf', expect.closeTo(0.1), 'inf', 'nan'] });
  });

  it('takes an id that is not text, instead of refusing its whole batch for ever', async () => {
    const model = freshModel();
    const odd = { ...sample(model, 0), eventId: 'a\ud800', sampleId: 'a\ud800#0' };
    await store.saveIngest({
      ...batch(model, [0, 1]),
      samples: [odd, sample(model, 1)],
      deadLetters: [
        {
          position: sample(model, 2).position,
          reason: 'malformed_json',
          detail: 'cut in the middle of \ud83d',
          value: Uint8Array.of(0, 255, 10, 39),
          key: Uint8Array.of(128),
          headers: { trace: 'é', raw: Uint8Array.of(1, 2), none: undefined },
        },
      ],
    });
    const [first] = await store.unfoldedSamples({ ...place(model), after: -1, limit: 10 });
    expect(first?.sample.sampleId).toBe('a\uFFFD#0');
    const [letter] = await store.connection.query(
      'letter',
      'SELECT value, key, headers FROM dead_letters FINAL WHERE source = {source:String}',
      { source: `file:${model}` },
    );
    expect(letter).toEqual({
      value: 'AP8KJw==',
      key: 'gA==',
      headers: JSON.stringify({ trace: 'w6k=', raw: 'AQI=', none: null }),
    });
  });

  it('finds a source whose name needs quotes', async () => {
    const model = freshModel();
    const source = `file:it's "${model}" \\ [0], {x:String}`;
    const odd = { ...sample(model, 0), position: { source, partition: 0, offset: 0 } };
    await store.saveIngest({
      ...batch(model, [0]),
      range: { ...batch(model, [0]).range, source },
      samples: [odd],
      labels: [label(model, 0, 1, source)],
    });
    expect(await store.unfoldedSamples({ ...place(model), source, after: -1, limit: 1 })).toHaveLength(1);
    const frozen = { [partitionKeyOf({ source, partition: 0 })]: 1 };
    expect(await store.labelledSamples(model, frozen)).toHaveLength(1);
    expect(
      await store.labelledSamples(model, { ...frozen, [partitionKeyOf({ source, partition: 0 })]: 0 }),
    ).toEqual([]);
  });
});

describe('what a run may see', () => {
  it('is the same however many labels arrive later, on any partition', async () => {
    const model = freshModel();
    await store.saveIngest({
      ...batch(model, range(0, 6)),
      labels: [
        label(model, 0, 6),
        label(model, 1, 3, `labels:${model}`),
        label(model, 2, 4, `labels:${model}`),
        label(model, 3, 99, `unfrozen:${model}`),
      ],
    });
    const frozen = {
      ...frozenAt(model, 6),
      [partitionKeyOf({ source: `labels:${model}`, partition: 0 })]: 3,
    };
    const ids = (await store.labelledSamples(model, frozen)).map(({ sampleId }) => sampleId);
    expect(ids).toEqual([0, 1, 3].map((offset) => sample(model, offset).sampleId));
    expect(await store.labelledSamples(model, frozenAt(model, -1))).toEqual([]);
    expect(await store.recentSamples(model, frozenAt(model, -1), 5)).toEqual([]);
  });

  it('comes in order over many pages, or as the newest of it', async () => {
    const model = freshModel();
    const count = 4500;
    await store.saveIngest({
      ...batch(model, range(0, count)),
      labels: range(0, count).map((offset) => label(model, offset, offset)),
    });
    const all = await store.labelledSamples(model, frozenAt(model, count));
    expect(all.map(({ sampleId }) => sampleId)).toEqual(
      range(0, count).map((offset) => sample(model, offset).sampleId),
    );
    expect(all[4321]).toMatchObject({ input: sample(model, 4321).input, label: 1 });
    const newest = await store.labelledSamples(model, frozenAt(model, count), 2100);
    expect(newest).toEqual(all.slice(-2100));
  }, 60_000);

  it('holds each adversarial of a sample once, with its label', async () => {
    const model = freshModel();
    const of = sample(model, 0);
    await store.saveIngest({ ...batch(model, [0]), labels: [label(model, 0, 0)] });
    const first = probeOf(of, done(0.5), Float32Array.of(0.5, 0.5, 0.5));
    const second = {
      sample: of,
      probe: {
        ...first.probe,
        key: { ...first.probe.key, recipeId: 'r2' },
        adversarial: Float32Array.of(0, 0, 1),
      },
    };
    const round = {
      sample: of,
      probe: { ...first.probe, key: { ...first.probe.key, round: 7 }, adversarial: Float32Array.of(1, 1, 1) },
    };
    for (const rows of [
      [first, second],
      [second, first, round],
    ])
      await store.saveProbes(rows);
    const rows = await store.labelledAdversarials(model, frozenAt(model, 0));
    expect(rows.map(({ input }) => [...input]).sort()).toEqual([
      [0, 0, 1],
      [0.5, 0.5, 0.5],
    ]);
  });
});

describe('what is written again', () => {
  /** A client whose clock stands still: what it writes is of that time. */
  const at = (ms: number) => folder.open({ clock: { nowMs: () => ms } });
  const onVersion = (of: ReturnType<typeof sample>, targetVersion: string, loss: number) => {
    const { probe } = probeOf(of, done(loss));
    return { sample: of, probe: { ...probe, key: { ...probe.key, targetVersion } } };
  };

  it('is two probes where a sample was probed on two versions, and one outcome to fold: the newest', async () => {
    const model = freshModel();
    const [early, late] = [await at(1_000), await at(2_000)];
    await store.saveIngest(batch(model, [0, 1]));
    const both = { ...place(model), recipeIds: ['r1', 'r2'], after: -1, limit: 10 };
    await late.saveProbes([onVersion(sample(model, 0), '2', 0.5)]);
    // The insert of a sidecar that is gone, on the version that was.
    await early.saveProbes([onVersion(sample(model, 0), '1', 0)]);
    expect((await store.countEverything(model)).probes).toEqual({ done: 2 });
    const [first, second] = await store.unfoldedSamples(both);
    expect(first!.outcomes).toEqual([{ recipeId: 'r1', targetVersion: '2', outcome: done(0.5) }]);
    expect(second!.outcomes).toEqual([]);
  });

  it('replaces the probe of its key, unless it is older', async () => {
    const model = freshModel();
    const [early, late] = [await at(1_000), await at(2_000)];
    await store.saveIngest(batch(model, [0]));
    const outcomes = async () =>
      (await store.unfoldedSamples({ ...place(model), after: -1, limit: 1 }))[0]!.outcomes.map(
        ({ outcome }) => outcome,
      );
    await early.saveProbes([onVersion(sample(model, 0), '1', 0.25)]);
    await late.saveProbes([onVersion(sample(model, 0), '1', 0.5)]);
    expect(await outcomes()).toEqual([done(0.5)]);
    await (await at(500)).saveProbes([onVersion(sample(model, 0), '1', 0.75)]);
    expect(await outcomes()).toEqual([done(0.5)]);
    expect((await store.countEverything(model)).probes).toEqual({ done: 1 });
  });

  it('is the range made later: one that lands late neither counts twice nor moves the position', async () => {
    const model = freshModel();
    const events = async () => (await store.countEverything(model)).events;
    const position = async () =>
      (await store.lastPositions()).find(({ source }) => source === `file:${model}`)?.offset;
    const before = await events();
    const made = Date.UTC(2026, 0, 2);
    await store.saveIngest(batch(model, [0, 1], { ingestedAtMs: made + 1 }));
    // A longer batch from the same position, sent by a process that died before it was acknowledged.
    await store.saveIngest(batch(model, [0, 1, 2, 3], { ingestedAtMs: made }));
    expect(await position()).toBe(1);
    expect((await events()) - before).toBe(2);
    await store.saveIngest(batch(model, [2, 3, 4], { ingestedAtMs: made + 2 }));
    expect(await position()).toBe(4);
    expect((await events()) - before).toBe(5);
    expect((await store.countEverything(model)).samples).toBe(5);
  });
});

describe('the fold log', () => {
  const entry = (seq: number, payload: string) => ({ seq, kind: 'version', payload });
  /** As a judge whose insert came after its lock was lost. */
  const writeLate = (model: string, fence: number, entries: ReturnType<typeof entry>[]) =>
    store.connection.insert(
      'fold_log',
      entries.map((row) => ({ model, ...row, fence, at: '2026-01-01 00:00:00.000' })),
    );

  it('leaves out what an overtaken judge wrote late', async () => {
    const model = freshModel();
    await store.appendFoldLog(model, 1, [entry(1, 'a'), entry(2, 'b')]);
    await store.appendFoldLog(model, 2, [entry(3, 'new')]);
    await writeLate(model, 1, [entry(3, 'old'), entry(4, 'old'), entry(5, 'old')]);
    const payloads = async (from: number) =>
      (await store.readFoldLog(model, from, 100)).map(({ payload }) => payload);
    expect(await payloads(1)).toEqual(['a', 'b', 'new']);
    expect(await payloads(4)).toEqual([]);
    await store.appendFoldLog(model, 2, [entry(4, 'newer')]);
    expect(await payloads(1)).toEqual(['a', 'b', 'new', 'newer']);
    expect(await payloads(4)).toEqual(['newer']);
  });

  it('says when a number is missing', async () => {
    const model = freshModel();
    await store.appendFoldLog(model, 1, [entry(1, 'a'), entry(3, 'c')]);
    await expect(store.readFoldLog(model, 1, 100)).rejects.toMatchObject({
      code: 'TEMPER_FOLD_LOG_BROKEN',
      message: expect.stringContaining('expected entry 2, got 3') as unknown,
    });
  });

  it('says when a number has two contents under one fence', async () => {
    const model = freshModel();
    await store.appendFoldLog(model, 1, [entry(1, 'a')]);
    await writeLate(model, 1, [entry(1, 'a')]);
    expect(await store.readFoldLog(model, 1, 100)).toHaveLength(1);
    await writeLate(model, 1, [entry(1, 'b')]);
    await expect(store.readFoldLog(model, 1, 100)).rejects.toMatchObject({ code: 'TEMPER_FOLD_LOG_BROKEN' });
  });

  it('comes in pages', async () => {
    const model = freshModel();
    const entries = range(1, 26).map((seq) => entry(seq, `${seq}`));
    await store.appendFoldLog(model, 1, entries);
    const pages = [];
    for (let from = 1; from <= 25; from += 10) pages.push(...(await store.readFoldLog(model, from, 10)));
    expect(pages).toEqual(entries);
  });
});

describe('runs, evaluations, promotions', () => {
  it('believes the later holder of the lock, whatever the clocks say', async () => {
    const model = freshModel();
    const request = {
      requestId: 'q1',
      model,
      trigger: 'manual' as const,
      reason: 'test',
      requestedAtMs: 0,
      frozenPositions: {},
    };
    await store.saveRunRequest(request);
    const run = { requestId: 'q1', runId: 'r', model, stage: 'train', detail: {} };
    const ahead = await folder.open({ clock: { nowMs: () => Date.now() + 3_600_000 } });
    await ahead.saveRun({ ...run, fence: 6, state: 'failed' });
    await store.saveRun({ ...run, fence: 7, state: 'promoted' });
    await ahead.saveRun({ ...run, fence: 6, state: 'claimed' });
    const [first] = await store.listRuns(model);
    expect(first?.run).toMatchObject({ state: 'promoted', fence: 7 });
    expect(Math.abs(first!.run!.atMs - Date.now())).toBeLessThan(60_000);
  });

  it('lists evaluations and promotions as they were written, the same one once', async () => {
    const model = freshModel();
    const evaluation = { model, version: '1', purpose: 'gate', result: { worst_case: { value: 0.5 } } };
    await store.saveEvaluation(evaluation);
    await store.saveEvaluation(evaluation);
    expect(await store.listEvaluations(model)).toMatchObject([evaluation]);
    const promotion = { model, version: 1, action: 'promote', ledgerSeq: 2, ledgerHash: 'ab', fence: 3 };
    await store.savePromotion(promotion);
    await store.savePromotion(promotion);
    await store.savePromotion({ ...promotion, version: 2, action: 'rollback', ledgerHash: 'cd' });
    expect(await store.listPromotions(model)).toMatchObject([
      promotion,
      { version: 2, action: 'rollback', ledgerHash: 'cd' },
    ]);
  });

  it('keeps one alert for each alarm and status', async () => {
    const model = freshModel();
    const alert = { model, alarmId: 'a', status: 'firing', event: { id: 'a', status: 'firing' } };
    await store.saveAlert(alert);
    await store.saveAlert(alert);
    await store.saveAlert({ ...alert, status: 'resolved', event: { id: 'a', status: 'resolved' } });
    const events = await store.listAlerts(model);
    expect(events).toHaveLength(2);
    expect(events).toEqual(expect.arrayContaining([alert.event, { id: 'a', status: 'resolved' }]));
  });
});

describe('deliveries', () => {
  it('lists for each channel what it has not settled, firing before resolved', async () => {
    const model = freshModel();
    const sinceMs = Date.now() - 60_000;
    const due = async (...channels: string[]) =>
      (await store.dueAlerts({ model, channels, sinceMs })).map(
        ({ channel, alarmId, status }) => `${channel} ${alarmId} ${status}`,
      );
    const event = { schema: 'temper/degradation/1', note: 'as it was saved' };
    await store.saveAlert({ model, alarmId: 'a', status: 'firing', event });
    await store.saveAlert({ model, alarmId: 'a', status: 'resolved', event });
    await store.saveAlert({ model: freshModel(), alarmId: 'b', status: 'firing', event });
    expect(await due('webhook:x', 'kafka:y')).toEqual([
      'kafka:y a firing',
      'webhook:x a firing',
      'kafka:y a resolved',
      'webhook:x a resolved',
    ]);
    const delivery = { model, alarmId: 'a', status: 'firing', channel: 'webhook:x' };
    await store.saveDelivery({ ...delivery, outcome: 'delivered' });
    await store.saveDelivery({ ...delivery, status: 'resolved', outcome: 'abandoned' });
    expect(await due('webhook:x')).toEqual([]);
    expect(await due('kafka:y')).toEqual(['kafka:y a firing', 'kafka:y a resolved']);
    const [first] = await store.dueAlerts({ model, channels: ['kafka:y'], sinceMs });
    expect(first!.event).toBe(JSON.stringify(event));
    expect(await store.dueAlerts({ model, channels: ['kafka:y'], sinceMs: Date.now() + 60_000 })).toEqual([]);
  });
});

describe('orphans', () => {
  it('are labels and responses of a stretch of time that belong to no sample', async () => {
    const model = freshModel();
    const label = (id: string, offset: number) => ({ ...sample(model, offset), sampleId: id, label: 3 });
    const known = [0, 1, 2].map((offset) => label(`${model}-${offset}#0`, offset));
    const unknown = [label('nobody#0', 3)];
    await store.saveIngest(batch(model, [0, 1, 2], { labels: [...known, ...unknown] }));
    const from = Date.UTC(2026, 0, 1);
    expect(await store.countOrphans({ model, fromMs: from, toMs: from + 60_000 })).toEqual(
      expect.arrayContaining([
        { kind: 'label', records: 4, orphans: 1 },
        { kind: 'response', records: 0, orphans: 0 },
      ]),
    );
    const early = await store.countOrphans({ model, fromMs: from, toMs: from + 1000 });
    expect(early).toContainEqual({ kind: 'label', records: 2, orphans: 0 });
  });
});

describe('opening', () => {
  it('by many at once migrates once and disturbs nobody', async () => {
    const database = 'temper_test_many';
    const stores = await Promise.all([1, 2, 3, 4].map(() => folder.open({ database })));
    const [row] = await stores[0]!.connection.query(
      'migrations',
      'SELECT count() AS n FROM schema_migrations FINAL',
    );
    expect(row).toEqual({ n: listMigrations().length });
  });

  it('without migrating finds the tables of who migrated, and says when there are none', async () => {
    const model = freshModel();
    const reader = await folder.open({ migrate: false });
    expect((await reader.countEverything(model)).samples).toBe(0);
    const lost = await folder.open({ migrate: false, database: 'temper_test_absent' });
    const failure: unknown = await lost.countEverything(model).catch((caught: unknown) => caught);
    expect(failure).toBeInstanceOf(AppError);
    expect(failure).toMatchObject({ code: 'TEMPER_STORE_QUERY' });
  });
});
