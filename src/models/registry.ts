/**
 * The model registry: a folder of immutable versions that servers can poll, with a ledger that says who published what
 * and why. Candidates lie outside the folders that servers poll, because a server loads any integer it sees.
 *
 *   <registry>/<model>/<version>/            model files, manifest.json, READY: renamed into place whole
 *   <registry>/<model>/current               the version that serves, replaced atomically
 *   <registry>/<model>/ledger.jsonl          one line per event, each with the hash of the line before
 *   <registry>/.candidates/<model>/<hash>/   not published yet
 *   <registry>/.locks/<model>/               who writes, with a fencing number
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/hashing.ts';
import { silentLogger } from '../domain/logger.ts';
import { appendLedger, readSoundLedger, type GateDecision, type LedgerEntry } from './ledger.ts';
import { withLock, type Lock } from './lock.ts';
import { copyFiles, describeFile, isErrno, namesIn, sync, type FileEntry } from './registry-files.ts';
import { layoutOf, modelsIn, type ModelLayout } from './registry-layout.ts';
import { candidateHash, MANIFEST, manifestText, READY, type Manifest } from './registry-manifest.ts';
import { prune } from './registry-prune.ts';
import {
  fallbackOf,
  nextVersion,
  publicationsOf,
  publish,
  recoverModel,
  stageCopy,
} from './registry-publish.ts';
import type { PublicationEntry, Publishing, PublishStep, Repair } from './registry-publish.ts';
import { findCurrent, listVersions, notFound, openCandidate, openVersion } from './registry-read.ts';
import type {
  RegistryOptions,
  Candidate,
  ModelVersion,
  VersionSummary,
  CandidateRequest,
  Decision,
  PromoteRequest,
  RollbackRequest,
  PruneRequest,
  Registry,
} from './registry-types.ts';
import { verifyModel, type LedgerHead, type RegistryProblem } from './registry-verify.ts';

export type {
  GateDecision,
  LedgerEntry,
  LedgerHead,
  Manifest,
  PublishStep,
  RegistryProblem,
  Repair,
  RegistryOptions,
  Candidate,
  ModelVersion,
  VersionSummary,
  CandidateRequest,
  PromoteRequest,
  RollbackRequest,
  PruneRequest,
  Registry,
};

export function createRegistry(options: RegistryOptions): Registry {
  const directory = resolve(options.directory);
  const layout = (model: string): ModelLayout => layoutOf(directory, model);
  // Every operation is async, so that a bad model name rejects instead of throwing.
  const locked = async <T>(model: string, work: (publishing: Publishing) => Promise<T>): Promise<T> =>
    underLock(options, layout(model), work);
  const summaries = async (model: string): Promise<VersionSummary[]> => listVersions(layout(model));
  const version: Registry['version'] = async (model, n) => openVersion(layout(model), n);
  const currentVersion: Registry['currentVersion'] = async (model) => findCurrent(layout(model));
  return {
    directory,
    models: () => modelsIn(directory),
    versions: summaries,
    version,
    currentVersion,
    async current(model) {
      const n = await currentVersion(model);
      if (n === undefined) throw notFound(`model ${model} has no version yet in ${directory}`);
      return version(model, n);
    },
    async lastGated(model) {
      const gated = (await summaries(model)).findLast((summary) => summary.gated);
      return gated === undefined ? undefined : version(model, gated.version);
    },
    addCandidate: async (request) => addCandidate(layout(request.model), request),
    candidate: async (model, hash) => openCandidate(layout(model), hash),
    recordGate: (request) => locked(request.model, (publishing) => recordGate(publishing, request)),
    promote: (request) => locked(request.model, (publishing) => promote(publishing, request)),
    rollback: (request) => locked(request.model, (publishing) => rollback(publishing, request)),
    prune: (request) => locked(request.model, (publishing) => prune(publishing, request)),
    recover: (model) => locked(model, recoverModel),
    history: async (model) => readSoundLedger(layout(model).ledger),
    async head(model) {
      const last = (await readSoundLedger(layout(model).ledger)).at(-1);
      return last === undefined ? undefined : { seq: last.seq, hash: last.hash };
    },
    verify: async (model, remembered) => verifyModel(layout(model), remembered),
  };
}

async function underLock<T>(
  { clock, logger = silentLogger, owner = 'registry', ...options }: RegistryOptions,
  layout: ModelLayout,
  work: (publishing: Publishing) => Promise<T>,
): Promise<T> {
  await mkdir(layout.home, { recursive: true });
  const lockOptions = {
    directory: layout.locks,
    name: layout.model,
    owner,
    clock,
    // The ledger remembers fences even if the lock's folder was lost.
    aboveFence: (await readSoundLedger(layout.ledger)).at(-1)?.fence ?? 0,
    ...(options.lockWaitMs === undefined ? {} : { waitMs: options.lockWaitMs }),
    ...(options.lockExpiryMs === undefined ? {} : { expiryMs: options.lockExpiryMs }),
  };
  return withLock(lockOptions, (lock: Lock) => work({ layout, lock, clock, logger, onStep: options.onStep }));
}

async function addCandidate(layout: ModelLayout, request: CandidateRequest): Promise<Candidate> {
  const staging = join(layout.candidates, `.staging-${randomUUID()}`);
  try {
    await fill(staging, request.source);
    const files: Record<string, FileEntry> = {};
    for (const name of await namesIn(staging)) files[name] = await describeFile(join(staging, name));
    const manifest: Manifest = {
      schema: 'temper/model/1',
      model: layout.model,
      sha256: request.sha256,
      files,
      lineage: plainJson(request.lineage),
      evaluation: plainJson(request.evaluation),
    };
    const hash = candidateHash(manifest);
    await writeFile(join(staging, MANIFEST), manifestText(manifest), { flush: true });
    await sync(staging);
    await renameUnlessThere(staging, layout.candidate(hash));
    await sync(layout.candidates);
    return await openCandidate(layout, hash);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function fill(staging: string, source: CandidateRequest['source']): Promise<void> {
  await mkdir(staging, { recursive: true });
  if ('directory' in source) {
    const own = new Set([MANIFEST, READY]);
    const names = (await namesIn(source.directory)).filter((name) => !own.has(name));
    if (names.length === 0) throw notFound(`expected a model's files in ${source.directory}, got none`);
    return copyFiles(source.directory, staging, names);
  }
  for (const [name, content] of Object.entries(source.files))
    await writeFile(join(staging, name), content, { flush: true });
}

/** Equal content is already there: the fresh copy is dropped. */
async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (caught) {
    if (!isErrno(caught, 'ENOTEMPTY', 'EEXIST')) throw caught;
  }
}

async function recordGate(
  { layout, lock, clock }: Publishing,
  { candidate, actor, runId, gate }: Parameters<Registry['recordGate']>[0],
): Promise<LedgerEntry> {
  const known = (await readSoundLedger(layout.ledger)).find(
    ({ event }) =>
      event.kind === 'gate' && runId !== undefined && event.runId === runId && event.candidate === candidate,
  );
  const event = { kind: 'gate' as const, candidate, actor, gate, ...(runId === undefined ? {} : { runId }) };
  return known ?? appendLedger({ path: layout.ledger, lock, clock }, event);
}

async function promote(publishing: Publishing, request: PromoteRequest): Promise<ModelVersion> {
  const { layout } = publishing;
  checkDecision(request);
  checkGate(request);
  await recoverModel(publishing);
  const entries = await readSoundLedger(layout.ledger);
  const done = ofRun(entries, request);
  if (done?.event.candidate === request.candidate) return openVersion(layout, done.event.version);
  const { candidate, actor, reason, runId, gate, override = false } = request;
  const version = await nextVersion(layout, entries);
  await publish(publishing, {
    kind: 'promote',
    version,
    candidate,
    actor,
    reason,
    override,
    ...(runId === undefined ? {} : { runId }),
    ...(gate === undefined ? {} : { gate }),
  });
  publishing.logger.info({ model: layout.model, version, candidate, actor, override }, 'model_promoted');
  return openVersion(layout, version);
}

async function rollback(publishing: Publishing, request: RollbackRequest): Promise<ModelVersion> {
  const { layout } = publishing;
  checkDecision(request);
  await recoverModel(publishing);
  const entries = await readSoundLedger(layout.ledger);
  const done = ofRun(entries, request);
  if (done?.event.kind === 'rollback') return openVersion(layout, done.event.version);
  const target = rollbackTarget(layout, publicationsOf(entries), request.to);
  const { version: from, candidate } = target.event;
  await stageCopy(layout, from, candidate);
  const version = await nextVersion(layout, entries);
  const { actor, reason, runId } = request;
  const event = { kind: 'rollback' as const, version, candidate, actor, reason, from };
  await publish(publishing, { ...event, ...(runId === undefined ? {} : { runId }) });
  publishing.logger.info({ model: layout.model, version, from, actor }, 'model_rolled_back');
  return openVersion(layout, version);
}

function rollbackTarget(
  { model }: ModelLayout,
  publications: readonly PublicationEntry[],
  to: number | undefined,
): PublicationEntry {
  const serving = publications.at(-1);
  const target =
    to === undefined
      ? serving && fallbackOf(publications, serving)
      : publications.find(({ event }) => event.version === to);
  if (target !== undefined) return target;
  const known = publications.map(({ event }) => event.version).join(', ') || 'none';
  throw notFound(
    `expected ${to === undefined ? 'an earlier version with other content' : `version ${to}`} of model ${model} to go back to; published versions: ${known}`,
  );
}

function ofRun(entries: readonly LedgerEntry[], { runId }: Decision): PublicationEntry | undefined {
  if (runId === undefined) return undefined;
  return publicationsOf(entries).findLast(({ event }) => event.runId === runId);
}

function checkDecision({ actor, reason }: Decision): void {
  if (actor.trim() !== '' && reason.trim() !== '') return;
  throw new AppError(
    'TEMPER_USAGE',
    `expected an actor and a reason for the ledger, got actor ${JSON.stringify(actor)} and reason ${JSON.stringify(reason)}`,
  );
}

function checkGate({ candidate, gate, override = false, model }: PromoteRequest): void {
  if (override || gate?.decision === 'pass') return;
  throw new AppError(
    'TEMPER_GATE_REFUSED',
    `expected candidate ${candidate} of model ${model} to have passed the gate, but ` +
      `${gate === undefined ? 'no gate was asked' : 'the gate refused it'}. Publish it anyway with an override, an actor and a reason.`,
    { details: { model, candidate } },
  );
}

function plainJson(value: Readonly<Record<string, unknown>> = {}): Manifest['lineage'] {
  return JSON.parse(canonicalJson(value)) as Manifest['lineage'];
}
