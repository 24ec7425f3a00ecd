import type { RunRequest, RunState } from '../../domain/run.ts';
import type { Connection } from '../connection.ts';
import { numberOf, textOf, timeText } from '../rows.ts';

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
        atMs: numberOf(row, 'written'),
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
      written: run.atMs,
    },
  ]);
}

export async function saveEvaluation(
  connection: Connection,
  {
    model,
    version,
    purpose,
    result,
    atMs,
  }: { model: string; version: string; purpose: string; result: unknown; atMs: number },
): Promise<void> {
  await connection.insert('evaluations', [
    { model, version, purpose, result: JSON.stringify(result), at: timeText(atMs) },
  ]);
}
