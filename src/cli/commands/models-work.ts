import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { AppError } from '../../domain/errors.ts';
import type {
  LedgerEntry,
  LedgerHead,
  ModelVersion,
  RegistryProblem,
  VersionSummary,
} from '../../models/registry.ts';
import { loadRunConfig } from '../config-file.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { printLine, styled } from '../output.ts';
import { actorOf, modelOf, openRegistry } from '../registry-choice.ts';
import type { ChosenRegistry, RegistryChoice } from '../registry-choice.ts';
import type { Run } from '../run.ts';
import { storeOptionsOf } from '../store-choice.ts';
import { formatTable } from '../table.ts';

export interface ModelsOptions extends RegistryChoice {
  readonly json?: boolean;
}

export interface DecisionOptions extends ModelsOptions {
  readonly reason?: string;
  readonly actor?: string;
  readonly override?: boolean;
  readonly to?: number;
}

export async function listModels(run: Run, options: ModelsOptions): Promise<ExitCode> {
  const chosen = await openRegistry(run, options);
  const listed = await perModel(chosen, options, (model) => chosen.registry.versions(model));
  if (options.json === true) return printJson(run, listed);
  for (const [model, versions] of Object.entries(listed)) {
    printLine(run.stdout, styled(run.stdout, 'bold', model));
    printLine(run.stdout, versions.length === 0 ? '  no version yet' : versionTable(run, versions));
  }
  if (Object.keys(listed).length === 0) printLine(run.stdout, `no model in ${chosen.directory}`);
  return EXIT.done;
}

function versionTable(run: Run, versions: readonly VersionSummary[]): string {
  const rows = versions.map((one) => [
    `${one.current ? '*' : ' '} ${one.version}`,
    one.kind === 'rollback' ? `rollback to ${one.from ?? '?'}` : 'promotion',
    one.gated ? styled(run.stdout, 'green', 'gated') : styled(run.stdout, 'yellow', 'around the gate'),
    one.at.slice(0, 19).replace('T', ' '),
    one.actor,
    one.candidate.slice(0, 12),
    one.reason,
  ]);
  return formatTable(
    ['version', 'came by', 'gate', 'at (UTC)', 'actor', 'content', 'reason'].map((title) => ({ title })),
    rows,
  );
}

export async function showHistory(run: Run, options: ModelsOptions): Promise<ExitCode> {
  const chosen = await openRegistry(run, options);
  const model = await modelOf(chosen);
  const entries = await chosen.registry.history(model);
  if (options.json === true) return printJson(run, entries);
  printLine(run.stdout, entries.length === 0 ? `the ledger of ${model} is empty` : historyTable(entries));
  return EXIT.done;
}

function historyTable(entries: readonly LedgerEntry[]): string {
  const columns = [
    { title: 'line', align: 'right' as const },
    ...['at (UTC)', 'event', 'actor', 'content', 'why', 'hash'].map((title) => ({ title })),
  ];
  return formatTable(
    columns,
    entries.map(({ seq, at, event, hash }) => [
      String(seq),
      at.slice(0, 19).replace('T', ' '),
      eventName(event),
      'actor' in event ? event.actor : '',
      'candidate' in event ? event.candidate.slice(0, 12) : '',
      'reason' in event ? event.reason : '',
      hash.slice(0, 12),
    ]),
  );
}

function eventName(event: LedgerEntry['event']): string {
  switch (event.kind) {
    case 'gate':
      return `gate: ${event.gate.decision}`;
    case 'promote':
      return `${event.override ? 'override' : 'promote'} to v${event.version}`;
    case 'rollback':
      return `rollback to v${event.from} as v${event.version}`;
    case 'prune':
      return `v${event.version} deleted`;
    case 'void':
      return `v${event.version} given up`;
  }
}

export interface VerifyOptions extends ModelsOptions {
  readonly withStore?: boolean;
}

export async function verifyModels(run: Run, options: VerifyOptions): Promise<ExitCode> {
  const chosen = await openRegistry(run, options);
  const { linesOf, missing } = await storedLines(run, options);
  // Newest line of each model's ledger that the store remembers.
  const compared = new Map<string, number>();
  const found = await perModel(chosen, options, async (model) => {
    const remembered = await linesOf?.(model);
    if (remembered !== undefined) compared.set(model, Math.max(0, ...remembered.map(({ seq }) => seq)));
    return chosen.registry.verify(model, remembered);
  });
  const problems = Object.entries(found).flatMap(([model, list]) =>
    list.map((problem) => ({ model, ...problem })),
  );
  const withStore =
    linesOf === undefined ? { notCompared: missing } : { compared: Object.fromEntries(compared) };
  if (options.json === true) printJson(run, { verified: Object.keys(found), ...withStore, problems });
  else {
    printVerification(run, found, compared);
    if (linesOf === undefined) printLine(run.stdout, `not compared with a store: ${missing}`);
  }
  return problems.length === 0 ? EXIT.done : EXIT.refused;
}

interface StoredLines {
  /** The lines of a model's ledger that the store remembers; absent when there is no store to ask. */
  readonly linesOf?: (model: string) => Promise<readonly LedgerHead[]>;
  /** Why there is none. */
  readonly missing: string;
}

/** The store that the configuration names, if it answers; it has to when it was asked for. */
async function storedLines(run: Run, options: VerifyOptions): Promise<StoredLines> {
  const isRequired = options.withStore === true;
  if (!isRequired && options.registry !== undefined)
    return { missing: '--registry is used without a configuration' };
  const config = await loadRunConfig(run, options);
  const { url, embedded } = config.store;
  // An engine that was never used has nothing to tell, and is not started for that.
  if (!isRequired && url === undefined && !existsSync(embedded.directory))
    return { missing: `there is none yet at ${embedded.directory}` };
  try {
    const { openStore } = await import('../../store/store.ts');
    const opened = await openStore({ ...storeOptionsOf(config, run), migrate: false });
    const store = run.releases.adopt('store', opened);
    const linesOf = async (model: string): Promise<readonly LedgerHead[]> =>
      (await store.listPromotions(model)).map(({ ledgerSeq, ledgerHash }) => ({
        seq: ledgerSeq,
        hash: ledgerHash,
      }));
    await linesOf(config.model.name); // whether it answers shows when it is asked
    return { linesOf, missing: '' };
  } catch (caught) {
    if (isRequired || !(caught instanceof AppError)) throw caught;
    return { missing: caught.message };
  }
}

export interface PruneOptions extends ModelsOptions {
  readonly keep?: number;
  readonly dryRun?: boolean;
  readonly actor?: string;
}

export async function pruneModel(run: Run, options: PruneOptions): Promise<ExitCode> {
  const chosen = await openRegistry(run, options);
  const model = await modelOf(chosen);
  const { dryRun = false } = options;
  const keep = options.keep ?? (await keepOf(run, options));
  const actor = options.actor ?? actorOf(run);
  const versions = await chosen.registry.prune({ model, keep, actor, dryRun });
  if (options.json === true) return printJson(run, { model, keep, dryRun, versions });
  const what = versions.length === 0 ? 'nothing' : `versions ${versions.join(', ')}`;
  printLine(
    run.stdout,
    `${dryRun ? 'would delete' : 'deleted'} ${what} of ${model}; the newest ${keep} stay, and what a rollback needs`,
  );
  return EXIT.done;
}

async function keepOf(run: Run, options: PruneOptions): Promise<number> {
  if (options.registry === undefined) return (await loadRunConfig(run, options)).registry.keep;
  throw new AppError('TEMPER_USAGE', 'expected --keep N, since --registry is used without a configuration');
}

function printVerification(
  run: Run,
  found: Readonly<Record<string, readonly RegistryProblem[]>>,
  compared: ReadonlyMap<string, number>,
): void {
  for (const [model, problems] of Object.entries(found)) {
    if (problems.length === 0) {
      const copy = compared.has(model) ? ', and as the store remembers it' : '';
      printLine(
        run.stdout,
        `${styled(run.stdout, 'green', 'ok')}  ${model}: every file and ledger line is as it was written${copy}`,
      );
      continue;
    }
    printLine(run.stdout, `${styled(run.stdout, 'red', `${problems.length} changed`)}  ${model}`);
    for (const { path, message } of problems) printLine(run.stdout, `    ${path}: ${message}`);
  }
}

export async function promote(run: Run, options: DecisionOptions, candidate: string): Promise<ExitCode> {
  const chosen = await openRegistry(run, options, 'place');
  const model = await modelOf(chosen);
  const { registry } = chosen;
  const override = options.override ?? false;
  const hash = await candidateHash(run, chosen, { model, candidate });
  const gate = (await registry.history(model)).findLast(
    ({ event }) => event.kind === 'gate' && event.candidate === hash,
  )?.event;
  const published = await registry.promote({
    model,
    candidate: hash,
    actor: options.actor ?? actorOf(run),
    reason: reasonOf(options, override ? undefined : 'the gate passed'),
    override,
    ...(gate?.kind === 'gate' && { gate: gate.gate }),
  });
  return announce(run, options, published);
}

/** A candidate by hash (or its unique beginning), or a folder that becomes one. */
async function candidateHash(
  run: Run,
  { registry }: ChosenRegistry,
  { model, candidate }: { readonly model: string; readonly candidate: string },
): Promise<string> {
  const directory = resolve(run.host.cwd, candidate);
  if (!existsSync(resolve(directory, 'model.json'))) return candidate;
  const { modelRefOf } = await import('../../models/artifact.ts');
  const { sha256 } = await modelRefOf(directory);
  const added = await registry.addCandidate({
    model,
    source: { directory },
    sha256,
    lineage: { imported: true },
  });
  return added.hash;
}

export async function rollback(run: Run, options: DecisionOptions): Promise<ExitCode> {
  const chosen = await openRegistry(run, options);
  const published = await chosen.registry.rollback({
    model: await modelOf(chosen),
    actor: options.actor ?? actorOf(run),
    reason: reasonOf(options, undefined),
    ...(options.to !== undefined && { to: options.to }),
  });
  return announce(run, options, published);
}

function reasonOf({ reason }: DecisionOptions, fallback: string | undefined): string {
  const text = reason?.trim() ?? fallback;
  if (text !== undefined && text !== '') return text;
  throw new AppError(
    'TEMPER_USAGE',
    'expected --reason TEXT: the ledger keeps why a version was published by hand, got none',
  );
}

function announce(run: Run, options: ModelsOptions, { model, version, path, ref }: ModelVersion): ExitCode {
  if (options.json === true) return printJson(run, { model, version, path, sha256: ref.sha256 });
  printLine(run.stdout, `${styled(run.stdout, 'green', 'published')} ${model} version ${version} (${path})`);
  return EXIT.done;
}

/** The chosen model, or every model of the registry when nothing chooses. */
async function perModel<T>(
  { registry }: ChosenRegistry,
  { model }: RegistryChoice,
  work: (model: string) => Promise<T>,
): Promise<Record<string, T>> {
  const models = model === undefined ? await registry.models() : [model];
  const found: [string, T][] = [];
  for (const name of models) found.push([name, await work(name)]);
  return Object.fromEntries(found);
}

function printJson(run: Run, value: unknown): ExitCode {
  printLine(run.stdout, JSON.stringify(value, null, 2));
  return EXIT.done;
}
