import type { StageProgress } from '../../../pipelines/harden/context.ts';
import { systemClock } from '../../domain/clock.ts';
import type { StageName } from '../../domain/run.ts';
import { configOption, loadRunConfig, type ConfigOptions } from '../config-file.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addExamples } from '../options.ts';
import { printLine } from '../output.ts';
import type { Progress } from '../progress.ts';
import type { CommandModule, Run } from '../run.ts';

interface WorkerOptions extends ConfigOptions {
  readonly once?: boolean;
}

/** `temper harden`: the pipeline that hardens a model when a run is requested. */
export const registerHarden: CommandModule = (program, cli) => {
  const harden = program
    .command('harden')
    .description('harden the model: collect, generate, train, evaluate, gate, promote, verify')
    .helpGroup('Run:');
  const worker = harden
    .command('worker')
    .description(
      'wait for run requests (from alarms, the schedule or people) and work on them, one at a time',
    )
    .addOption(configOption())
    .option(
      '--once',
      'work on the oldest open request, if there is one, and end; exit code 1 if it was not promoted',
    )
    .action(cli.action(runWorker));
  addExamples(worker, [
    [
      'temper harden worker --config temper.yaml',
      'work on requests until stopped; a killed run is taken up again',
    ],
    ['temper harden worker --once', 'as a job: one request, then the end'],
  ]);
};

async function runWorker(run: Run, options: WorkerOptions): Promise<ExitCode | undefined> {
  const [{ composeServices }, { runHardenWorker }, { chooseEngine }] = await Promise.all([
    import('../../app/compose.ts'),
    import('../../app/harden/worker.ts'),
    import('../../engine/choose.ts'),
  ]);
  const config = await loadRunConfig(run, options);
  const engine = await chooseEngine({ forced: run.host.env['TEMPER_ENGINE'] });
  const { logger, releases, signal } = run;
  logger.info({ engine: engine.name, reason: engine.reason }, 'engine_chosen');
  const services = await composeServices({
    config,
    engine,
    clock: systemClock,
    logger,
    releases,
    owner: 'harden worker',
    workers: config.harden.workers,
  });
  const outcomes = await runHardenWorker({
    services,
    signal,
    releases,
    once: options.once ?? false,
    onProgress: stageBars(run),
  });
  for (const { requestId, state, version, reason } of outcomes) {
    printLine(
      run.stdout,
      [requestId, state, version === undefined ? reason : `version ${version}`].join('  '),
    );
  }
  const unwanted = outcomes.some(({ state }) => state !== 'promoted');
  return options.once === true && unwanted ? EXIT.refused : undefined;
}

/** One progress bar per stage; a new one when the next stage speaks. */
function stageBars(run: Run): (stage: StageName, update: StageProgress) => void {
  let current: { stage: StageName; bar: Progress } | undefined;
  return (stage, { done, total, figures = {} }) => {
    if (current?.stage !== stage) {
      current?.bar.end();
      current = { stage, bar: run.progress(stage, total) };
    }
    const note = Object.entries(figures).map(([name, value]) => `${name} ${shortly(value)}`);
    current.bar.update(done, note.join(', '));
  };
}

function shortly(value: number | string): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(3))) : value;
}
