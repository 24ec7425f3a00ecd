/**
 * Keeps probing from being felt by those who use the served model. Two parts, both judged by the answers to probes alone:
 *
 * - pacing: probe requests go one after another, and are under way for a small share of the time at most, so that few
 *   production requests ever meet one. A request has as many rows as the server takes in about the time of one row.
 * - pause: when the answers take much longer than they usually do, or too many of them fail, probing stops for a while,
 *   and for twice as long each time that it was no better after.
 */
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import type { Ending } from './circuit-breaker.ts';
import type { LoadGuardConfig } from './config.ts';
import { throwIfAborted, type Sleep } from './served-rate.ts';

export interface LoadGuard {
  /** How many rows the next request may have, at most `limit`. */
  rows(limit: number): number;
  /**
   * Waits for its turn. The caller sends, and says how it ended.
   * @throws {AppError} TEMPER_TARGET_PAUSED (retryable, `retryAtMs` in its details) | TEMPER_INTERRUPTED
   */
  enter(rows: number, signal?: AbortSignal): Promise<(ending: Ending) => void>;
  state(): LoadGuardState;
  /** Forgets what is usual: another version is served. */
  reset(): void;
}

export interface LoadGuardState {
  readonly isPaused: boolean;
  /** Median time of the last requests, ms; undefined before the first were judged. */
  readonly latencyMs: number | undefined;
}

export interface LoadGuardOptions {
  readonly config: LoadGuardConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sleep: Sleep;
  /** Milliseconds of a clock that is never set. Default: the process's own. */
  readonly elapsedMs?: () => number;
}

/** Windows whose medians say what is usual. */
const REMEMBERED_WINDOWS = 20;
/** Requests that are judged after a pause: enough to see whether it is better, few in case it is not. */
const TRIAL_WINDOW = 4;
/** One request in so many is of a single row, and says how long that takes now. */
const SINGLE_ROW_EVERY = 16;
/** The first request to a server that has just started takes long, and says nothing. */
const FEWEST_SINGLES = 3;
const REMEMBERED_SINGLES = 9;

export function createLoadGuard(options: LoadGuardOptions): LoadGuard {
  const { config, clock, sleep, elapsedMs = () => performance.now() } = options;
  if (!config.enabled) return NO_GUARD;
  const pauses = createPauses(options);
  const sizes = createSizes(config.stretch);
  let last: Promise<void> = Promise.resolve();
  let freeAtMs = -Infinity;
  const takeTurn = async (signal: AbortSignal | undefined): Promise<void> => {
    pauses.check();
    const waitMs = freeAtMs - elapsedMs();
    if (waitMs > 0) await sleep(waitMs, signal).catch(() => undefined);
    throwIfAborted(signal);
  };
  return {
    rows: (limit) => sizes.next(limit),
    async enter(rows, signal) {
      const before = last;
      let leave: () => void = () => undefined;
      last = new Promise((resolve) => (leave = resolve));
      await before;
      try {
        await takeTurn(signal);
      } catch (caught) {
        leave();
        throw caught;
      }
      const startMs = elapsedMs();
      return (ending) => {
        const latencyMs = elapsedMs() - startMs;
        freeAtMs = elapsedMs() + latencyMs * (1 / config.share - 1);
        if (ending === 'success') sizes.observe(rows, latencyMs);
        pauses.observe(latencyMs, ending);
        leave();
      };
    },
    state: () => ({ isPaused: pauses.untilMs() > clock.nowMs(), latencyMs: pauses.latencyMs() }),
    reset() {
      pauses.reset();
      sizes.reset();
    },
  };
}

const NO_GUARD: LoadGuard = {
  rows: (limit) => limit,
  enter: () => Promise.resolve(() => undefined),
  state: () => ({ isPaused: false, latencyMs: undefined }),
  reset: () => undefined,
};

interface Pauses {
  check(): void;
  observe(latencyMs: number, ending: Ending): void;
  untilMs(): number;
  latencyMs(): number | undefined;
  reset(): void;
}

/** Judges windows of requests: their median time against the least of the last medians, and the share that failed. */
function createPauses({ config, clock, logger }: LoadGuardOptions): Pauses {
  let latencies: number[] = [];
  let failures = 0;
  let seen = 0;
  let usual: number[] = [];
  let recent: number | undefined;
  let until = -Infinity;
  let pauseMs = config.pauseMs;
  let isOnTrial = false;
  const trip = (reason: PauseReason, facts: object): void => {
    until = clock.nowMs() + pauseMs;
    logger.warn({ reason, ...facts, pauseMs }, 'probing_paused_for_load');
    pauseMs = Math.max(config.pauseMs, Math.min(2 * pauseMs, config.maxPauseMs));
    isOnTrial = true;
  };
  const judge = (): void => {
    const usualMs = Math.min(...usual);
    const errorRatio = failures / seen;
    if (latencies.length > 0) recent = median(latencies);
    const isSlow =
      recent !== undefined &&
      (recent > config.latencyRatio * usualMs || recent > (config.latencyMs ?? Infinity));
    if (recent !== undefined && latencies.length > 0) usual = [...usual, recent].slice(-REMEMBERED_WINDOWS);
    latencies = [];
    [failures, seen] = [0, 0];
    if (errorRatio > config.errorRatio) trip('errors', { errorRatio });
    else if (isSlow) trip('latency', { latencyMs: recent, usualMs });
    else {
      isOnTrial = false;
      pauseMs = config.pauseMs;
    }
  };
  return {
    check() {
      if (clock.nowMs() < until) throw pausedForLoad(until);
    },
    observe(latencyMs, ending) {
      if (ending === 'neutral') return;
      seen++;
      if (ending === 'failure') failures++;
      else latencies.push(latencyMs);
      const isHopeless = failures > config.errorRatio * config.window;
      if (seen >= (isOnTrial ? TRIAL_WINDOW : config.window) || isHopeless) judge();
    },
    untilMs: () => until,
    latencyMs: () => recent,
    reset() {
      usual = [];
      latencies = [];
    },
  };
}

type PauseReason = 'latency' | 'errors';

function pausedForLoad(retryAtMs: number): AppError {
  return new AppError(
    'TEMPER_TARGET_PAUSED',
    `the served model answers slowly or with errors, so probing leaves it alone until ${new Date(retryAtMs).toISOString()}. ` +
      'It resumes by itself; served.loadGuard sets the bounds.',
    { retryable: true, details: { reason: 'load', retryAtMs } },
  );
}

interface Sizes {
  next(limit: number): number;
  observe(rows: number, latencyMs: number): void;
  reset(): void;
}

/** Rows per request: more while a request takes at most `stretch` times as long as a single row, half as many when it takes longer. */
function createSizes(stretch: number): Sizes {
  let rows = 1;
  let isGrowingFast = true;
  let requests = 0;
  let singles: number[] = [];
  return {
    next(limit) {
      const isMeasuring = singles.length < FEWEST_SINGLES || requests++ % SINGLE_ROW_EVERY === 0;
      return isMeasuring ? 1 : Math.min(limit, rows);
    },
    observe(sent, latencyMs) {
      if (sent === 1) singles = [...singles, latencyMs].slice(-REMEMBERED_SINGLES);
      if (sent > 1 && latencyMs > stretch * Math.min(...singles)) {
        rows = Math.max(1, Math.floor(sent / 2));
        isGrowingFast = false;
      } else if (sent === rows) rows = isGrowingFast ? 2 * rows : rows + 1;
    },
    reset() {
      rows = 1;
      isGrowingFast = true;
      singles = [];
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}
