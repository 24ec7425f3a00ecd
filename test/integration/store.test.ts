import { listMigrations, migrate } from '../../src/store/migrate.ts';
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

describe('the store', () => {
  it('keeps samples exactly, in position order, with the outcomes they have', async () => {
    const model = freshModel();
    await store.saveIngest(batch(model, [0, 1, 2]));
    await store.saveProbes([
      probeOf(sample(model, 1), done(0.5)),
      probeOf(sample(model, 0), { kind: 'expired' }),
    ]);
    const waiting = await store.unfoldedSamples({ ...place(model), after: -1, limit: 10 });
    expect(waiting.map(({ sample: { position } }) => position.offset)).toEqual([0, 1, 2]);
    expect(waiting[0]!.sample).toEqual(sample(model, 0));
    expect(waiting.map(({ outcomes }) => outcomes.map(({ outcome }) => outcome))).toEqual([
      [{ kind: 'expired' }],
      [done(0.5)],
      [],
    ]);
    expect(await store.unfoldedSamples({ ...place(model), after: 1, limit: 10 })).toHaveLength(1);
    expect(await store.unfoldedSamples({ ...place(model), after: -1, limit: 2 })).toHaveLength(2);
  });

  it('counts what was written twice once', async () => {
    const model = freshModel();
    const before = await store.countEverything(model);
    const twice = batch(model, [0, 1, 2, 3]);
    await store.saveIngest(twice);
    await store.saveIngest({ ...twice, ingestedAtMs: twice.ingestedAtMs + 1 });
    await store.saveProbes([probeOf(sample(model, 1), done(0))]);
    await store.saveProbes([probeOf(sample(model, 1), done(0)), probeOf(sample(model, 2), done(0.5))]);
    const after = await store.countEverything(model);
    expect(after.events - before.events).toBe(4);
    expect(after.samples).toBe(4);
    expect(after.probes).toEqual({ done: 2 });
    expect(after.servedQueries).toBe(4);
    expect(after.outcomes['sampled']! - (before.outcomes['sampled'] ?? 0)).toBe(4);
    expect((await store.lastPositions()).find(({ source }) => source === `file:${model}`)).toMatchObject({
      offset: 3,
    });
  });

  it('joins labels that arrived by the frozen position, and no later ones', async () => {
    const model = freshModel();
    const label = (of: number, at: number) => ({
      sampleId: sample(model, of).sampleId,
      eventId: sample(model, of).eventId,
      row: 0,
      label: of % 10,
      eventTimeMs: 0,
      position: { source: `file:${model}`, partition: 0, offset: at },
    });
    await store.saveIngest({
      ...batch(model, [0, 1, 2, 3]),
      labels: [label(0, 4), label(1, 5), label(2, 9)],
    });
    await store.saveProbes([probeOf(sample(model, 1), done(0.5), Float32Array.of(0.25, 0.5, 0.75))]);
    const frozen = { [partitionKeyOf({ source: `file:${model}`, partition: 0 })]: 5 };
    const rows = await store.labelledSamples(model, frozen);
    expect(rows.map(({ sampleId, label: value }) => [sampleId, value])).toEqual([
      [`${model}-0#0`, 0],
      [`${model}-1#0`, 1],
    ]);
    const [adversarial] = await store.labelledAdversarials(model, frozen);
    expect(adversarial).toMatchObject({ label: 1, input: Float32Array.of(0.25, 0.5, 0.75) });
    expect(await store.recentSamples(model, frozen, 2)).toMatchObject([
      { eventId: `${model}-3` },
      { eventId: `${model}-2` },
    ]);
    const [example] = await store.recentExamples({ model, limit: 5 });
    expect(example).toMatchObject({ sampleId: `${model}-1#0`, label: 1, distance: 0.1, predictionAfter: 5 });
  });

  it('keeps the fold log in order, and refuses a judge that was overtaken', async () => {
    const model = freshModel();
    const rows = [1, 2, 3].map((seq) => ({ seq, kind: 'version', payload: JSON.stringify({ seq }) }));
    await store.appendFoldLog(model, 1, rows.slice(0, 2));
    await store.appendFoldLog(model, 1, rows.slice(0, 2));
    await store.appendFoldLog(model, 2, rows.slice(2));
    expect(await store.readFoldLog(model, 1, 100)).toEqual(rows);
    expect(await store.readFoldLog(model, 3, 100)).toEqual(rows.slice(2));
    await expect(store.appendFoldLog(model, 1, rows.slice(2))).rejects.toMatchObject({
      code: 'TEMPER_REGISTRY_FENCED',
    });
  });

  it('shows the latest state of a run, and requests in order', async () => {
    const model = freshModel();
    const request = {
      requestId: 'q1',
      model,
      trigger: 'threshold' as const,
      reason: 'breached',
      alarmId: 'a1',
      requestedAtMs: Date.UTC(2026, 0, 1),
      frozenPositions: { 'file:x/0': 12 },
    };
    await store.saveRunRequest(request);
    await store.saveRunRequest({ ...request, requestId: 'q2', requestedAtMs: request.requestedAtMs + 1 });
    const run = { requestId: 'q1', runId: 'r', model, stage: 'train', detail: { epoch: 1 }, fence: 1 };
    await store.saveRun({ ...run, state: 'claimed' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.saveRun({ ...run, state: 'promoted' });
    const [first, second] = await store.listRuns(model);
    expect(first).toMatchObject({ request, run: { state: 'promoted', detail: { epoch: 1 } } });
    expect(second?.run).toBeUndefined();
  });

  it('returns baselines of the newest version only, and canary sets as they were', async () => {
    const model = freshModel();
    await store.saveBaselines([
      { model, version: 9, recipeId: 'a', baseline: { version: 9 } },
      { model, version: 10, recipeId: 'a', baseline: { version: 10 } },
    ]);
    expect(await store.latestBaselines(model)).toEqual([{ version: 10 }]);
    await store.saveCanarySet({ model, setId: 's', version: '10', content: '{"x":"it\'s \\\\ \\n fine"}' });
    expect(await store.loadCanarySet(model, 's')).toBe('{"x":"it\'s \\\\ \\n fine"}');
    expect(await store.loadCanarySet(model, 'none')).toBeUndefined();
  });

  it('binds values instead of writing them into SQL', async () => {
    const nasty = `it's "a" \\ {x:String} \n\t' OR 1=1 --`;
    const [row] = await store.connection.query('echo', 'SELECT {value:String} AS value', { value: nasty });
    expect(row).toEqual({ value: nasty });
  });

  it('never drops rows because of the token of another insert', async () => {
    await store.connection.command(
      'make',
      'CREATE TABLE leak (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100',
    );
    await store.connection.insert('leak', [{ n: 1 }]);
    await store.connection.command('plain', 'INSERT INTO leak VALUES (2)');
    await store.connection.insert('leak', [{ n: 1 }]);
    await Promise.all([3, 4, 5].map((n) => store.connection.insert('leak', [{ n }])));
    const [row] = await store.connection.query('count', 'SELECT count() AS n FROM leak');
    expect(Number(row!['n'])).toBe(5);
  });

  it('says which statement was refused, and why', async () => {
    await expect(store.connection.query('nonsense', 'SELECT nonsense')).rejects.toMatchObject({
      code: 'TEMPER_STORE_QUERY',
      message: expect.stringMatching(/ClickHouse refused nonsense: .*nonsense/) as unknown,
    });
  });

  it('applies each migration once, and refuses a changed one', async () => {
    expect(await migrate(store.connection)).toEqual([]);
    const [first] = listMigrations();
    await expect(
      migrate(store.connection, { migrations: [{ ...first!, checksum: 'changed' }] }),
    ).rejects.toMatchObject({
      code: 'TEMPER_STORE_MIGRATION',
    });
  });
});
