import type { Clock } from '../domain/clock.ts';
import type { Logger } from '../domain/logger.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { GateDecision, LedgerEntry } from './ledger.ts';
import type { Manifest } from './registry-manifest.ts';
import type { PublishStep, Repair } from './registry-publish.ts';
import type { LedgerHead, RegistryProblem } from './registry-verify.ts';

export interface RegistryOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Who writes, in words for people: shown to whoever waits for the lock. */
  readonly owner?: string;
  readonly lockWaitMs?: number;
  readonly lockExpiryMs?: number;
  /** Called after each step of a publication. */
  readonly onStep?: (step: PublishStep) => void;
}

export interface Candidate {
  readonly model: string;
  /** Content address, 32 hex digits. */
  readonly hash: string;
  readonly path: string;
  readonly manifest: Manifest;
}

export interface ModelVersion {
  readonly model: string;
  readonly version: number;
  readonly path: string;
  readonly ref: ModelRef;
  readonly manifest: Manifest;
}

export interface VersionSummary {
  readonly version: number;
  readonly kind: 'promote' | 'rollback';
  readonly candidate: string;
  /** When it was published, RFC 3339. */
  readonly at: string;
  readonly actor: string;
  readonly reason: string;
  readonly runId?: string;
  /** Whether this content passed a gate, now or when it was first published. */
  readonly gated: boolean;
  readonly current: boolean;
  /** The version whose content this is, after a rollback. */
  readonly from?: number;
}

export interface CandidateRequest {
  readonly model: string;
  /** Every file at the top of this folder is copied, or the given contents are written. */
  readonly source: { readonly directory: string } | { readonly files: Readonly<Record<string, Uint8Array>> };
  /** ModelRef.sha256. */
  readonly sha256: string;
  readonly lineage?: Readonly<Record<string, unknown>>;
  readonly evaluation?: Readonly<Record<string, unknown>>;
}

export interface Decision {
  readonly model: string;
  /** Person or process that decided. */
  readonly actor: string;
  readonly reason: string;
  /** Publishing twice for one run is one version. */
  readonly runId?: string;
}

export interface PromoteRequest extends Decision {
  readonly candidate: string;
  readonly gate?: GateDecision;
  /** Publish whatever the gate says, or without asking it (an import, a forced update). Actor and reason answer for it. */
  readonly override?: boolean;
}

export interface RollbackRequest extends Decision {
  /** Default: the newest earlier version with other content. */
  readonly to?: number;
}

export interface PruneRequest {
  readonly model: string;
  /** How many of the newest versions stay, at least 1. */
  readonly keep: number;
  readonly actor: string;
  /** Says what would be deleted, and deletes nothing. Default false. */
  readonly dryRun?: boolean;
}

export interface Registry {
  readonly directory: string;
  models(): Promise<string[]>;
  /** Ascending. */
  versions(model: string): Promise<VersionSummary[]>;
  /** The version number that serves now; undefined before the first promotion. Cheap: servers poll it. */
  currentVersion(model: string): Promise<number | undefined>;
  /** @throws {AppError} TEMPER_MODEL_NOT_FOUND */
  current(model: string): Promise<ModelVersion>;
  /** @throws {AppError} TEMPER_MODEL_NOT_FOUND */
  version(model: string, version: number): Promise<ModelVersion>;
  /** The newest version whose content passed a gate: the champion. */
  lastGated(model: string): Promise<ModelVersion | undefined>;
  /** Stores a model where no server sees it. Equal content has an equal hash, and adding it again changes nothing. */
  addCandidate(request: CandidateRequest): Promise<Candidate>;
  candidate(model: string, hash: string): Promise<Candidate>;
  /** Writes a gate's decision, pass or fail, into the ledger; once per run and candidate. */
  recordGate(
    request: Omit<Decision, 'reason'> & { candidate: string; gate: GateDecision },
  ): Promise<LedgerEntry>;
  /** @throws {AppError} TEMPER_GATE_REFUSED | TEMPER_REGISTRY_LOCKED | TEMPER_REGISTRY_FENCED | TEMPER_MODEL_CORRUPT | TEMPER_MODEL_NOT_FOUND | TEMPER_LEDGER_BROKEN */
  promote(request: PromoteRequest): Promise<ModelVersion>;
  rollback(request: RollbackRequest): Promise<ModelVersion>;
  /** Deletes the files of old versions, except those that serve, lead or may be rolled back to; returns their numbers. */
  prune(request: PruneRequest): Promise<number[]>;
  /** Repairs what a crash left; done by itself before every promotion and rollback. */
  recover(model: string): Promise<Repair[]>;
  /** @throws {AppError} TEMPER_LEDGER_BROKEN */
  history(model: string): Promise<readonly LedgerEntry[]>;
  /** Last line of the ledger, to be remembered elsewhere; undefined when it is empty. */
  head(model: string): Promise<LedgerHead | undefined>;
  /** Empty when everything is as it was written, and as the store remembers it if its lines are given. */
  verify(model: string, remembered?: readonly LedgerHead[]): Promise<RegistryProblem[]>;
}
