import { spawnSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/domain/clock.ts';
import {
  createRegistry,
  type Candidate,
  type LedgerHead,
  type PromoteRequest,
  type Registry,
} from '../../../src/models/registry.ts';
import { PUBLISH_STEPS, type PublishStep } from '../../../src/models/registry-publish.ts';

jest.setTimeout(30_000);

let directory: string;
let registry: Registry;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-registry-'));
  registry = createRegistry({ directory, clock: systemClock, lockWaitMs: 20_000 });
});

afterEach(() => rm(directory, { recursive: true }));

const MODEL = 'digits';
const PASS = { decision: 'pass' as const, evidence: { robust: 0.8 } };

function add(content: string): Promise<Candidate> {
  return registry.addCandidate({
    model: MODEL,
    source: { files: { 'model.json': Buffer.from('{}'), 'weights.bin': Buffer.from(content) } },
    sha256: `sha of ${content}`,
    lineage: { parent: 1, missing: undefined },
    evaluation: { clean: 0.98 },
  });
}

function requestOf(candidate: string, extra: Partial<PromoteRequest> = {}): PromoteRequest {
  return { model: MODEL, candidate, actor: 'ann', reason: 'better', gate: PASS, ...extra };
}

async function promoted(content: string, extra: Partial<PromoteRequest> = {}): Promise<number> {
  const { hash } = await add(content);
  return (await registry.promote(requestOf(hash, extra))).version;
}

const path = (...parts: string[]): string => join(directory, MODEL, ...parts);
const weightsOf = (version: number): Promise<string> => readFile(path(`${version}`, 'weights.bin'), 'utf8');

describe('candidates', () => {
  test('lie where no server looks, and equal content is one candidate', async () => {
    const [a, b, c] = [await add('a'), await add('a'), await add('b')];
    expect(a.hash).toBe(b.hash);
    expect(a.hash).not.toBe(c.hash);
    expect(await readdir(directory)).toEqual(['.candidates']);
    expect(await readdir(join(directory, '.candidates', MODEL))).toEqual([a.hash, c.hash].sort());
    expect(a.manifest).toMatchObject({
      schema: 'temper/model/1',
      sha256: 'sha of a',
      lineage: { parent: 1 },
      files: { 'weights.bin': { sizeBytes: 1 } },
    });
  });

  test('are copied from a folder too', async () => {
    const source = await mkdtemp(join(tmpdir(), 'temper-artifact-'));
    await writeFile(join(source, 'model.json'), '{}');
    await writeFile(join(source, 'weights.bin'), 'a');
    const { path: stored } = await registry.addCandidate({
      model: MODEL,
      source: { directory: source },
      sha256: 's',
    });
    expect((await readdir(stored)).sort()).toEqual(['manifest.json', 'model.json', 'weights.bin']);
    await rm(source, { recursive: true });
  });

  test.each(['../evil', '.hidden', '', 'a/b'])('the model name %p is refused', async (model) => {
    await expect(registry.addCandidate({ model, source: { files: {} }, sha256: '' })).rejects.toMatchObject({
      code: 'TEMPER_USAGE',
    });
  });
});

describe('promotion', () => {
  test('publishes whole, numbered, with marker, manifest, pointer and ledger', async () => {
    const { hash } = await add('a');
    const version = await registry.promote(requestOf(hash, { runId: 'run-1' }));
    expect(version).toMatchObject({
      version: 1,
      path: path('1'),
      ref: { path: path('1'), sha256: 'sha of a' },
    });
    expect((await readdir(path('1'))).sort()).toEqual([
      'READY',
      'manifest.json',
      'model.json',
      'weights.bin',
    ]);
    expect((await readdir(path())).sort()).toEqual(['1', 'current', 'ledger.jsonl']);
    expect(await readFile(path('current'), 'utf8')).toBe('1\n');
    expect(version.manifest.publication).toEqual({
      version: 1,
      actor: 'ann',
      reason: 'better',
      runId: 'run-1',
      gate: PASS,
      override: false,
    });
    expect(await readdir(join(directory, '.candidates', MODEL))).toEqual([]);
    expect(await registry.verify(MODEL)).toEqual([]);
    expect(await registry.currentVersion(MODEL)).toBe(1);
    expect((await registry.current(MODEL)).version).toBe(1);
    expect(await registry.models()).toEqual([MODEL]);
  });

  test.each([
    ['no gate', {}],
    ['a failed gate', { gate: { decision: 'fail' as const, evidence: {} } }],
  ])('%s is refused', async (_, extra) => {
    const { hash } = await add('a');
    const request = { model: MODEL, candidate: hash, actor: 'ann', reason: 'r', ...extra };
    await expect(registry.promote(request)).rejects.toMatchObject({ code: 'TEMPER_GATE_REFUSED' });
    expect(await registry.currentVersion(MODEL)).toBeUndefined();
    await expect(registry.promote({ ...request, override: true, reason: ' ' })).rejects.toMatchObject({
      code: 'TEMPER_USAGE',
    });
    expect((await registry.promote({ ...request, override: true })).version).toBe(1);
    expect(await registry.lastGated(MODEL)).toBeUndefined();
  });

  test('a changed candidate is not published', async () => {
    const { hash, path: stored } = await add('a');
    await writeFile(join(stored, 'weights.bin'), 'b');
    await expect(registry.promote(requestOf(hash))).rejects.toMatchObject({ code: 'TEMPER_MODEL_CORRUPT' });
    expect(await registry.history(MODEL)).toEqual([]);
  });

  test('what is not there is not found', async () => {
    const missing = { code: 'TEMPER_MODEL_NOT_FOUND' };
    await expect(registry.promote(requestOf('0'.repeat(32)))).rejects.toMatchObject(missing);
    await expect(registry.current(MODEL)).rejects.toMatchObject(missing);
    await expect(registry.version(MODEL, 3)).rejects.toMatchObject(missing);
    await expect(registry.promote(requestOf('../../x'))).rejects.toMatchObject({ code: 'TEMPER_USAGE' });
    expect(await registry.versions(MODEL)).toEqual([]);
    expect(await registry.verify(MODEL)).toEqual([]);
  });

  test('the same run publishes once, also when its candidate was added again', async () => {
    expect(await promoted('a', { runId: 'run-1' })).toBe(1);
    expect(await promoted('a', { runId: 'run-1' })).toBe(1);
    expect(await promoted('a', { runId: 'run-2' })).toBe(2);
  });

  test('the last gated version is the champion, whatever was forced after it', async () => {
    await promoted('a');
    await promoted('careless', { override: true, gate: { decision: 'fail', evidence: {} } });
    expect((await registry.lastGated(MODEL))?.version).toBe(1);
    expect((await registry.current(MODEL)).version).toBe(2);
    expect((await registry.versions(MODEL)).map(({ gated, current }) => [gated, current])).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  test('gate decisions are in the ledger, once per run', async () => {
    const { hash } = await add('a');
    const request = {
      model: MODEL,
      candidate: hash,
      actor: 'gate',
      runId: 'run-1',
      gate: { ...PASS, decision: 'fail' as const },
    };
    const first = await registry.recordGate(request);
    expect(await registry.recordGate(request)).toEqual(first);
    expect((await registry.history(MODEL)).map(({ event }) => event.kind)).toEqual(['gate']);
  });

  test('processes that promote at the same time get different numbers', async () => {
    const candidates = await Promise.all(['a', 'b', 'c', 'd'].map(add));
    const versions = await Promise.all(candidates.map(({ hash }) => registry.promote(requestOf(hash))));
    expect(versions.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4]);
    expect(await registry.verify(MODEL)).toEqual([]);
  });
});

describe('rollback', () => {
  test('publishes the old content as the next integer', async () => {
    await promoted('good');
    await promoted('bad', { override: true });
    const back = await registry.rollback({ model: MODEL, actor: 'ann', reason: 'bad' });
    expect(back).toMatchObject({ version: 3, manifest: { publication: { from: 1, version: 3 } } });
    expect(await weightsOf(3)).toBe('good');
    expect(await readFile(path('current'), 'utf8')).toBe('3\n');
    expect((await registry.lastGated(MODEL))?.version).toBe(3);
    expect(await registry.verify(MODEL)).toEqual([]);
    const again = await registry.rollback({
      model: MODEL,
      to: 2,
      actor: 'ann',
      reason: 'was right',
      runId: 'r',
    });
    expect([again.version, await weightsOf(4)]).toEqual([4, 'bad']);
    expect(
      (await registry.rollback({ model: MODEL, to: 2, actor: 'ann', reason: 'again', runId: 'r' })).version,
    ).toBe(4);
  });

  test('needs something to go back to', async () => {
    await promoted('a');
    for (const to of [undefined, 7])
      await expect(
        registry.rollback({ model: MODEL, actor: 'ann', reason: 'r', ...(to === undefined ? {} : { to }) }),
      ).rejects.toMatchObject({ code: 'TEMPER_MODEL_NOT_FOUND' });
  });
});

describe('pruning', () => {
  test('keeps the newest, the serving version and the champion, and remembers the rest', async () => {
    await promoted('champion');
    for (const content of ['a', 'b', 'c'])
      await promoted(content, { override: true, gate: { decision: 'fail', evidence: {} } });
    expect(await registry.prune({ model: MODEL, keep: 2, actor: 'ann', dryRun: true })).toEqual([2]);
    expect((await registry.versions(MODEL)).map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    expect(await registry.prune({ model: MODEL, keep: 2, actor: 'ann' })).toEqual([2]);
    expect((await readdir(path())).filter((name) => /^\d+$/.test(name))).toEqual(['1', '3', '4']);
    expect(await registry.verify(MODEL)).toEqual([]);
    expect(await registry.recover(MODEL)).toEqual([]);
    expect((await registry.versions(MODEL)).map(({ version }) => version)).toEqual([1, 3, 4]);
    expect(await registry.prune({ model: MODEL, keep: 2, actor: 'ann' })).toEqual([]);
    await expect(registry.rollback({ model: MODEL, to: 2, actor: 'a', reason: 'r' })).rejects.toMatchObject({
      code: 'TEMPER_MODEL_NOT_FOUND',
    });
    expect(await promoted('d')).toBe(5);
  });

  test.each([
    ['the champion serves', [], [1, 2], [3, 4]],
    ['a version around the gate serves, and the champion is older', ['forced'], [1, 2], [3, 4, 5]],
    ['a rollback serves again what the gate passed', ['forced', 'rollback'], [1, 2, 3, 4], [5, 6]],
  ] as const)('keeps what can be rolled back to: %s', async (_, after, gone, kept) => {
    for (const content of ['a', 'b', 'c', 'champion']) await promoted(content);
    for (const what of after)
      await (what === 'forced'
        ? promoted('forced', { override: true, gate: { decision: 'fail', evidence: {} } })
        : registry.rollback({ model: MODEL, actor: 'ann', reason: 'worse' }));
    expect(await registry.prune({ model: MODEL, keep: 1, actor: 'ann' })).toEqual(gone);
    expect((await registry.versions(MODEL)).map(({ version }) => version)).toEqual(kept);
    await registry.rollback({ model: MODEL, actor: 'ann', reason: 'r' });
  });

  test('leaves the candidate of a run under way alone, and a dry run changes nothing at all', async () => {
    for (const content of ['a', 'b', 'c']) await promoted(content);
    const { hash } = await add('of a run');
    const listed = async (): Promise<string[]> =>
      (await readdir(directory, { recursive: true })).filter((name) => !name.startsWith('.locks')).sort();
    const before = await listed();
    expect(await registry.prune({ model: MODEL, keep: 1, actor: 'ann', dryRun: true })).toEqual([1]);
    expect(await listed()).toEqual(before);
    expect(await registry.prune({ model: MODEL, keep: 1, actor: 'ann' })).toEqual([1]);
    expect((await registry.promote(requestOf(hash, { runId: 'run' }))).version).toBe(4);
    expect(await registry.prune({ model: MODEL, keep: 1, actor: 'ann' })).toEqual([2]);
    expect((await registry.promote(requestOf(hash, { runId: 'run' }))).version).toBe(4);
  });

  test('what a crash left is deleted by recover, and verify says so before', async () => {
    for (const content of ['a', 'b', 'c']) await promoted(content);
    await cp(path('1'), join(directory, 'saved'), { recursive: true });
    expect(await registry.prune({ model: MODEL, keep: 1, actor: 'ann' })).toEqual([1]);
    await cp(join(directory, 'saved'), path('1'), { recursive: true });
    expect((await registry.verify(MODEL)).map((problem) => problem.path)).toEqual([path('1')]);
    expect((await registry.recover(MODEL)).map(({ kind }) => kind)).toEqual(['pruned']);
    expect(await registry.verify(MODEL)).toEqual([]);
  });
});

describe('verify names', () => {
  const named = async (...remembered: (LedgerHead | undefined)[]): Promise<string[]> =>
    (
      await registry.verify(
        MODEL,
        remembered.flatMap((line) => line ?? []),
      )
    ).map((problem) => problem.path);

  test.each([
    ['a changed weight file', () => writeFile(path('1', 'weights.bin'), 'x'), '1/weights.bin'],
    ['a missing file', () => rm(path('2', 'model.json')), '2/model.json'],
    ['an unexpected file', () => writeFile(path('1', 'extra'), ''), '1/extra'],
    ['a missing marker', () => rm(path('1', 'READY')), '1/READY'],
    ['a missing version', () => rm(path('1'), { recursive: true }), '1'],
    ['a version that nobody published', () => cp(path('2'), path('9'), { recursive: true }), '9'],
    ['a pointer elsewhere', () => writeFile(path('current'), '1\n'), 'current'],
    ['no pointer', () => rm(path('current')), 'current'],
    ['a torn ledger line', () => appendFile(path('ledger.jsonl'), '{"se'), 'ledger.jsonl:3'],
  ])('%s', async (_, spoil, expected) => {
    await promoted('a');
    await promoted('b');
    await spoil();
    expect(await named()).toEqual([path(expected)]);
  });

  test('a manifest with a better evaluation than was measured', async () => {
    await promoted('a');
    const file = path('1', 'manifest.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('0.98', '0.99'));
    expect(await named()).toEqual([file]);
  });

  test('a changed line, and a ledger that was cut or rewritten, by the copy of its head', async () => {
    await promoted('a');
    await promoted('b');
    const head = await registry.head(MODEL);
    const ledger = path('ledger.jsonl');
    const text = await readFile(ledger, 'utf8');
    expect(await named(head)).toEqual([]);
    await writeFile(ledger, text.replace('"ann"', '"bob"'));
    expect(await named()).toEqual([`${ledger}:1`]);
    await writeFile(ledger, `${text.split('\n')[0]!}\n`);
    expect(await named(head)).toEqual([`${ledger}:2`, path('2'), path('current')]);
  });

  test('every promotion that differs from what is remembered, and those of runs that nobody remembers', async () => {
    await promoted('by hand');
    await promoted('by a run', { runId: 'run-1' });
    await promoted('by another', { runId: 'run-2' });
    const lines = (await registry.history(MODEL)).map(({ seq, hash }) => ({ seq, hash }));
    const [first, second, third] = lines as [LedgerHead, LedgerHead, LedgerHead];
    expect(await registry.verify(MODEL, [second, third])).toEqual([]);
    expect(await registry.verify(MODEL)).toEqual([]);
    const ledger = path('ledger.jsonl');
    const problems = await registry.verify(MODEL, [
      { ...first, hash: 'f'.repeat(64) },
      second,
      { ...third, seq: 9 },
    ]);
    expect(problems.map((problem) => problem.path)).toEqual([`${ledger}:1`, `${ledger}:9`, `${ledger}:3`]);
    expect(problems[0]!.message).toContain('ffffffffffff…, as the store remembers');
    expect(problems[1]!.message).toContain('expected at least 9 lines');
    expect(problems[2]!.message).toContain('run run-2 promoted version 3, which the store does not remember');
  });
});

describe('after SIGKILL', () => {
  function runChild(operation: string, request: object, killAt?: PublishStep): void {
    const argument = JSON.stringify({ directory, operation, request, killAt });
    const child = spawnSync(process.execPath, [join(__dirname, 'registry-child.cjs'), argument], {
      encoding: 'utf8',
    });
    expect({ signal: child.signal, error: child.stderr }).toEqual({
      signal: killAt === undefined ? null : 'SIGKILL',
      error: '',
    });
  }

  test.each(PUBLISH_STEPS)('a promotion killed after being %s is completed', async (step) => {
    await promoted('a');
    const { hash } = await add('b');
    runChild('promote', requestOf(hash, { runId: 'run-2' }), step);
    // A server that reads now sees the old version or the new one, whole.
    const seen = await registry.current(MODEL);
    expect(await weightsOf(seen.version)).toBe(seen.version === 1 ? 'a' : 'b');
    await registry.recover(MODEL);
    expect(await registry.verify(MODEL)).toEqual([]);
    expect((await registry.current(MODEL)).version).toBe(2);
    expect(await weightsOf(2)).toBe('b');
    expect(await registry.recover(MODEL)).toEqual([]);
    expect((await registry.promote(requestOf(hash, { runId: 'run-2' }))).version).toBe(2);
  });

  test.each(PUBLISH_STEPS)(
    'a rollback killed after being %s is completed by the next promotion',
    async (step) => {
      await promoted('a');
      await promoted('b');
      runChild('rollback', { model: MODEL, actor: 'ann', reason: 'r' }, step);
      expect(await promoted('c')).toBe(4);
      expect(await weightsOf(3)).toBe('a');
      expect(await registry.verify(MODEL)).toEqual([]);
    },
  );

  test('a promotion whose content is gone is voided, and its number never used again', async () => {
    await promoted('a');
    const { hash, path: stored } = await add('b');
    runChild('promote', requestOf(hash), 'announced');
    await rm(stored, { recursive: true });
    expect((await registry.recover(MODEL)).map(({ kind }) => kind)).toEqual(['voided']);
    expect(await registry.verify(MODEL)).toEqual([]);
    expect(await promoted('c')).toBe(3);
    expect((await registry.versions(MODEL)).map(({ version }) => version)).toEqual([1, 3]);
  });

  test('a lost or wrong pointer is rebuilt from the ledger', async () => {
    await promoted('a');
    await promoted('b');
    await rm(path('current'));
    expect((await registry.current(MODEL)).version).toBe(2);
    await writeFile(path('current'), 'garbage');
    expect((await registry.recover(MODEL)).map(({ kind }) => kind)).toEqual(['pointer']);
    expect(await readFile(path('current'), 'utf8')).toBe('2\n');
  });

  test('a torn line is dropped', async () => {
    await promoted('a');
    await appendFile(path('ledger.jsonl'), '{"seq":2');
    expect((await registry.recover(MODEL)).map(({ kind }) => kind)).toEqual(['torn_line']);
    expect(await registry.verify(MODEL)).toEqual([]);
  });

  test('a promotion by another process is seen', async () => {
    const { hash } = await add('a');
    runChild('promote', requestOf(hash));
    expect((await registry.current(MODEL)).version).toBe(1);
  });
});
