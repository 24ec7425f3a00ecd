import { systemClock } from '../../domain/clock.ts';
import { configOption, loadRunConfig, type ConfigOptions } from '../config-file.ts';
import { addExamples } from '../options.ts';
import { printLine } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';
import { packageVersion } from '../version.ts';

/** `temper sidecar`: samples the stream, probes the served model, judges, alerts. */
export const registerSidecar: CommandModule = (program, cli) => {
  const sidecar = program
    .command('sidecar')
    .description(
      'sample production inputs, attack the served model with them, judge its robustness, raise alarms',
    )
    .helpGroup('Run:')
    .addOption(configOption())
    .action(cli.action(runSidecar));
  addExamples(sidecar, [
    [
      'temper sidecar --config temper.yaml',
      'watch the model that temper.yaml names; the status page is on http.port',
    ],
  ]);
};

async function runSidecar(run: Run, options: ConfigOptions): Promise<undefined> {
  const [{ composeServices }, { startSidecar }, { chooseEngine }] = await Promise.all([
    import('../../app/compose.ts'),
    import('../../app/sidecar/sidecar.ts'),
    import('../../engine/choose.ts'),
  ]);
  const config = await loadRunConfig(run, options);
  const engine = await chooseEngine({ forced: run.host.env['TEMPER_ENGINE'] });
  run.logger.info({ engine: engine.name, reason: engine.reason }, 'engine_chosen');
  const { logger, releases, signal } = run;
  const services = await composeServices({
    config,
    engine,
    clock: systemClock,
    logger,
    releases,
    owner: 'sidecar',
    workers: config.probing.workers,
  });
  const build = { version: packageVersion(), engine: engine.name };
  const sidecar = await startSidecar({ services, build, releases, signal });
  printLine(run.stdout, sidecar.url);
  await sidecar.finished;
  return undefined;
}
