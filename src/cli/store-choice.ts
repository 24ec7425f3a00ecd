import type { TemperConfig } from '../config/load.ts';
import type { StoreOptions } from '../store/store.ts';
import type { Run } from './run.ts';

/** The store's options as the configuration says, with its secret revealed. */
export function storeOptionsOf({ store }: Pick<TemperConfig, 'store'>, run: Run): StoreOptions {
  return { ...store, password: store.password?.reveal(), clock: run.host.clock, logger: run.logger };
}
