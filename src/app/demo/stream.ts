import { appendFile } from 'node:fs/promises';
import { loadData } from '../../data/dataset.ts';
import type { StatusReport } from '../../http/status-port.ts';
import type { RequestWithRun } from '../../store/queries/runs.ts';
import type { Store } from '../../store/store.ts';
import { AppError } from '../../domain/errors.ts';
import { DEMO_MODEL } from './config-file.ts';
import { trafficLines } from './traffic.ts';
import { until } from './wait.ts';

const START_MS = Date.UTC(2026, 0, 5, 8);
/** A request every two seconds of event time. */
const STEP_MS = 2000;
const LABEL_DELAY = 40;
const SETTLE_TIMEOUT_MS = 180_000;

export interface StreamOptions {
  readonly path: string;
  readonly store: Store;
  readonly statusUrl: string;
  readonly blockRequests: number;
  readonly ended: readonly Promise<never>[];
}

/** The production stream of the demo: digits as requests, labels behind them, block by block. */
export interface DemoStream {
  /** Appends the next block of a part and waits until all of it is folded. False when the part is used up. */
  appendBlock(part: 1 | 2 | 3, limit: number): Promise<boolean>;
  /** What the sidecar says of itself. */
  status(): Promise<StatusReport>;
  /** Requests that have been appended. */
  requests(): number;
}

export function createDemoStream(options: StreamOptions): DemoStream {
  const used = new Map<number, number>();
  let lines = 0;
  let requests = 0;
  const status = (): Promise<StatusReport> => readStatus(options.statusUrl);
  return {
    status,
    requests: () => requests,
    async appendBlock(part, limit) {
      const data = await loadData(`mnist:stream-${part}`);
      const from = used.get(part) ?? 0;
      const to = Math.min(from + options.blockRequests, limit, data.count);
      if (from >= to) return false;
      const startMs = START_MS + requests * STEP_MS;
      const traffic = {
        data,
        from,
        to,
        prefix: `part${part}`,
        startMs,
        stepMs: STEP_MS,
        labelDelay: LABEL_DELAY,
        model: DEMO_MODEL,
      };
      const block = trafficLines(traffic);
      await appendFile(options.path, `${block.join('\n')}\n`);
      lines += block.length;
      requests += to - from;
      used.set(part, to);
      await untilSettled(options, { lines, status });
      return true;
    },
  };
}

/** All of the stream is in the store, and every sample in the store is folded. */
async function untilSettled(
  { store, ended }: StreamOptions,
  { lines, status }: { lines: number; status: () => Promise<StatusReport> },
): Promise<void> {
  await until(
    async () => {
      const [position] = await store.lastPositions();
      if (position === undefined || position.offset < lines - 1) return undefined;
      const { samples } = await store.countEverything(DEMO_MODEL);
      // A point of the history is drawn when a turn is over: an alarm in it has its request by then.
      const last = (await status()).history.at(-1);
      return last !== undefined && last.fold >= samples ? true : undefined;
    },
    { what: 'the sidecar to fold what was streamed', timeoutMs: SETTLE_TIMEOUT_MS, ended },
  );
}

async function readStatus(url: string): Promise<StatusReport> {
  const response = await fetch(`${url}/api/v1/status`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`the status page answered ${response.status}`);
  return (await response.json()) as StatusReport; // our own sidecar
}

/** The newest run request, when it is newer than `known` requests. */
export async function requestBeyond(store: Store, known: number): Promise<RequestWithRun | undefined> {
  const runs = await store.listRuns(DEMO_MODEL);
  return runs.length > known ? runs.at(-1) : undefined;
}

/** Waits until a request's run was promoted. @throws {AppError} when it failed or was refused */
export async function untilPromoted(
  store: Store,
  requestId: string,
  {
    timeoutMs,
    ended,
    onStage,
  }: { timeoutMs: number; ended: readonly Promise<never>[]; onStage?: (stage: string) => void },
): Promise<number> {
  let stage = '';
  return until(
    async () => {
      const found = (await store.listRuns(DEMO_MODEL)).find(({ request }) => request.requestId === requestId);
      const run = found?.run;
      if (run === undefined) return undefined;
      if (run.stage !== stage) onStage?.((stage = run.stage));
      if (run.state === 'promoted') return (run.detail as { version: number }).version;
      if (run.state === 'claimed') return undefined;
      const { reason } = run.detail as { reason?: string };
      throw new FatalRun(run.state, reason);
    },
    { what: 'the harden worker to promote a version', timeoutMs, everyMs: 200, ended },
  );
}

/** Not asked again: the run is over. */
class FatalRun extends AppError {
  constructor(state: string, reason: string | undefined) {
    super(
      state === 'refused' ? 'TEMPER_GATE_REFUSED' : 'TEMPER_STAGE_FAILED',
      `the run was ${state}: ${reason ?? 'no reason given'}`,
    );
  }
}
