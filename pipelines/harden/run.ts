import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { AppError, toError } from '../../src/domain/errors.ts';
import { hashJson, sha256 } from '../../src/domain/hashing.ts';
import type { Logger } from '../../src/domain/logger.ts';
import type { StageName } from '../../src/domain/run.ts';

/** In a stage's folder from its first moment: the inputs it was begun with. */
const PARTIAL_OF = '.inputs';

/** What a finished stage leaves behind. The folder it lies in is renamed into place whole, so it exists or it does not. */
export interface StageManifest {
  readonly schema: 'temper/stage/1';
  readonly stage: StageName;
  /** Hash of everything the stage depended on: its settings and the manifests of the stages before it. */
  readonly inputsHash: string;
  /** Small JSON result, handed to later stages. */
  readonly output: unknown;
  /** SHA-256 of every file in the folder. */
  readonly files: Readonly<Record<string, string>>;
  readonly seconds: number;
}

export interface StageEnvironment {
  /** The stage's own folder, kept when the run is killed: a stage may leave checkpoints there and continue from them. */
  readonly directory: string;
  /** Result of an earlier stage of this run. */
  readonly outputOf: (stage: StageName) => unknown;
  /** Folder of an earlier stage of this run. */
  readonly directoryOf: (stage: StageName) => string;
}

export interface RunnableStage {
  readonly name: StageName;
  /** Settings that change the result; hashed into the manifest. */
  readonly settings: unknown;
  run(environment: StageEnvironment): Promise<unknown>;
}

export interface RunOptions {
  readonly runDirectory: string;
  readonly stages: readonly RunnableStage[];
  readonly logger: Logger;
  /** Monotonic seconds, for durations only. */
  readonly nowSeconds: () => number;
  onStage?(stage: StageName, state: 'skipped' | 'started' | 'finished', seconds?: number): Promise<void>;
}

/**
 * Runs the stages in order. A stage whose manifest exists and whose inputs are unchanged is skipped, so a run killed
 * anywhere continues where it was. A stage works in `.<name>.partial` and is renamed to `<name>` with its manifest inside.
 *
 * @returns output per stage
 * @throws {AppError} TEMPER_STAGE_FAILED with the stage's error as cause; the run can be resumed
 */
export async function runStages(options: RunOptions): Promise<Map<StageName, unknown>> {
  const finished = new Map<StageName, StageManifest>();
  await mkdir(options.runDirectory, { recursive: true });
  for (const stage of options.stages) {
    const inputsHash = hashJson({
      stage: stage.name,
      settings: stage.settings,
      before: [...finished.values()].map(identityOf),
    });
    const existing = await readManifest(options.runDirectory, stage.name);
    if (existing?.inputsHash === inputsHash) {
      finished.set(stage.name, existing);
      await options.onStage?.(stage.name, 'skipped', existing.seconds);
      continue;
    }
    await options.onStage?.(stage.name, 'started');
    const manifest = await runStage(options, { stage, inputsHash, finished });
    finished.set(stage.name, manifest);
    await options.onStage?.(stage.name, 'finished', manifest.seconds);
  }
  return new Map([...finished].map(([name, manifest]) => [name, manifest.output]));
}

/** The manifest of a finished stage, or undefined. */
export async function readManifest(
  runDirectory: string,
  stage: StageName,
): Promise<StageManifest | undefined> {
  const path = join(runDirectory, stage, 'manifest.json');
  if (!existsSync(path)) return undefined;
  return JSON.parse(await readFile(path, 'utf8')) as StageManifest;
}

interface StageTask {
  readonly stage: RunnableStage;
  readonly inputsHash: string;
  readonly finished: ReadonlyMap<StageName, StageManifest>;
}

async function runStage(
  options: RunOptions,
  { stage, inputsHash, finished }: StageTask,
): Promise<StageManifest> {
  const { runDirectory, logger } = options;
  const partial = join(runDirectory, `.${stage.name}.partial`);
  await preparePartial(partial, inputsHash);
  const startedAt = options.nowSeconds();
  const output = await runNamed(stage, {
    directory: partial,
    outputOf: (name) => required(finished, name, stage.name).output,
    directoryOf: (name) => join(runDirectory, required(finished, name, stage.name).stage),
  });
  const seconds = options.nowSeconds() - startedAt;
  const files = await hashFiles(partial);
  const manifest: StageManifest = {
    schema: 'temper/stage/1',
    stage: stage.name,
    inputsHash,
    output,
    files,
    seconds,
  };
  await writeDurably(join(partial, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await retire(join(runDirectory, stage.name), inputsHash);
  await rename(partial, join(runDirectory, stage.name));
  logger.info({ stage: stage.name, seconds: Math.round(seconds) }, 'stage_finished');
  return manifest;
}

/** What an interrupted attempt left is for the same inputs alone: files of other settings would pass for the stage's own. */
async function preparePartial(partial: string, inputsHash: string): Promise<void> {
  const path = join(partial, PARTIAL_OF);
  const begunWith = existsSync(path) ? await readFile(path, 'utf8') : undefined;
  if (begunWith === inputsHash) return;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await writeDurably(path, inputsHash);
}

async function runNamed(stage: RunnableStage, environment: StageEnvironment): Promise<unknown> {
  try {
    return await stage.run(environment);
  } catch (caught) {
    const error = toError(caught);
    throw new AppError('TEMPER_STAGE_FAILED', `stage ${stage.name} failed: ${error.message}`, {
      cause: error,
      retryable: caught instanceof AppError && caught.retryable,
      details: { stage: stage.name },
    });
  }
}

/** A stage folder made from other inputs is moved aside, never overwritten: it is evidence. */
async function retire(directory: string, inputsHash: string): Promise<void> {
  if (existsSync(directory)) await rename(directory, `${directory}.replaced-by-${inputsHash.slice(0, 12)}`);
}

function required(
  finished: ReadonlyMap<StageName, StageManifest>,
  name: StageName,
  asking: StageName,
): StageManifest {
  const manifest = finished.get(name);
  if (manifest === undefined) {
    throw new AppError(
      'TEMPER_STAGE_FAILED',
      `stage ${asking} needs the result of ${name}, which has not run before it`,
    );
  }
  return manifest;
}

/** What of a manifest later stages depend on: what it made, not how or how long. */
function identityOf({ stage, output, files }: StageManifest): unknown {
  return { stage, output, files };
}

async function hashFiles(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true });
  const hashes: Record<string, string> = {};
  for (const entry of entries.sort()) {
    const path = join(directory, entry);
    if (entry === 'manifest.json' || entry === PARTIAL_OF || !(await stat(path)).isFile()) continue;
    hashes[relative(directory, path)] = sha256(await readFile(path));
  }
  return hashes;
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
