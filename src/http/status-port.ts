import type { Interval } from '../domain/interval.ts';
import type { RunState, StageName, Trigger } from '../domain/run.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { AlertmanagerNotification } from '../protocols/alertmanager.ts';
import type { Cause, Verdict } from '../domain/verdict.ts';
import type { IngestStatus } from '../ingest/totals.ts';

/** One fold of the first sentinel, as the chart shows it. */
export interface RiskPoint {
  /** Number of the fold since the monitors began. */
  readonly fold: number;
  readonly timeMs: number;
  readonly version: string;
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  /** Upper bound of the baseline at that time. */
  readonly baselineUpper?: number | undefined;
}

/** A sentinel's risk; the judge's own status fits. */
export interface SentinelReport {
  readonly recipe: string;
  /** Mean loss, valid at all times at once. */
  readonly risk: Interval;
  /** Share of inputs broken within epsilon. */
  readonly binaryRisk: Interval;
  readonly baseline?: { readonly upper: number; readonly risk: Interval } | undefined;
}

/** How close a change detector is to its alarm; the judge's own status fits. */
export interface MonitorReport {
  readonly name: string;
  readonly recipe?: string | undefined;
  readonly logValue: number;
  readonly logThreshold: number;
  readonly firing: boolean;
}

/** An alarm; the judge's own fits. */
export interface AlarmReport {
  readonly id: string;
  readonly status: 'firing' | 'resolved';
  readonly severity: 'warning' | 'critical';
  readonly monitor: string;
  readonly cause?: Cause | undefined;
  readonly recipe?: string | undefined;
  readonly version: string;
  readonly risk: Interval;
  readonly limit: number;
  readonly sinceMs: number;
  readonly raisedAtMs: number;
  readonly samplesSinceChange: number;
  readonly resolvedAtMs?: number | undefined;
  readonly resolvedBy?: string | undefined;
}

export interface RunReport {
  readonly requestId: string;
  readonly trigger: Trigger;
  readonly reason: string;
  readonly state: 'waiting' | RunState;
  /** Stage under way, of a claimed run. */
  readonly stage?: StageName | undefined;
  readonly requestedAtMs: number;
  readonly finishedAtMs?: number | undefined;
  /** Version that came out of it, or why none did. */
  readonly result?: string | undefined;
}

export interface VersionReport {
  readonly version: string;
  /** Whether this is what is served now. */
  readonly serving: boolean;
  /** How it got into production: `gated`, `override`, `rollback`, `imported` … */
  readonly arrival: string;
  readonly atMs: number;
  readonly cleanAccuracy?: Interval | undefined;
  readonly robustAccuracy?: Interval | undefined;
}

export interface ProbeReport {
  /** Whether probes are sent to the served model, and if not, why. */
  readonly enabled: boolean;
  readonly note?: string | undefined;
  readonly broken: number;
  readonly held: number;
  readonly unprobeable: number;
  readonly expired: number;
  /** Samples without a terminal outcome. */
  readonly waiting: number;
  readonly servedQueries: number;
  /** Share of the query budget that is left, in [0, 1]. */
  readonly budgetRemaining?: number | undefined;
  readonly lastProbeMs?: number | undefined;
}

export interface CanaryReport {
  readonly count: number;
  readonly rounds: number;
  readonly lastRoundMs?: number | undefined;
  /** Whether served scores differ from the gated version's beyond rounding. */
  readonly changed: boolean;
  /** Share of labelled canaries that the served model misreads. */
  readonly labelErrorRate?: number | undefined;
}

/** Where recipes that were never tried before come from; the feed's own entries fit. */
export interface FeedReport {
  /** File name in the folder, or URL. */
  readonly source: string;
  readonly state: 'in rotation' | 'refused' | 'unreachable';
  /** Why it was refused or cannot be reached. */
  readonly reason?: string | undefined;
  readonly pack?:
    | {
        readonly name: string;
        readonly version: string;
        readonly sha256: string;
        readonly signedBy?: string | undefined;
        /** Recipes that are tried, and those that do not suit the threat model. */
        readonly recipes: number;
        readonly unsuited: number;
      }
    | undefined;
  readonly sinceMs: number;
}

/** Everything that a person sees on the status page, as JSON at /api/v1/status. */
export interface StatusReport {
  readonly generatedAtMs: number;
  readonly startedAtMs: number;
  readonly build: { readonly version: string; readonly engine: string };
  readonly model: { readonly name: string; readonly servedVersion?: string | undefined };
  readonly threatModel: Pick<ThreatModel, 'norm' | 'epsilon' | 'access'>;
  readonly verdict: Verdict;
  /** Oldest first, a few hundred at most. */
  readonly history: readonly RiskPoint[];
  readonly sentinels: readonly SentinelReport[];
  readonly monitors: readonly MonitorReport[];
  /** Events folded since the version or the baseline began, and in all. */
  readonly folds: number;
  readonly foldsInAll: number;
  readonly samplesSinceChange: number;
  /** Share of probes without a measurement among the recent ones. */
  readonly missingShare?: number | undefined;
  readonly replica?: { readonly compared: number; readonly agreed: number } | undefined;
  readonly ingest: IngestStatus;
  readonly probes: ProbeReport;
  readonly canaries?: CanaryReport | undefined;
  /** Recipes that are tried beside the sentinels, as name@id, and the sources that bring new ones. */
  readonly explorers?:
    { readonly rotation: readonly string[]; readonly feed: readonly FeedReport[] } | undefined;
  readonly alarms: readonly AlarmReport[];
  readonly runs: readonly RunReport[];
  readonly versions: readonly VersionReport[];
}

export interface StatusPort {
  status(): Promise<StatusReport>;
}

/** A production input that was broken, before and after. */
export interface AdversarialExample {
  readonly sampleId: string;
  readonly recipe: string;
  readonly version: string;
  readonly eventTimeMs: number;
  readonly label?: number | undefined;
  readonly predictionBefore: number;
  readonly predictionAfter: number;
  readonly distance: number;
  /** Shape of one input; [height, width], [height, width, 1] and [height, width, 3] are shown as pictures. */
  readonly shape: readonly number[];
  readonly range: readonly [number, number];
  readonly original: Float32Array;
  readonly adversarial: Float32Array;
}

export interface ExamplesPort {
  /** The most recent ones, newest first, at most `limit`. */
  recentExamples(limit: number): Promise<readonly AdversarialExample[]>;
}

/** Who asks for something, and why: kept in the record. */
export interface ActionRequest {
  readonly actor: string;
  readonly reason: string;
}

/** What a person may set off over HTTP. */
export interface ActionsPort {
  /** Ends the latch of a verdict whose cause is known. */
  acknowledge(request: ActionRequest): Promise<void>;
  requestRun(request: ActionRequest): Promise<{ readonly requestId: string }>;
  /** Asks for a run because of alerts that fire; the same notification twice asks once. */
  answerAlerts(notification: AlertmanagerNotification): Promise<readonly object[]>;
}

export interface HealthPort {
  /** When the loop last showed a sign of life; undefined before the first. */
  lastTickMs(): number | undefined;
  /** Whether the process does its work, and if not, what is missing. */
  readiness(): { readonly ready: true } | { readonly ready: false; readonly reason: string };
}
