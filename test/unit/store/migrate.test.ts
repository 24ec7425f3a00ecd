import { AppError } from '../../../src/domain/errors.ts';
import type { Connection } from '../../../src/store/connection.ts';
import { clusterClause, expand, listMigrations, migrate, statementsOf } from '../../../src/store/migrate.ts';

/** A database that remembers the statements it was given, and which migrations were recorded. */
function createDatabase(applied: { name: string; checksum: string }[] = []) {
  const statements: string[] = [];
  const connection: Connection = {
    query: () => Promise.resolve(applied),
    insert: (_, rows) => {
      applied.push(...(rows as typeof applied));
      return Promise.resolve();
    },
    command: (_, sql) => {
      statements.push(sql);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { connection, statements, applied };
}

const migration = (name: string, sql: string, checksum = `sum of ${sql}`) => ({ name, sql, checksum });

describe('migrations', () => {
  test('run in order, once', async () => {
    const { connection, statements } = createDatabase();
    const migrations = [migration('0001_a.sql', 'A;\nB;\n'), migration('0002_b.sql', 'C')];
    expect(await migrate(connection, { migrations })).toEqual(['0001_a.sql', '0002_b.sql']);
    expect(statements.slice(1)).toEqual(['A', 'B', 'C']);
    expect(await migrate(connection, { migrations })).toEqual([]);
  });

  test('are recorded after their last statement, so that a migration cut short runs again', async () => {
    const { connection, applied } = createDatabase();
    const cut: Connection = {
      ...connection,
      command: (_, sql) => (sql === 'B' ? Promise.reject(new Error('cut')) : Promise.resolve()),
    };
    const migrations = [migration('0001_a.sql', 'A;\nB;\n')];
    await expect(migrate(cut, { migrations })).rejects.toThrow('cut');
    expect(applied).toEqual([]);
    expect(await migrate(connection, { migrations })).toEqual(['0001_a.sql']);
  });

  test.each([
    ['was changed', [migration('0001_a.sql', 'A', 'new')]],
    ['is missing', []],
  ])('that %s after it was applied stops everything', async (what, migrations) => {
    const { connection, statements } = createDatabase([{ name: '0001_a.sql', checksum: 'old' }]);
    const failure: unknown = await migrate(connection, { migrations }).catch((caught: unknown) => caught);
    expect(failure).toBeInstanceOf(AppError);
    expect(failure).toMatchObject({ code: 'TEMPER_STORE_MIGRATION' });
    expect((failure as AppError).message).toContain(what);
    expect(statements).toHaveLength(1); // the table of migrations
  });

  test('are numbered without gaps, and each statement may be run again', () => {
    const migrations = listMigrations();
    expect(migrations.map(({ name }) => Number(name.slice(0, 4)))).toEqual(migrations.map((_, i) => i + 1));
    for (const statement of migrations.flatMap(({ sql }) => statementsOf(sql)))
      expect(statement).toMatch(/^(CREATE|ALTER) TABLE[^(]* IF (NOT )?EXISTS /);
  });

  test('every table drops inserts that it has already taken', () => {
    for (const statement of listMigrations().flatMap(({ sql }) => statementsOf(sql)))
      if (statement.startsWith('CREATE TABLE'))
        expect(statement).toMatch(/non_replicated_deduplication_window = \d+$/);
  });
});

describe('the engine clause', () => {
  const sql =
    'CREATE TABLE t @CLUSTER (n Int8) ENGINE = @REPLACING(n) ORDER BY n; ENGINE = @REPLACING; ENGINE = @MERGE';
  test.each([
    [
      {},
      'CREATE TABLE t  (n Int8) ENGINE = ReplacingMergeTree(n) ORDER BY n; ENGINE = ReplacingMergeTree(); ENGINE = MergeTree()',
    ],
    [
      { cluster: 'prod', replicated: true },
      'CREATE TABLE t ON CLUSTER `prod` (n Int8) ENGINE = ReplicatedReplacingMergeTree(n) ORDER BY n; ENGINE = ReplicatedReplacingMergeTree(); ENGINE = ReplicatedMergeTree()',
    ],
  ])('for %p', (engine, expected) => {
    expect(expand(sql, engine)).toBe(expected);
  });

  test('a name of a cluster stays a name', () => {
    expect(clusterClause({ cluster: 'a`; DROP' })).toBe('ON CLUSTER `a; DROP`');
    expect(clusterClause({ cluster: '' })).toBe('');
  });
});
