import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { evaluationResultSchema } from '../../src/evaluation/result.ts';
import { writeArtifact } from '../../src/models/artifact.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import { readNpz } from '../support/read-npz.ts';

const MAIN = resolve('dist/src/cli/main.js');
const ENV = {
  ...process.env,
  TEMPER_ENGINE: 'wasm',
  TEMPER_SAMPLING_KEY: 'a sampling key',
  USER: 'ada',
  NO_COLOR: '1',
};

const running = new Set<ChildProcessWithoutNullStreams>();
const folder = mkdtempSync(join(tmpdir(), 'temper-cli-'));

beforeAll(async () => {
  await writeArtifact(join(folder, 'exported'), digitsNetwork({ seed: 1, filters: [2, 2], hidden: 4 }));
});

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

function start(...argv: string[]): {
  child: ChildProcessWithoutNullStreams;
  line: Promise<string>;
  progress: (pattern: RegExp) => Promise<void>;
  ended: Promise<Ended>;
} {
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, env: ENV });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>((done) => {
    child.once('close', (code) => {
      running.delete(child);
      done({ code, out, err, ms: performance.now() - began });
    });
  });
  const seen = (stream: 'stdout' | 'stderr', pattern: RegExp): Promise<void> =>
    new Promise((found, failed) => {
      const look = (): void => {
        if (pattern.test(stream === 'stdout' ? out : err)) found();
      };
      child[stream].on('data', look);
      child.once('close', () => failed(new Error(`ended without ${String(pattern)}: ${out}${err}`)));
      look();
    });
  const line = seen('stdout', /\n/).then(() => out.split('\n')[0]!);
  // Not everyone who starts a command waits for its first line.
  line.catch(() => undefined);
  return { child, line, progress: (pattern) => seen('stderr', pattern), ended };
}

/** The engine that the doctor started ends by itself. */
async function gone(path: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (existsSync(path) && performance.now() < deadline) await sleep(50);
}

const temper = (...argv: string[]): Promise<Ended> => start(...argv).ended;

test('help is there at once', async () => {
  const times = [await temper('--help'), await temper('evaluate', '--help'), await temper('--help')].map(
    ({ ms, code }) => {
      expect(code).toBe(0);
      return ms;
    },
  );
  // 90 ms on an idle machine; the rest is room for a busy one.
  expect(Math.min(...times)).toBeLessThan(600);
});

test('wrong usage and wrong configuration end with 2', async () => {
  expect((await temper('evalaute')).code).toBe(2);
  writeFileSync(
    join(folder, 'bad.yaml'),
    'model: { name: digits }\nthreatModel: { epsilon: -1 }\nstrem: {}\n',
  );
  const { code, err } = await temper('config', 'check', 'bad.yaml');
  expect(code).toBe(2);
  expect(err).toContain('did you mean stream?');
});

describe('from nothing to a served, checked and evaluated model', () => {
  beforeAll(async () => {
    expect((await temper('init')).code).toBe(0);
    expect((await temper('models', 'promote', 'exported', '--override', '--reason', 'first')).code).toBe(0);
    const yaml = join(folder, 'temper.yaml');
    writeFileSync(join(folder, 'requests.jsonl'), '');
    writeFileSync(yaml, readFileSync(yaml, 'utf8').replace('stream/requests.jsonl', 'requests.jsonl'));
  });

  test('doctor: everything ok with a server, unreachable without; the server stops in order', async () => {
    const server = start('serve', '--port', '0');
    const url = await server.line;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\/models\/digits$/);
    const yaml = join(folder, 'temper.yaml');
    writeFileSync(yaml, readFileSync(yaml, 'utf8').replace('http://localhost:8501', new URL(url).origin));
    const healthy = await temper('doctor', '--json');
    const { findings } = JSON.parse(healthy.out) as {
      findings: { subject: string; state: string; finding: string }[];
    };
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(findings.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining([
        'engine',
        'stream',
        'served model',
        'served shape',
        'prediction',
        'registry',
        'store',
        'data',
        'recipes',
      ]),
    );
    expect(healthy.code).toBe(0);
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
    const alone = await temper('doctor');
    expect(alone.code).toBe(3);
    expect(alone.out).toMatch(/unreachable +served model/);
    expect(alone.out).toContain('start the model server');
  }, 180_000);

  test('evaluate writes result.json and a report; a requirement that fails ends with 1', async () => {
    const argv = [
      'evaluate',
      '-m',
      'digits@1',
      '-d',
      'mnist:test',
      '-n',
      '40',
      '-e',
      '0.3',
      '-a',
      'pgd-2,square-20',
      '--json',
      'result.json',
    ];
    const { code, out } = await temper(
      ...argv,
      '--report',
      'out/report.html',
      '--per-example',
      'out/examples.npz',
      '--require',
      'clean_accuracy.lower >= 0',
      '--require',
      'worst_case.value >= 0.99',
    );
    expect(code).toBe(1);
    expect(out).toMatch(/holds {2}clean_accuracy\.lower >= 0/);
    expect(out).toMatch(/fails {2}worst_case\.value >= 0\.99/);
    const first = evaluationResultSchema.parse(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')));
    expect(first).toMatchObject({
      data: { name: 'mnist:test', samples: 40 },
      threat_model: { norm: 'linf', epsilon: 0.3 },
    });
    expect(first.attacks.map(({ recipe }) => recipe)).toEqual(['pgd-2', 'square-20']);
    expect(readFileSync(join(folder, 'out/report.html'), 'utf8')).toContain('Robustness evaluation');
    expect(first.per_example).toBe('out/examples.npz');
    const examples = readNpz(join(folder, 'out/examples.npz'));
    const mean = (name: string): number => examples[name]!.reduce((sum, value) => sum + value, 0) / 40;
    expect(mean('clean_correct')).toBe(first.clean_accuracy.value);
    expect(examples['clean_correct']).toEqual(
      examples['label']!.map((label, i) => Number(label === examples['clean_prediction']![i])),
    );
    for (const { recipe, robust_accuracy, forward_queries } of first.attacks) {
      expect(mean(`survives_${recipe}`)).toBe(robust_accuracy.value);
      expect(40 * mean(`queries_${recipe}`)).toBe(forward_queries);
    }
    expect((await temper(...argv)).code).toBe(0);
    const second = evaluationResultSchema.parse(
      JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')),
    );
    const timeless = (result: typeof first): unknown => ({
      ...result,
      per_example: '',
      attacks: result.attacks.map((attack) => ({ ...attack, seconds: 0 })),
    });
    expect(timeless(second)).toEqual(timeless(first));
  }, 180_000);

  test('evaluate asks a served model, within a budget, and finds what it finds in its files', async () => {
    const server = start('serve', '--port', '0');
    const url = await server.line;
    const common = ['-d', 'mnist:test', '-n', '40', '-e', '0.3', '-a', 'square-30', '--query-budget', '25'];
    const evaluate = (model: string, name: string): Promise<Ended> =>
      temper('evaluate', '-m', model, ...common, '--per-example', `${name}.npz`, '--json', `${name}.json`);
    const asked = await evaluate(url, 'asked');
    expect(asked.code).toBe(0);
    expect((await evaluate('digits@1', 'files')).code).toBe(0);
    expect(readFileSync(join(folder, 'asked.npz'))).toEqual(readFileSync(join(folder, 'files.npz')));
    const result = evaluationResultSchema.parse(JSON.parse(readFileSync(join(folder, 'asked.json'), 'utf8')));
    expect(result).toMatchObject({
      engine: 'served',
      threat_model: { access: 'scores', query_budget: 25 },
      attacks: [{ recipe: 'square-30', gradient_queries: 0 }],
    });
    expect(result.model).toEqual({ path: `${url}/versions/1` });
    const queries = readNpz(join(folder, 'asked.npz'))['queries_square-30']!;
    expect(Math.max(...queries)).toBeLessThanOrEqual(25);
    const sent = 40 + queries.reduce((sum, each) => sum + each, 0);
    expect(asked.out).toContain(`sent to the served model: ${sent} rows in `);
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  }, 180_000);

  test('evaluate that is interrupted ends with 130 and leaves no half-written file', async () => {
    const work = start(
      'evaluate',
      '-m',
      'digits',
      '-d',
      'mnist:test',
      '-n',
      '2000',
      '-e',
      '0.3',
      '-a',
      'square-5000',
      '--json',
      'never.json',
    );
    await work.progress(/evaluate: /);
    work.child.kill('SIGINT');
    const { code, err } = await work.ended;
    expect(code).toBe(130);
    expect(err).toContain('TEMPER_INTERRUPTED');
    expect(existsSync(join(folder, 'never.json'))).toBe(false);
  }, 60_000);

  test('store runs in the foreground, is found through its folder, is migrated, and stops in order', async () => {
    await gone(join(folder, 'store/store.json'));
    const store = start('store', '--directory', 'store');
    expect(await store.line).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const dry = await temper('migrate', '--dry-run', '--json');
    expect(dry.code).toBe(0);
    const { migrations } = JSON.parse(dry.out) as { migrations: { name: string; state: string }[] };
    expect(migrations.length).toBeGreaterThan(0);
    const applied = await temper('migrate');
    expect(applied.code).toBe(0);
    expect((await temper('migrate', '--json')).out).not.toContain('applied now');
    const second = await temper('store', '--directory', 'store');
    expect(second.code).toBe(3);
    expect(second.err).toContain(`process ${String(store.child.pid)} holds it`);
    store.child.kill('SIGTERM');
    expect((await store.ended).code).toBe(0);
  }, 120_000);
});
