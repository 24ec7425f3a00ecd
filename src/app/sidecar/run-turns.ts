import { AppError, toError } from '../../domain/errors.ts';
import type { Metrics } from '../../http/metrics.ts';
import type { Judge } from '../../monitoring/judge.ts';
import type { ProbeRecord } from '../../probing/slot.ts';
import type { RiskHistory } from './risk-history.ts';
import type { ProbeTally } from './status.ts';
import type { Wake } from '../../domain/wake.ts';
import { requestWhenDue } from './threshold.ts';
import { createTurnMemory, takeTurn, type TurnDependencies, type TurnMemory } from './turn.ts';

export interface TurnLoopOptions {
  readonly turn: TurnDependencies;
  readonly judge: Judge;
  readonly metrics: Metrics;
  readonly probes: ProbeTally;
  readonly history: RiskHistory;
  readonly wake: Wake;
  /** Brings the metrics up to what is known now. */
  readonly showMetrics: () => void;
  readonly signal: AbortSignal;
  readonly onTick: () => void;
}

/** Longest time until the served version and the newest baseline are looked at again, ms. */
const IDLE_MS = 500;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 15_000;

/**
 * Turn after turn until the signal. A retryable failure (served model or store away) waits, longer each time, and takes
 * the same turn again; anything else ends the loop, because nobody knows what state it left.
 */
export async function runTurns(options: TurnLoopOptions): Promise<void> {
  const { signal, judge, turn, wake } = options;
  let memory: TurnMemory | undefined;
  const { logger } = turn.services;
  let failures = 0;
  while (!signal.aborted) {
    try {
      memory ??= await startJudge(options);
      const result = await takeTurn(
        { ...turn, onProbed: (records, seconds) => tally(options, records, seconds) },
        memory,
      );
      await requestWhenDue(turn.services, judge.status(), logger);
      failures = 0;
      options.probes.waiting = result.waiting - result.folded;
      if (result.folded > 0) options.metrics.setLastFold(turn.services.clock.nowMs());
      options.history.record(judge.status());
      options.showMetrics();
      if (result.probed + result.folded === 0) await wake.wait(IDLE_MS);
    } catch (caught) {
      if (!(caught instanceof AppError) || !caught.retryable) throw caught;
      failures++;
      const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
      logger.warn({ err: toError(caught).message, code: caught.code, delayMs }, 'turn_postponed');
      options.showMetrics();
      await wake.wait(delayMs);
    }
    options.onTick();
  }
}

async function startJudge({ judge, turn }: TurnLoopOptions): Promise<TurnMemory> {
  await judge.start();
  return createTurnMemory(judge.status().observed, turn.canaryPlace());
}

function tally(
  { probes, metrics, turn }: TurnLoopOptions,
  records: readonly ProbeRecord[],
  seconds: number,
): void {
  const { services } = turn;
  const names = new Map(services.sentinels.map((recipe, i) => [i, recipe.name]));
  const perRecipe = records.length / Math.max(1, services.sentinels.length);
  records.forEach((record, i) => {
    const result = resultOf(record);
    probes[result]++;
    metrics.countProbes({
      recipe: names.get(Math.floor(i / perRecipe)) ?? 'other',
      role: record.probe.role,
      result,
    });
  });
  probes.lastProbeMs = services.clock.nowMs();
  metrics.setLastProbe(probes.lastProbeMs);
  metrics.observeProbeBatch(seconds);
}

/** Probes of explorers are counted by themselves; the status page's counts are those of the sentinels. */
export function tallyExplored(
  { metrics }: Pick<TurnLoopOptions, 'metrics'>,
  records: readonly ProbeRecord[],
): void {
  for (const record of records)
    metrics.countProbes({ recipe: 'explorer', role: record.probe.role, result: resultOf(record) });
}

function resultOf({ probe: { outcome } }: ProbeRecord): 'broken' | 'held' | 'unprobeable' | 'expired' {
  return outcome.kind === 'done' ? (outcome.measurement.success ? 'broken' : 'held') : outcome.kind;
}
