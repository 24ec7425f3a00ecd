import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { systemClock } from '../../../src/domain/clock.ts';
import { appendLedger, parseLedger, readSoundLedger, type LedgerEvent } from '../../../src/models/ledger.ts';
import type { Lock } from '../../../src/models/lock.ts';

const lockOf = (fence: number): Lock => ({
  fence,
  assertHeld: () => Promise.resolve(),
  release: () => Promise.resolve(),
});

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-ledger-'));
  path = join(directory, 'ledger.jsonl');
});

afterEach(() => rm(directory, { recursive: true }));

const promotion = (version: number): LedgerEvent => ({
  kind: 'promote',
  version,
  candidate: 'a'.repeat(32),
  actor: 'ann',
  reason: 'because',
  override: true,
});

async function append(event: LedgerEvent, fence = 1): Promise<void> {
  await appendLedger({ path, lock: lockOf(fence), clock: systemClock }, event);
}

describe('ledger', () => {
  test('each line carries the hash of the line before', async () => {
    for (const version of [1, 2, 3]) await append(promotion(version), version);
    const entries = await readSoundLedger(path);
    expect(entries.map(({ seq, fence }) => [seq, fence])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(entries[0]?.previous).toBe('0'.repeat(64));
    expect(entries[2]?.previous).toBe(entries[1]?.hash);
    expect(entries[1]?.event).toEqual(promotion(2));
  });

  test('nothing there is an empty ledger', async () => {
    expect(await readSoundLedger(path)).toEqual([]);
  });

  test('a line cut short by a crash does not count and is dropped by the next append', async () => {
    await append(promotion(1));
    await appendFile(path, '{"seq":2,"at":"2026');
    expect(await readSoundLedger(path)).toHaveLength(1);
    await append(promotion(2));
    expect((await readSoundLedger(path)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('a holder that lost the lock writes nothing', async () => {
    const lost: Lock = { ...lockOf(1), assertHeld: () => Promise.reject(new Error('fenced')) };
    await expect(appendLedger({ path, lock: lost, clock: systemClock }, promotion(1))).rejects.toThrow(
      'fenced',
    );
    expect(await readSoundLedger(path)).toEqual([]);
  });

  test('a lower fence after a higher one is named', async () => {
    await append(promotion(1), 5);
    await append(promotion(2), 4);
    expect(parseLedger(await readFile(path, 'utf8')).problems).toEqual([
      { line: 2, message: expect.stringContaining('expected a fence of at least 5, got 4') as string },
    ]);
  });

  test.each([
    ['changed', (lines: string[]) => lines.with(1, lines[1]!.replace('because', 'bribed')), 2],
    ['removed', (lines: string[]) => lines.toSpliced(1, 1), 2],
    ['swapped', (lines: string[]) => [lines[0]!, lines[2]!, lines[1]!, lines[3]!], 2],
    ['inserted', (lines: string[]) => lines.toSpliced(2, 0, lines[1]!), 3],
    ['not JSON', (lines: string[]) => lines.with(3, 'hello'), 4],
    ['first removed', (lines: string[]) => lines.slice(1), 1],
  ])('a line %s is named', async (_, spoil, line) => {
    for (const version of [1, 2, 3, 4]) await append(promotion(version));
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    await writeFile(path, `${spoil(lines).join('\n')}\n`);
    const { problems, entries } = parseLedger(await readFile(path, 'utf8'));
    expect(problems[0]?.line).toBe(line);
    expect(entries).toHaveLength(line - 1);
    await expect(readSoundLedger(path)).rejects.toMatchObject({ code: 'TEMPER_LEDGER_BROKEN' });
    await expect(append(promotion(5))).rejects.toMatchObject({ code: 'TEMPER_LEDGER_BROKEN' });
  });

  test('no single changed byte goes unnoticed', async () => {
    for (const version of [1, 2, 3]) await append(promotion(version));
    const text = await readFile(path, 'utf8');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('x', '7', ' ', '"'), (at, character) => {
        fc.pre(text[at] !== character);
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const { problems, tornBytes } = parseLedger(changed);
        expect(problems.length + tornBytes).toBeGreaterThan(0);
      }),
    );
  });

  test('any text is read without an exception', () => {
    fc.assert(fc.property(fc.string(), (text) => parseLedger(text).entries.length === 0));
  });
});
