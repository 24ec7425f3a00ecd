import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createRegistry } from '../../src/models/registry.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { CAUSES } from '../../src/domain/verdict.ts';
import { MAIN } from '../support/deployment.ts';

const share = z.number().min(0).max(1);
const interval = z
  .strictObject({ value: share, lower: share, upper: share, n: z.int().positive(), confidence: share })
  .refine(({ value, lower, upper }) => lower <= value && value <= upper, 'lower ≤ value ≤ upper');
const count = z.int().min(0);

/** `summary.json` as the contracts page has it; additions are allowed, so this names what must be there. */
const summarySchema = z.object({
  schema: z.literal('temper/demo/1'),
  scenario: z.literal('tiny'),
  seed: z.literal(0),
  engine: z.enum(['wasm', 'tensorflow']),
  seconds: z.number().positive(),
  versions: z
    .array(z.object({ version: z.string(), clean_accuracy: interval, robust_accuracy: interval }))
    .min(4),
  baseline_risk: share,
  alarm: z.object({ cause: z.enum(CAUSES), samples_since_change: count }),
  recovered: z.boolean(),
  counts: z.object({ events: count, sampled: count, probes: count, dead_letters: count }),
});

type Summary = z.infer<typeof summarySchema>;

interface Played {
  readonly directory: string;
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly summary: Summary;
}

async function play(directory: string): Promise<Played> {
  const child = spawn(
    process.execPath,
    [MAIN, 'demo', '--scenario', 'tiny', '--seed', '0', '--out', directory],
    { env: { ...process.env, NO_COLOR: '1' } },
  );
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = await new Promise<number | null>((ended) => child.once('close', ended));
  const text = await readFile(join(directory, 'summary.json'), 'utf8').catch(() => {
    throw new Error(`the demo ended with ${code} and no summary:\n${out}\n${err}`);
  });
  return { directory, code, out, err, summary: summarySchema.parse(JSON.parse(text)) };
}

let folder: string;
let first: Played;
let second: Played;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'temper-demo-'));
  first = await play(join(folder, 'first'));
  second = await play(join(folder, 'second'));
}, 1_200_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the loop closes: the update is noticed, its cause is named, the model recovers', () => {
  expect(first.code).toBe(0);
  expect(first.err).not.toMatch(/"level":"(error|warn)"/);
  const { summary } = first;
  expect(summary.alarm.cause).toBe('model_changed');
  expect(summary.alarm.samples_since_change).toBeLessThanOrEqual(60);
  expect(summary.recovered).toBe(true);
  expect(summary.versions.map(({ version }) => version)).toEqual(['1', '2', '3', '4']);
  const [careless, recovered] = summary.versions.slice(2);
  expect(recovered!.robust_accuracy.value).toBeGreaterThan(careless!.robust_accuracy.value);
});

test('every sample was probed, and nothing of the stream was lost', () => {
  const { events, sampled, probes, dead_letters: deadLetters } = first.summary.counts;
  expect(sampled).toBeGreaterThan(0);
  expect(probes).toBe(sampled);
  // A request and its label each: the stream holds nothing else.
  expect(events % 2).toBe(0);
  expect(deadLetters).toBe(0);
});

test('the same command with the same seed and engine comes to the same', () => {
  const settled = ({ versions, baseline_risk, alarm, recovered, engine, counts }: Summary): object => ({
    versions,
    baseline_risk,
    alarm,
    recovered,
    engine,
    counts,
  });
  expect(second.code).toBe(0);
  expect(settled(second.summary)).toEqual(settled(first.summary));
});

test('both runs trained the very same models, and their registries are as they were written', async () => {
  const contents = async ({ directory }: Played): Promise<unknown> => {
    const registry = createRegistry({ directory: join(directory, 'work', 'registry'), clock: systemClock });
    expect(await registry.verify('digits')).toEqual([]);
    const versions = await registry.versions('digits');
    return versions.map(({ version, candidate, gated }) => ({ version, candidate, gated }));
  };
  const [ours, others] = [await contents(first), await contents(second)];
  expect(ours).toMatchObject([{ gated: false }, { gated: true }, { gated: false }, { gated: true }]);
  expect((others as { version: number }[]).length).toBe(4);
  expect(weightsOf(second)).toEqual(weightsOf(first));
});

test('the store remembers what the gate promoted, and the command that compares both finds nothing amiss', async () => {
  const work = join(first.directory, 'work');
  const verify = spawn(
    process.execPath,
    [MAIN, 'models', 'verify', '--with-store', '--json', '-c', join(work, 'temper.yaml')],
    { env: { ...process.env, TEMPER_SAMPLING_KEY: 'any' } },
  );
  let out = '';
  verify.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  expect(await new Promise((ended) => verify.once('close', ended))).toBe(0);
  expect(JSON.parse(out)).toEqual({ verified: ['digits'], compared: { digits: 6 }, problems: [] });
});

function weightsOf({ directory }: Played): string[] {
  return [1, 2, 3, 4].map((version) =>
    createHash('sha256')
      .update(readFileSync(join(directory, 'work', 'registry', 'digits', String(version), 'weights.bin')))
      .digest('hex'),
  );
}

test('the report is one page that holds every section, and its path is printed last', async () => {
  const path = join(first.directory, 'report.html');
  expect(first.out.trimEnd().split('\n').at(-1)).toBe(`Report: ${path}`);
  const page = await readFile(path, 'utf8');
  for (const section of [
    'Robust risk while it served',
    'The alarm',
    'Every version, measured',
    'What the attacks did',
    'How it was hardened',
    'Final evaluation of version 4',
    'The work behind it',
  ])
    expect(page).toContain(`<h2>${section}`);
  expect(page).toMatch(/<svg/);
  expect(page).toMatch(/data:image\/png;base64,/);
  expect(page).not.toMatch(/(src|href)="https?:/);
});
