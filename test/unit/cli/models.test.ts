import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runCommandLine } from '../../../src/cli/program.ts';
import { writeArtifact } from '../../../src/models/artifact.ts';
import { digitsNetwork } from '../../../src/models/network.ts';
import { memoryHost } from './host.ts';

let cwd: string;

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'temper-models-'));
  await writeArtifact(join(cwd, 'first'), digitsNetwork({ seed: 1, filters: [2, 2], hidden: 4 }));
  await writeArtifact(join(cwd, 'second'), digitsNetwork({ seed: 2, filters: [2, 2], hidden: 4 }));
  await temper('init');
});

async function temper(...argv: string[]) {
  const host = memoryHost({ cwd, env: { USER: 'ada', TEMPER_SAMPLING_KEY: 'k' } });
  const code = await runCommandLine(argv, host);
  return { code, out: host.stdout.text(), err: host.stderr.text() };
}

const IMPORT = ['--override', '--reason', 'first version'];

async function twoVersions() {
  expect(await temper('models', 'promote', 'first', ...IMPORT)).toMatchObject({ code: 0 });
  expect(await temper('models', 'promote', 'second', '--override', '--reason', 'better')).toMatchObject({
    code: 0,
  });
}

test('a folder is imported around the gate, listed, and written into the ledger with who and why', async () => {
  await twoVersions();
  const list = await temper('models', 'list');
  expect(list.out).toMatch(/\* 2 +promotion +around the gate .* ada .* better/);
  expect(list.out).toMatch(/ {2}1 +promotion/);
  const history = await temper('models', 'history', '--json');
  expect(JSON.parse(history.out)).toMatchObject([
    { event: { kind: 'promote', actor: 'ada', override: true, reason: 'first version' } },
    { event: { version: 2 } },
  ]);
  expect((await temper('models', 'history')).out).toContain('override to v1');
});

test('without a gate and without --override nothing is published', async () => {
  const { code, err } = await temper('models', 'promote', 'first');
  expect(code).toBe(1);
  expect(err).toContain('TEMPER_GATE_REFUSED');
});

test('an override needs a reason', async () => {
  const { code, err } = await temper('models', 'promote', 'first', '--override');
  expect(code).toBe(2);
  expect(err).toContain('expected --reason');
});

test('a rollback publishes the old content as the next version', async () => {
  await twoVersions();
  const { code, out } = await temper('models', 'rollback', '--reason', 'misreads sevens', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ model: 'digits', version: 3 });
  expect((await temper('models', 'list')).out).toMatch(/\* 3 +rollback to 1/);
});

test('verify says ok, and after a change exits 1 and names file and ledger line', async () => {
  await twoVersions();
  expect(await temper('models', 'verify')).toMatchObject({ code: 0 });
  const weights = join(cwd, 'models', 'digits', '1', 'weights.bin');
  const bytes = readFileSync(weights);
  bytes[0]! ^= 1;
  writeFileSync(weights, bytes);
  const ledger = join(cwd, 'models', 'digits', 'ledger.jsonl');
  const lines = readFileSync(ledger, 'utf8');
  writeFileSync(ledger, lines.replace('better', 'bitter'));
  const { code, out } = await temper('models', 'verify');
  expect(code).toBe(1);
  expect(out).toContain('weights.bin');
  expect(out).toContain('ledger.jsonl:2');
  appendFileSync(ledger, 'x');
  expect((await temper('models', 'verify', '--json')).code).toBe(1);
});

test('verify says why it compared with no store, and fails for that only when it has to compare', async () => {
  await twoVersions();
  expect((await temper('models', 'verify')).out).toMatch(
    /ok {2}digits.*\nnot compared with a store: there is none yet at/,
  );
  const registry = await temper('models', 'verify', '--registry', 'models', '--json');
  expect(JSON.parse(registry.out)).toMatchObject({
    notCompared: expect.stringContaining('--registry') as unknown,
  });
  const yaml = join(cwd, 'temper.yaml');
  // Nobody listens there.
  writeFileSync(
    yaml,
    readFileSync(yaml, 'utf8').replace('# url: http://clickhouse:8123', 'url: http://127.0.0.1:9'),
  );
  const away = await temper('models', 'verify');
  expect(away).toMatchObject({ code: 0 });
  expect(away.out).toContain('not compared with a store: ');
  expect(await temper('models', 'verify', '--with-store')).toMatchObject({ code: 3 });
}, 30_000);

test('prune says what it would delete, deletes it, and keeps what a rollback needs', async () => {
  await twoVersions();
  for (const [folder, why] of [
    ['first', 'again'],
    ['second', 'and again'],
  ] as const)
    await temper('models', 'promote', folder, '--override', '--reason', why);
  expect((await temper('models', 'prune', '--keep', '1', '--dry-run')).out).toBe(
    'would delete versions 1, 2 of digits; the newest 1 stay, and what a rollback needs\n',
  );
  const versions = async () => {
    const { out } = await temper('models', 'list', '--json');
    return (JSON.parse(out) as { digits: { version: number }[] }).digits.map(({ version }) => version);
  };
  expect(await versions()).toEqual([1, 2, 3, 4]);
  // As the configuration says: 20 stay.
  expect(JSON.parse((await temper('models', 'prune', '--json')).out)).toEqual({
    model: 'digits',
    keep: 20,
    dryRun: false,
    versions: [],
  });
  expect((await temper('models', 'prune', '--keep', '1', '--actor', 'eve')).out).toContain(
    'deleted versions 1, 2',
  );
  expect(await versions()).toEqual([3, 4]);
  expect(await temper('models', 'verify')).toMatchObject({ code: 0 });
  expect(await temper('models', 'rollback', '--reason', 'worse')).toMatchObject({ code: 0 });
});

test('prune in a registry that no configuration describes has to be told how many stay', async () => {
  await twoVersions();
  const { code, err } = await temper('models', 'prune', '--registry', 'models');
  expect(code).toBe(2);
  expect(err).toContain('expected --keep');
});

test('--registry needs no configuration; an unknown folder, model or version is named', async () => {
  await twoVersions();
  const registry = join(cwd, 'models');
  const alone = memoryHost({ cwd: tmpdir() });
  expect(await runCommandLine(['models', 'list', '--registry', registry], alone)).toBe(0);
  expect(alone.stdout.text()).toContain('digits');
  const none = await temper('models', 'list', '--registry', 'nowhere');
  expect(none).toMatchObject({ code: 2 });
  expect(none.err).toContain('no such folder');
  const version = await temper(
    'evaluate',
    '-m',
    'digits@9',
    '-d',
    'mnist:test',
    '-e',
    '0.3',
    '--registry',
    registry,
  );
  expect(version).toMatchObject({ code: 2 });
  expect(version.err).toContain('TEMPER_MODEL_NOT_FOUND');
});
