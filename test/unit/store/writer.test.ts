import fc from 'fast-check';
import { AppError } from '../../../src/domain/errors.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import type { Row } from '../../../src/store/row-json.ts';
import { createWriter, type Writer, type WriterOptions } from '../../../src/store/writer.ts';

const away = () => new AppError('TEMPER_STORE_UNREACHABLE', 'away', { retryable: true });
const refused = () => new AppError('TEMPER_STORE_QUERY', 'refused');
const rows = (...values: number[]): Row[] => values.map((n) => ({ n }));
const numbers = (inserted: readonly Row[]): unknown[] => inserted.map(({ n }) => n);

/** A table that takes inserts when it is let, in order, and notes how many were under way together. */
function createTable(answer: (rows: readonly Row[], attempt: number) => Error | undefined = () => undefined) {
  const inserts: { table: string; rows: readonly Row[] }[] = [];
  const attempts: (readonly Row[])[] = [];
  const underWay = { now: 0, most: 0 };
  let held: Promise<void> = Promise.resolve();
  let release = (): void => undefined;
  return {
    inserts,
    attempts,
    underWay,
    hold() {
      held = new Promise((resolve) => (release = resolve));
    },
    release: () => release(),
    async insert(table: string, inserted: readonly Row[]) {
      underWay.most = Math.max(underWay.most, ++underWay.now);
      attempts.push(inserted);
      await held;
      await new Promise((resolve) => setImmediate(resolve));
      underWay.now--;
      const failure = answer(inserted, attempts.length);
      if (failure !== undefined) throw failure;
      inserts.push({ table, rows: inserted });
    },
  };
}

function write(connection: WriterOptions['connection'], options: Partial<WriterOptions> = {}): Writer {
  return createWriter({ connection, logger: silentLogger, identity: 'test', flushMs: 5, ...options });
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('the writer', () => {
  test('gathers what is written together, in order, and acknowledges it when the insert is', async () => {
    const table = createTable();
    const writer = write(table);
    await Promise.all([
      writer.write('t', rows(1)),
      writer.write('t', rows(2, 3)),
      writer.write('u', rows(9)),
    ]);
    expect(table.inserts.map(({ table: name, rows: inserted }) => [name, numbers(inserted)])).toEqual(
      expect.arrayContaining([
        ['t', [1, 2, 3]],
        ['u', [9]],
      ]),
    );
    expect(table.inserts).toHaveLength(2);
    await writer.close();
  });

  test('does not wait for time when there are enough rows', async () => {
    const table = createTable();
    const writer = write(table, { flushRows: 3, flushMs: 60_000 });
    await Promise.all([writer.write('t', rows(1, 2)), writer.write('t', rows(3))]);
    expect(table.inserts).toHaveLength(1);
    await writer.close();
  });

  test('nothing to write is written at once', async () => {
    const table = createTable();
    const writer = write(table, { flushMs: 60_000 });
    await writer.write('t', []);
    await writer.close();
    expect(table.attempts).toHaveLength(0);
  });

  test('keeps one insert of a table under way; the next takes what came meanwhile', async () => {
    const table = createTable();
    const writer = write(table, { flushMs: 0 });
    table.hold();
    const first = writer.write('t', rows(1));
    await turn();
    const rest = [2, 3, 4].map((n) => writer.write('t', rows(n)));
    await turn();
    expect(table.attempts.map(numbers)).toEqual([[1]]);
    table.release();
    await Promise.all([first, ...rest]);
    expect(table.inserts.map(({ rows: inserted }) => numbers(inserted))).toEqual([[1], [2, 3, 4]]);
    expect(table.underWay.most).toBe(1);
    await writer.close();
  });

  test('tries again with the very same rows while the store is away', async () => {
    const table = createTable((_, attempt) => (attempt < 3 ? away() : undefined));
    const writer = write(table);
    const early = Promise.all([writer.write('t', rows(1)), writer.write('t', rows(2))]);
    await turn();
    const late = writer.write('t', rows(3));
    await Promise.all([early, late]);
    expect(table.attempts.map(numbers)).toEqual([[1, 2], [1, 2], [1, 2], [3]]);
    await writer.close();
  });

  test('gives up in the end, and says so to everyone who waited', async () => {
    const table = createTable(away);
    const writer = write(table, { retryMs: 0 });
    const results = await Promise.allSettled([writer.write('t', rows(1)), writer.write('t', rows(2))]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'TEMPER_STORE_UNREACHABLE', retryable: true } },
      { status: 'rejected' },
    ]);
    expect(table.attempts).toHaveLength(1);
    await writer.close();
  });

  test('a row that is refused fails its own write only', async () => {
    const table = createTable((inserted) => (numbers(inserted).includes(2) ? refused() : undefined));
    const writer = write(table);
    const results = await Promise.allSettled([1, 2, 3].map((n) => writer.write('t', rows(n))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(table.inserts.flatMap(({ rows: inserted }) => numbers(inserted))).toEqual([1, 3]);
    await writer.close();
  });

  test('sends what waits when it is closed, and takes nothing after', async () => {
    const table = createTable();
    const writer = write(table, { flushMs: 60_000 });
    const waiting = writer.write('t', rows(1));
    await Promise.all([writer.close(), writer.close(), waiting]);
    expect(table.inserts).toHaveLength(1);
    await expect(writer.write('t', rows(2))).rejects.toMatchObject({ code: 'TEMPER_INTERRUPTED' });
  });

  test('does not stay for a store that is away when it is closed', async () => {
    const table = createTable(away);
    const writer = write(table, { retryMs: 3_600_000 });
    const waiting = expect(writer.write('t', rows(1))).rejects.toMatchObject({
      code: 'TEMPER_STORE_UNREACHABLE',
    });
    await turn();
    await writer.close();
    await waiting;
  });

  test('writes every row once and in order, whatever comes when', async () => {
    const step = fc.record({
      table: fc.constantFrom('a', 'b'),
      size: fc.integer({ min: 1, max: 7 }),
      pause: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, size) => {
          const table = createTable((_, attempt) => (attempt % 4 === 3 ? away() : undefined));
          const patient = { ...table, insert: table.insert.bind(table) };
          const writer = write(patient, { flushRows: size, flushMs: 0 });
          const expected: Record<string, number[]> = { a: [], b: [] };
          let next = 0;
          const writes: Promise<void>[] = [];
          for (const { table: name, size: count, pause } of steps) {
            const values = Array.from({ length: count }, () => next++);
            expected[name]!.push(...values);
            const done = writer.write(name, rows(...values));
            writes.push(done);
            if (pause) await done;
          }
          await Promise.all(writes);
          await writer.close();
          for (const [name, values] of Object.entries(expected)) {
            const written = table.inserts
              .filter((insert) => insert.table === name)
              .flatMap((insert) => insert.rows);
            expect(numbers(written)).toEqual(values);
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});
