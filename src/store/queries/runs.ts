import type { RunRequest, RunState } from '../../domain/run.ts';
import type { Connection } from '../connection.ts';
import { numberOf, textOf, timeOf, timeText } from '../rows.ts';

export async function saveRunRequest(connection: Connection, request: RunRequest): Promise<void> {
  await connection.insert('run_requests', [
    {
      model: request.model,
      request_id: request.requestId,
      request: JSON.stringify(request),
      at: timeText(request.requestedAtMs),
    },
  ]);
}

export interface RunRow {
  readonly requestId: string;
  readonly runId: string;
  readonly model: string;
  readonly state: RunState;
  readonly stage: string;
  readonly detail: unknown;
  readonly fence: number;
  readonly atMs: number;
}

export interface RequestWithRun {
  readonly request: RunRequest;
  /** Absent until a worker claimed it. */
  readonly run: RunRow | undefined;
}

/** Every request of a model with its run, oldest first. */
export async function listRuns(connection: Connection, model: string): Promise<RequestWithRun[]> {
  const [requests, runs] = await Promise.all([
    connection.query(
      'list_run_requests',
      'SELECT request FROM run_requests FINAL WHERE model = {model:String} ORDER BY at, request_id',
      {
        model,
      },
    ),
    connection.query('list_runs', 'SELECT * FROM runs FINAL WHERE model = {model:String}', { model }),
  ]);
  const byRequest = new Map(
    runs.map((row): [string, RunRow] => [
      textOf(row, 'request_id'),
      {
        requestId: textOf(row, 'request_id'),
        runId: textOf(row, 'run_id'),
        model,
        state: textOf(row, 'state') as RunState, // written by saveRun alone
        stage: textOf(row, 'stage'),
        detail: JSON.parse(textOf(row, 'detail')) as unknown,
        fence: numberOf(row, 'fence'),
        atMs: timeOf(row, 'at'),
      },
    ]),
  );
  return requests.map((row) => {
    const request = JSON.parse(textOf(row, 'request')) as RunRequest; // written by saveRunRequest alone
    return { request, run: byRequest.get(request.requestId) };
  });
}

export async function saveRun(connection: Connection, run: RunRow): Promise<void> {
  await connection.insert('runs', [
    {
      model: run.model,
      request_id: run.requestId,
      run_id: run.runId,
      state: run.state,
      stage: run.stage,
      detail: JSON.stringify(run.detail),
      fence: run.fence,
      at: timeText(run.atMs),
      written: versionOf(run),
    },
  ]);
}

/** What a later holder of the lock wrote wins, whatever its clock says; among its own rows the later one. */
function versionOf({ fence, atMs }: RunRow): string {
  return ((BigInt(fence) << TIME_BITS) | BigInt(atMs)).toString();
}

/** Milliseconds since the epoch until the year 2109; leaves room for four million fences. */
const TIME_BITS = 42n;

export interface EvaluationRow {
  readonly model: string;
  /** Version, or the hash of a candidate. */
  readonly version: string;
  readonly purpose: string;
  readonly result: unknown;
  readonly atMs: number;
}

export async function saveEvaluation(
  connection: Connection,
  { model, version, purpose, result, atMs }: EvaluationRow,
): Promise<void> {
  await connection.insert('evaluations', [
    { model, version, purpose, result: JSON.stringify(result), at: timeText(atMs) },
  ]);
}

/** Every evaluation of a model, oldest first. */
export async function listEvaluations(connection: Connection, model: string): Promise<EvaluationRow[]> {
  const rows = await connection.query(
    'list_evaluations',
    'SELECT version, purpose, result, at FROM evaluations FINAL WHERE model = {model:String} ORDER BY at, version, purpose',
    { model },
  );
  return rows.map((row) => ({
    model,
    version: textOf(row, 'version'),
    purpose: textOf(row, 'purpose'),
    result: JSON.parse(textOf(row, 'result')) as unknown,
    atMs: timeOf(row, 'at'),
  }));
}

export interface PromotionRow {
  readonly model: string;
  readonly version: number;
  readonly action: string;
  /** The ledger's line and its hash: the copy that the ledger is compared with. */
  readonly ledgerSeq: number;
  readonly ledgerHash: string;
  readonly fence: number;
  readonly atMs: number;
}

export async function savePromotion(connection: Connection, promotion: PromotionRow): Promise<void> {
  const { model, version, action, ledgerSeq, ledgerHash, fence, atMs } = promotion;
  await connection.insert('promotions', [
    {
      model,
      version,
      action,
      ledger_seq: ledgerSeq,
      ledger_hash: ledgerHash,
      fence,
      at: timeText(atMs),
    },
  ]);
}

/** Every promotion of a model, in the order in which versions were published. */
export async function listPromotions(connection: Connection, model: string): Promise<PromotionRow[]> {
  const rows = await connection.query(
    'list_promotions',
    'SELECT * FROM promotions FINAL WHERE model = {model:String} ORDER BY version, at',
    { model },
  );
  return rows.map((row) => ({
    model,
    version: numberOf(row, 'version'),
    action: textOf(row, 'action'),
    ledgerSeq: numberOf(row, 'ledger_seq'),
    ledgerHash: textOf(row, 'ledger_hash'),
    fence: numberOf(row, 'fence'),
    atMs: timeOf(row, 'at'),
  }));
}
