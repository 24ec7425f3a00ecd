import type { Interval } from '../../domain/interval.ts';

/** `demo/out/summary.json`: what the demo came to, for scripts. Additions are fine, changes are breaking. */
export interface DemoSummary {
  readonly schema: 'temper/demo/1';
  readonly scenario: string;
  readonly seed: number;
  readonly engine: string;
  readonly seconds: number;
  readonly versions: readonly {
    readonly version: string;
    readonly clean_accuracy: Interval;
    readonly robust_accuracy: Interval;
  }[];
  /** Upper bound of the mean loss that the first gated version's baseline gave. */
  readonly baseline_risk: number;
  /** The alarm after the careless update. */
  readonly alarm: { readonly cause: string; readonly samples_since_change: number } | null;
  readonly recovered: boolean;
  readonly counts: {
    readonly events: number;
    readonly sampled: number;
    readonly probes: number;
    readonly dead_letters: number;
  };
  /** Largest resident memory of all processes together, bytes; 0 where it cannot be measured. */
  readonly peak_memory_bytes: number;
}
