import { Option } from 'commander';

import { addExamples, integer } from '../options.ts';
import { printLine } from '../output.ts';
import { addRegistryOptions, modelOf, openRegistry } from '../registry-choice.ts';
import type { RegistryChoice } from '../registry-choice.ts';
import type { CommandModule, Run } from '../run.ts';

interface ServeOptions extends RegistryChoice {
  readonly host?: string;
  readonly port?: number;
  readonly grpcPort?: number;
  readonly engine?: string;
}

/** `temper serve`: the reference model server. */
export const registerServe: CommandModule = (program, cli) => {
  const serve = program
    .command('serve')
    .description(
      "serve the registry's current version over TensorFlow Serving's REST protocol and the Open Inference Protocol v2; follows promotions",
    )
    .helpGroup('Run:');
  addRegistryOptions(serve)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('-p, --port <port>', 'TCP port, 0 for a free one (default: 8501)', integer(0, 65_535))
    .option(
      '--grpc-port <port>',
      'TCP port of the Open Inference Protocol over gRPC, 0 for a free one (default: none)',
      integer(0, 65_535),
    )
    .addOption(
      new Option(
        '--engine <name>',
        'compute engine (default: TEMPER_ENGINE, or the fastest that works)',
      ).choices(['tensorflow', 'wasm']),
    )
    .action(cli.action(serveModel));
  addExamples(serve, [
    [
      'temper serve --registry models --model digits',
      'serve on http://127.0.0.1:8501/v1/models/digits:predict',
    ],
    ['temper serve --grpc-port 8081', 'the Open Inference Protocol over gRPC too'],
    ['temper serve --host 0.0.0.0 --port 9000', 'as the configuration says, on all addresses'],
  ]);
};

async function serveModel(run: Run, options: ServeOptions): Promise<undefined> {
  const [{ createModelServer }, { engineScorers }, { servingConfigSchema }, { chooseEngine }] =
    await Promise.all([
      import('../../serving/server.ts'),
      import('../../serving/scorer.ts'),
      import('../../serving/config.ts'),
      import('../../engine/choose.ts'),
    ]);
  const chosen = await openRegistry(run, options, 'place');
  const model = await modelOf(chosen);
  const engine = await chooseEngine({ forced: options.engine ?? run.host.env['TEMPER_ENGINE'] });
  run.logger.info({ engine: engine.name, reason: engine.reason }, 'engine_chosen');
  const server = await createModelServer({
    registryDirectory: chosen.directory,
    model,
    config: servingConfigSchema.parse({
      ...(options.host !== undefined && { host: options.host }),
      ...(options.port !== undefined && { port: options.port }),
      ...(options.grpcPort !== undefined && { grpcPort: options.grpcPort }),
    }),
    logger: run.logger,
    createScorer: engineScorers(engine.name),
  });
  const { url, grpcPort } = run.releases.adopt('model server', server);
  printLine(run.stdout, `${url}/v1/models/${model}`);
  if (grpcPort !== undefined) printLine(run.stdout, `gRPC on port ${grpcPort}`);
  await run.stopped;
  return undefined;
}
