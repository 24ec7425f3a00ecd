import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';
import type { Connection } from './connection.ts';

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file: an applied migration must never change. */
  readonly checksum: string;
}

/** How tables are stored: on one server, or replicated over a cluster. */
export interface TableEngine {
  /** Name for ON CLUSTER; absent or empty: one server. */
  readonly cluster?: string | undefined;
  /** Replicated engines, with the path and replica name that the server's own configuration gives them. */
  readonly replicated?: boolean | undefined;
}

/** The numbered .sql files beside this module, in order. */
export function listMigrations(directory = join(__dirname, 'migrations')): Migration[] {
  return readdirSync(directory)
    .filter((name) => /^\d{4}_.+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const sql = readFileSync(join(directory, name), 'utf8');
      return { name, sql, checksum: sha256(sql) };
    });
}

/**
 * Applies what is not applied yet. Every statement is idempotent, so a migration that was cut short is applied again.
 * @returns names of the migrations applied now
 * @throws {AppError} TEMPER_STORE_MIGRATION when an applied file was changed or is missing
 */
export async function migrate(
  connection: Connection,
  options: { readonly migrations?: readonly Migration[]; readonly engine?: TableEngine | undefined } = {},
): Promise<string[]> {
  const { migrations = listMigrations(), engine = {} } = options;
  await connection.command('create_schema_migrations', expand(SCHEMA_MIGRATIONS, engine));
  const applied = new Map<string, string>();
  for (const row of await connection.query(
    'applied_migrations',
    'SELECT name, checksum FROM schema_migrations',
  )) {
    applied.set(String(row['name']), String(row['checksum']));
  }
  checkApplied(migrations, applied);
  const pending = migrations.filter(({ name }) => !applied.has(name));
  for (const { name, sql, checksum } of pending) {
    for (const statement of statementsOf(sql)) await connection.command(name, expand(statement, engine));
    await connection.insert('schema_migrations', [{ name, checksum }]);
  }
  return pending.map(({ name }) => name);
}

const SCHEMA_MIGRATIONS = `CREATE TABLE IF NOT EXISTS schema_migrations @CLUSTER (name String, checksum String)
  ENGINE = @REPLACING ORDER BY name SETTINGS non_replicated_deduplication_window = 100`;

function checkApplied(migrations: readonly Migration[], applied: ReadonlyMap<string, string>): void {
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const [name, checksum] of applied) {
    const now = known.get(name);
    if (now === checksum) continue;
    const what = now === undefined ? 'is missing from this version' : `was changed after it had been applied`;
    throw new AppError(
      'TEMPER_STORE_MIGRATION',
      `migration ${name} ${what}: expected checksum ${checksum.slice(0, 12)}, got ${now?.slice(0, 12) ?? 'none'}; undo the change and add a new migration instead`,
    );
  }
}

/** Statements end with a semicolon at the end of a line. */
export function statementsOf(sql: string): string[] {
  return sql
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Engine and cluster for the placeholders of a statement: @CLUSTER, @MERGE, @REPLACING, @REPLACING(version column). */
export function expand(statement: string, engine: TableEngine): string {
  const prefix = engine.replicated === true ? 'Replicated' : '';
  return statement
    .replaceAll('@CLUSTER', clusterClause(engine))
    .replace(
      /@REPLACING(?:\((\w+)\))?/g,
      (_, version: string | undefined) => `${prefix}ReplacingMergeTree(${version ?? ''})`,
    )
    .replaceAll('@MERGE', `${prefix}MergeTree()`);
}

/** `ON CLUSTER`, or nothing on one server. */
export function clusterClause({ cluster = '' }: TableEngine = {}): string {
  return cluster === '' ? '' : `ON CLUSTER \`${cluster.replaceAll('`', '')}\``;
}
