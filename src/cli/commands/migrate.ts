import { hasCode } from '../../domain/errors.ts';
import type { Connection } from '../../store/connection.ts';
import { configOption, loadRunConfig } from '../config-file.ts';
import type { ConfigOptions } from '../config-file.ts';
import { addExamples } from '../options.ts';
import { printLine, styled } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';
import { storeOptionsOf } from '../store-choice.ts';
import { formatTable } from '../table.ts';

interface MigrateOptions extends ConfigOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface MigrationState {
  readonly name: string;
  readonly state: 'applied' | 'applied now' | 'pending';
}

/** `temper migrate`: brings the store's tables up to date. */
export const registerMigrate: CommandModule = (program, cli) => {
  const migrate = program
    .command('migrate')
    .description("make the store's database and bring its tables up to date; every start does it too")
    .helpGroup('Set up:')
    .option('--dry-run', 'show what would be applied')
    .addOption(configOption())
    .option('--json', 'print the migrations as JSON')
    .action(cli.action(migrateStore));
  addExamples(migrate, [
    ['temper migrate --dry-run', 'which migrations are pending'],
    ['temper migrate', 'apply them'],
  ]);
};

async function migrateStore(run: Run, options: MigrateOptions): Promise<undefined> {
  const config = await loadRunConfig(run, options);
  const states = await applyMigrations(run, config, options.dryRun ?? false);
  if (options.json === true) printLine(run.stdout, JSON.stringify({ migrations: states }, null, 2));
  else {
    const rows = states.map(({ name, state }) => [
      name,
      styled(run.stdout, state === 'pending' ? 'yellow' : 'green', state),
    ]);
    printLine(run.stdout, formatTable([{ title: 'migration' }, { title: 'state' }], rows));
  }
  return undefined;
}

async function applyMigrations(
  run: Run,
  config: Parameters<typeof storeOptionsOf>[0],
  dryRun: boolean,
): Promise<readonly MigrationState[]> {
  const [{ openStore, endpointSource }, { createConnection }, { listMigrations }] = await Promise.all([
    import('../../store/store.ts'),
    import('../../store/connection.ts'),
    import('../../store/migrate.ts'),
  ]);
  const options = storeOptionsOf(config, run);
  const { database } = options;
  const connection = createConnection({
    endpoint: endpointSource(options),
    database: 'default',
    logger: run.logger,
  });
  run.releases.defer('connection', () => connection.close());
  const before = await appliedNames(connection, database);
  if (!dryRun) run.releases.adopt('store', await openStore(options));
  return listMigrations().map(({ name }) => ({
    name,
    state: before.has(name) ? 'applied' : dryRun ? 'pending' : 'applied now',
  }));
}

/** What the database remembers; nothing when it is not there yet. */
async function appliedNames(connection: Connection, database: string): Promise<ReadonlySet<string>> {
  try {
    const rows = await connection.query(
      'applied_migrations',
      'SELECT name FROM {database:Identifier}.schema_migrations',
      { database },
    );
    return new Set(rows.map((row) => String(row['name'])));
  } catch (caught) {
    if (hasCode(caught, 'TEMPER_STORE_QUERY')) return new Set();
    throw caught;
  }
}
