import type { ComputePool } from '../engine/pool.ts';
import type { Run } from './run.ts';

/** A pool of compute processes for a command, on the engine that was asked for or the fastest that works. */
export async function startPool(
  run: Run,
  { engine: forced, workers }: { readonly engine?: string; readonly workers?: number },
): Promise<ComputePool> {
  const [{ chooseEngine }, { createPool }] = await Promise.all([
    import('../engine/choose.ts'),
    import('../engine/pool.ts'),
  ]);
  const engine = await chooseEngine({ forced: forced ?? run.host.env['TEMPER_ENGINE'] });
  run.logger.info({ engine: engine.name, reason: engine.reason }, 'engine_chosen');
  return run.releases.adopt('compute pool', createPool({ engine: engine.name, workers, logger: run.logger }));
}
