import type { Interval } from '../domain/interval.ts';
import type { StageName } from '../domain/run.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { Cause, VerdictKind } from '../domain/verdict.ts';

/** One input before and after an attack, as a gallery shows it. */
export interface AdversarialExample {
  /** Shape [features], in the model's range. */
  readonly clean: Float32Array;
  readonly adversarial: Float32Array;
  /** Served class on the clean and on the adversarial input. */
  readonly predictionBefore: number;
  readonly predictionAfter: number;
  /** Distance in the threat model's norm. */
  readonly distance: number;
  /** True class, when it is known. */
  readonly label?: number;
  readonly sampleId?: string;
}

/** Examples of one phase, e.g. "baseline model: 40 of 50 samples misread". */
export interface Gallery {
  readonly title: string;
  readonly caption: string;
  /** Shape of one input: [height, width, channels]. */
  readonly inputShape: readonly number[];
  readonly range: readonly [number, number];
  readonly examples: readonly AdversarialExample[];
}

/** A version of the registry, in the order of promotion. */
export interface StoryVersion {
  readonly version: string;
  /** Few words for people: `trained clean`, `hardened`, `careless fine-tune`. */
  readonly name: string;
  /** Whether it passed the gate, was shipped around it, or came before there was one. */
  readonly arrival: 'first' | 'gated' | 'around the gate';
  /** Folded samples when it began to serve. */
  readonly sinceSample: number;
  readonly cleanAccuracy: Interval;
  /** Worst case under the evaluation's attacks. */
  readonly robustAccuracy: Interval;
  /** What was evaluated: `mnist:test, 500 inputs, apgd-ce + square-1000`. */
  readonly evaluatedOn: string;
}

/** The served risk at one point of the stream. */
export interface RiskPoint {
  /** Samples folded so far: the report's clock. */
  readonly sample: number;
  /** Mean loss 1 − min(d, ε)/ε of the sentinel, with its confidence sequence or a running window's interval. */
  readonly risk: Interval;
  /** Version that served then. */
  readonly version: string;
  readonly verdict: VerdictKind;
  /** Present once the version has a baseline. */
  readonly baselineUpper?: number;
  /** Level above which a version is degraded or breached then. */
  readonly limit: number;
}

export const STORY_EVENTS = [
  'promoted',
  'shipped',
  'alarm',
  'run_requested',
  'recovered',
  'baseline',
] as const;
export type StoryEventKind = (typeof STORY_EVENTS)[number];

export interface StoryEvent {
  readonly sample: number;
  readonly kind: StoryEventKind;
  /** Short, for the chart: `v2 promoted`, `alarm: model_changed`. */
  readonly label: string;
}

export interface StoryAlarm {
  readonly id: string;
  readonly sample: number;
  readonly verdict: VerdictKind;
  readonly cause: Cause;
  readonly samplesSinceChange: number;
  readonly version: string;
  readonly risk: Interval;
  readonly baselineUpper?: number;
  readonly limit: number;
  /** `name@id` of the sentinel. */
  readonly recipe: string;
  /** What was measured to name the cause: one row each. */
  readonly evidence: readonly { readonly name: string; readonly finding: string; readonly value: string }[];
}

/** One epoch of training. */
export interface StoryEpoch {
  /** From 1. */
  readonly epoch: number;
  /** Epsilon at the end of the epoch, in input units. */
  readonly epsilon: number;
  readonly loss: number;
  /** On the validation split, in [0, 1]; absent when not measured in this epoch. */
  readonly cleanAccuracy?: number;
  readonly robustAccuracy?: number;
  readonly seconds?: number;
}

/** One execution of the hardening pipeline. */
export interface StoryRun {
  readonly runId: string;
  readonly reason: string;
  readonly startedAtSample: number;
  readonly outcome: 'promoted' | 'refused' | 'failed';
  /** Version it promoted, when it did. */
  readonly version?: string;
  readonly stages: readonly { readonly stage: StageName; readonly seconds: number; readonly note?: string }[];
  readonly epochs: readonly StoryEpoch[];
  readonly gate: readonly {
    /** `robust accuracy, lower limit`. */
    readonly rule: string;
    readonly required: string;
    readonly got: string;
    readonly passed: boolean;
  }[];
}

/** The full evaluation of the last version. */
export interface StoryEvaluation {
  readonly version: string;
  readonly data: string;
  readonly cleanAccuracy: Interval;
  readonly worstCase: Interval;
  readonly attacks: readonly {
    readonly recipe: string;
    readonly robustAccuracy: Interval;
    readonly seconds?: number;
  }[];
}

/** Everything the demo's report shows. Plain data: the report computes nothing but its pictures. */
export interface DemoStory {
  readonly scenario: string;
  readonly seed: number;
  readonly engine: string;
  /** Wall time of the whole demo. */
  readonly seconds: number;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  readonly model: string;
  readonly threatModel: ThreatModel;
  /** `name@id` of the sentinel whose risk is drawn. */
  readonly sentinel: string;
  readonly versions: readonly StoryVersion[];
  readonly risk: readonly RiskPoint[];
  readonly events: readonly StoryEvent[];
  readonly alarm: StoryAlarm | null;
  readonly recovered: boolean;
  readonly finalVerdict: VerdictKind;
  readonly runs: readonly StoryRun[];
  readonly evaluation?: StoryEvaluation;
  readonly galleries: readonly Gallery[];
  readonly counts: {
    readonly events: number;
    readonly sampled: number;
    readonly probes: number;
    readonly deadLetters: number;
    readonly servedQueries?: number;
  };
  /** Seconds per phase of the demo, in order. */
  readonly timings: readonly { readonly phase: string; readonly seconds: number }[];
}
