import { AppError } from '../../domain/errors.ts';
import { storeOptionsOf } from '../store-choice.ts';
import { bad, ok } from './finding.ts';
import type { Check } from './finding.ts';

/** ClickHouse answers; without a URL the embedded engine is started, and ends by itself when idle. */
export const checkStore: Check = async (config, run) => {
  const [{ endpointSource }, { createConnection }] = await Promise.all([
    import('../../store/store.ts'),
    import('../../store/connection.ts'),
  ]);
  const { url, embedded, database } = config.store;
  const where = url ?? `embedded in ${embedded.directory}`;
  // An engine that is started only to be looked at ends right after.
  const options = storeOptionsOf(config, run);
  const endpoint = endpointSource({ ...options, embedded: { ...options.embedded, idleSeconds: 1 } });
  const connection = createConnection({
    endpoint,
    database: 'default',
    logger: run.logger,
    requestTimeoutMs: 5000,
  });
  try {
    const [row] = await connection.query('doctor_version', 'SELECT version() AS version');
    return [ok('store', `ClickHouse ${String(row?.['version'])}, ${where}, database ${database}`)];
  } catch (caught) {
    if (!(caught instanceof AppError)) throw caught;
    const isAway = caught.code === 'TEMPER_STORE_UNREACHABLE' || caught.code === 'TEMPER_STORE_EMBEDDED';
    const fix =
      url === undefined
        ? 'free the folder, or install the optional package chdb'
        : 'start ClickHouse, or mend store';
    return [bad('store', isAway ? 'unreachable' : 'fail', { finding: caught.message, fix })];
  } finally {
    await connection.close();
  }
};
