import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PACK_SCHEMA, parsePack, sealPack, type PackFile } from '../../attacks/recipe-pack.ts';
import { AppError, toError } from '../../domain/errors.ts';
import { recipeId, type Parameter } from '../../domain/recipe.ts';
import { threatModelId, type Norm, type ThreatModel } from '../../domain/threat-model.ts';
import type { Exploration } from '../../evaluation/explorer/explore.ts';
import type { AdversaryOptions } from '../adversary.ts';
import { startPool } from '../compute-pool.ts';
import { chooseRows } from '../data-choice.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { resolveModel } from '../model-choice.ts';
import { printLine, styled } from '../output.ts';
import { untilStopped, type Run } from '../run.ts';
import { formatTable } from '../table.ts';
import { writeWhole } from '../write-file.ts';

export interface ExploreCommandOptions extends AdversaryOptions {
  readonly model: string;
  readonly data: string;
  readonly samples?: number;
  readonly norm: Exclude<Norm, 'l0'>;
  readonly epsilon: number;
  readonly defence?: readonly string[];
  readonly seed: number;
  readonly rows?: number;
  readonly generations?: number;
  readonly candidates?: number;
  readonly finalGradients?: number;
  readonly portfolioCompute?: number;
  readonly gradients?: number;
  readonly forwards?: number;
  readonly output: string;
  readonly trials?: string;
  readonly name: string;
  readonly packVersion: string;
  readonly sign?: string;
  readonly json?: boolean;
  readonly workers?: number;
  readonly engine?: string;
  readonly registry?: string;
  readonly config: string;
}

export async function runExplore(run: Run, options: ExploreCommandOptions): Promise<ExitCode> {
  const [{ explore }, { exploreSettingsSchema }, { openLedger }, { loadData }, { adversaryOf }] =
    await Promise.all([
      import('../../evaluation/explorer/explore.ts'),
      import('../../evaluation/explorer/settings.ts'),
      import('../../evaluation/explorer/ledger.ts'),
      import('../../data/dataset.ts'),
      import('../adversary.ts'),
    ]);
  const { cwd } = run.host;
  const signer = readSigner(options.sign, cwd);
  const output = resolve(cwd, options.output);
  const data = chooseRows(await loadData(options.data), options);
  const { norm, epsilon, seed, defence: defences } = options;
  const resolved = await resolveModel(run, options.model, options);
  const model = defences === undefined ? resolved : { ...resolved, defences };
  const threat: ThreatModel = {
    norm,
    epsilon,
    access: 'gradients',
    ...(await adversaryOf(options, { cwd, subject: data })),
  };
  const settings = exploreSettingsSchema.parse(settingsOf(options));
  const ledger = await openLedger(resolve(cwd, options.trials ?? `${options.output}.trials`));
  const pool = await startPool(run, options);
  const progress = run.progress('explore', settings.gradients);
  const { signal } = run;
  const found = await untilStopped(
    run,
    explore({
      pool,
      model,
      data,
      threat,
      seed,
      settings,
      ledger,
      signal,
      onProgress: ({ stage, gradients }) => progress.update(Math.min(gradients, settings.gradients), stage),
    }),
  );
  progress.end('done');
  const file = packOf(found, options, { model: model.sha256, threat: threatModelId(threat), seed });
  const pack = sealPack(file, signer);
  parsePack(pack, output); // what is written is what can be read
  writeWhole(output, `${JSON.stringify(pack, null, 2)}\n`);
  if (options.json === true) printLine(run.stdout, JSON.stringify({ ...found, output }, null, 2));
  else printFinds(run, found, output);
  return EXIT.done;
}

function settingsOf(options: ExploreCommandOptions): Record<string, number> {
  const { rows, generations, candidates, finalGradients, portfolioCompute, gradients, forwards } = options;
  const given = { rows, generations, candidates, finalGradients, portfolioCompute, gradients, forwards };
  return Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

/** @throws {AppError} TEMPER_USAGE */
function readSigner(given: string | undefined, cwd: string): Parameters<typeof sealPack>[1] {
  if (given === undefined) return undefined;
  const [, name = '', file = ''] = /^([^=]+)=(.+)$/s.exec(given) ?? [];
  try {
    const key = createPrivateKey(readFileSync(resolve(cwd, file)));
    if (key.asymmetricKeyType === 'ed25519') return { name, key };
    throw new Error(`it is of type ${key.asymmetricKeyType ?? 'unknown'}`);
  } catch (caught) {
    throw new AppError(
      'TEMPER_USAGE',
      `--sign: expected name=file with a private Ed25519 key in PEM, got "${given}": ${toError(caught).message}`,
    );
  }
}

interface Provenance {
  readonly model: string;
  readonly threat: string;
  readonly seed: number;
}

function packOf(
  { finds, portfolio, rows }: Exploration,
  { name, packVersion, data, norm, epsilon }: ExploreCommandOptions,
  provenance: Provenance,
): PackFile {
  return {
    schema: PACK_SCHEMA,
    name,
    version: packVersion,
    summary: `Found on ${rows} examples of ${data} under ${norm} ${epsilon}; the suite ${name} is the portfolio.`,
    recipes: finds.map(({ recipe, reward, broken, compute }) => ({
      ...recipe,
      id: recipeId(recipe),
      found: { reward, broken, compute, ...provenance },
    })),
    suites:
      portfolio.length === 0
        ? []
        : [
            {
              name,
              summary: 'The portfolio of the search.',
              recipes: portfolio.map((recipe) => recipe.name),
            },
          ],
  };
}

function printFinds(run: Run, { finds, rows, trials, gradientQueries }: Exploration, output: string): void {
  const { stdout } = run;
  printLine(stdout, `${trials} trials on ${rows} examples, ${gradientQueries} gradients`);
  printLine(
    stdout,
    formatTable(
      [
        { title: 'find' },
        { title: 'gain over control', align: 'right' },
        { title: 'breaks', align: 'right' },
        { title: 'cost', align: 'right' },
        { title: 'in the suite' },
        { title: 'what it is' },
      ],
      finds.map(({ recipe, reward, broken, compute, inPortfolio }) => [
        styled(stdout, 'bold', recipe.name),
        reward.toFixed(3),
        `${(100 * broken).toFixed(1)} %`,
        String(compute),
        inPortfolio ? 'yes' : '',
        describe(recipe.parameters),
      ]),
    ),
  );
  printLine(stdout, `${styled(stdout, 'green', 'wrote')} ${output}`);
}

function describe(parameters: Readonly<Record<string, Parameter>>): string {
  const { start, loss, step, schedule, steps, queries, restarts } = parameters;
  const size = steps === undefined ? `${String(queries)} queries` : `${String(steps)} steps`;
  return [start, loss, step, schedule, size, `${String(restarts)} restarts`]
    .filter((part) => part !== undefined)
    .join(', ');
}
