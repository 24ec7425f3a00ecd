import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import type { DemoSummary } from '../../app/demo/summary.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addExamples, integer } from '../options.ts';
import { printLine } from '../output.ts';
import type { CommandModule, Run } from '../run.ts';

interface DemoOptions {
  readonly scenario: 'full' | 'tiny';
  readonly seed: number;
  readonly out: string;
}

/** `temper demo`: the whole loop on real digits. */
export const registerDemo: CommandModule = (program, cli) => {
  const demo = program
    .command('demo')
    .description(
      'watch the whole loop on real digits: attacked, found weak, hardened, degraded, alarmed, recovered',
    )
    .helpGroup('Start here:')
    .addOption(
      new Option('--scenario <size>', 'full, or tiny for a quick look that proves nothing')
        .choices(['full', 'tiny'])
        .default('full'),
    )
    .option('--seed <number>', 'seed of every random draw', integer(0, 2 ** 32 - 1), 0)
    .option(
      '-o, --out <dir>',
      'folder of report, summary and everything else; its content is replaced',
      'demo/out',
    )
    .action(cli.action(playDemo));
  addExamples(demo, [
    ['temper demo', 'the whole story: on two cores about 7 minutes with WebAssembly, 4 with tfjs-node'],
    ['temper demo --scenario tiny', 'the same acts at a size that proves nothing, about 2 minutes'],
  ]);
};

async function playDemo(run: Run, options: DemoOptions): Promise<ExitCode> {
  const [
    { runDemo },
    { SCENARIOS },
    { createNarrator },
    { tellStory },
    { renderDemoReport },
    { chooseEngine },
  ] = await Promise.all([
    import('../../app/demo/run-demo.ts'),
    import('../../app/demo/scenario.ts'),
    import('../../app/demo/narrator.ts'),
    import('../../app/demo/story.ts'),
    import('../../reports/demo-report.ts'),
    import('../../engine/choose.ts'),
  ]);
  run.useLogLevel('warn');
  const engine = await chooseEngine({ forced: run.host.env['TEMPER_ENGINE'] });
  printLine(
    run.stdout,
    `Temper demo, ${options.scenario} scenario, seed ${options.seed}. Engine: ${engine.reason}`,
  );
  const directory = resolve(run.host.cwd, options.out);
  const { story, summary } = await runDemo(
    {
      directory: join(directory, 'work'),
      scenario: SCENARIOS[options.scenario],
      seed: options.seed,
      engine,
      temper: [run.host.node.path, join(__dirname, '..', 'main.js')],
      env: run.host.env,
      ownPid: run.host.pid,
      clock: run.host.clock,
      logger: run.logger,
      narrator: createNarrator({
        line: (text) => printLine(run.stdout, text),
        progress: (label, total) => run.progress(label, total),
      }),
    },
    tellStory,
  );
  await mkdir(directory, { recursive: true });
  const reportPath = join(directory, 'report.html');
  await writeFile(join(directory, 'summary.json'), `${JSON.stringify(summary, undefined, 2)}\n`);
  await writeFile(reportPath, renderDemoReport(story));
  printSummary(run, summary);
  printLine(run.stdout, `\nReport: ${reportPath}`);
  return summary.recovered && summary.alarm !== null ? EXIT.done : EXIT.refused;
}

function printSummary(run: Run, summary: DemoSummary): void {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  printLine(run.stdout, '\nWhat it came to');
  for (const { version, clean_accuracy: clean, robust_accuracy: robust } of summary.versions) {
    const [low, high] = [percent(robust.lower), percent(robust.upper)];
    printLine(
      run.stdout,
      `  v${version}  clean ${percent(clean.value)}  robust ${percent(robust.value)} [${low}, ${high}], n ${robust.n}`,
    );
  }
  const { alarm, counts, peak_memory_bytes: peak } = summary;
  const told =
    alarm === null
      ? 'no alarm'
      : `alarm ${alarm.samples_since_change} samples after the update, cause ${alarm.cause}`;
  printLine(run.stdout, `  ${told}; ${summary.recovered ? 'recovered' : 'NOT recovered'}`);
  printLine(
    run.stdout,
    `  ${counts.events} events, ${counts.sampled} sampled, ${counts.probes} probes, ${counts.dead_letters} dead letters; ${summary.seconds} s, peak memory ${(peak / 2 ** 30).toFixed(1)} GiB`,
  );
}
