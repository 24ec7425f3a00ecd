import { AppError } from '../../domain/errors.ts';
import type { Connection } from '../connection.ts';
import { numberOf, textOf, timeText } from '../rows.ts';

/** An entry of the fold log; `payload` is JSON whose meaning belongs to the monitoring room. */
export interface FoldLogRow {
  readonly seq: number;
  readonly kind: string;
  readonly payload: string;
}

/**
 * Appends entries under the judge's fence.
 * @throws {AppError} TEMPER_REGISTRY_FENCED when a later judge has written
 */
export async function appendFoldLog(
  connection: Connection,
  { model, fence, rows, atMs }: { model: string; fence: number; rows: readonly FoldLogRow[]; atMs: number },
): Promise<void> {
  const [latest] = await connection.query(
    'fold_log_fence',
    'SELECT max(fence) AS fence FROM fold_log WHERE model = {model:String}',
    { model },
  );
  const held = numberOf(latest!, 'fence');
  if (held > fence) {
    throw new AppError(
      'TEMPER_REGISTRY_FENCED',
      `a later judge (fence ${held}) writes the fold log of ${model}; this one has ${fence}`,
    );
  }
  await connection.insert(
    'fold_log',
    rows.map((row) => ({ model, ...row, fence, at: timeText(atMs) })),
  );
}

/** Entries from a number on, one per number: a judge with a higher fence wins where two wrote the same number. */
export async function readFoldLog(
  connection: Connection,
  { model, from, limit }: { model: string; from: number; limit: number },
): Promise<FoldLogRow[]> {
  const rows = await connection.query(
    'read_fold_log',
    `SELECT seq, argMax(kind, fence) AS kind, argMax(payload, fence) AS payload FROM fold_log
     WHERE model = {model:String} AND seq >= {from:UInt64} GROUP BY seq ORDER BY seq LIMIT {limit:UInt32}`,
    { model, from, limit },
  );
  return rows.map((row) => ({
    seq: numberOf(row, 'seq'),
    kind: textOf(row, 'kind'),
    payload: textOf(row, 'payload'),
  }));
}

export async function saveVerdict(
  connection: Connection,
  { model, seq, verdict, atMs }: { model: string; seq: number; verdict: unknown; atMs: number },
): Promise<void> {
  await connection.insert('verdicts', [{ model, seq, verdict: JSON.stringify(verdict), at: timeText(atMs) }]);
}

/** Degradation events, at most one per alarm and status. */
export async function saveAlert(
  connection: Connection,
  alert: { model: string; alarmId: string; status: string; event: unknown; atMs: number },
): Promise<void> {
  const { model, alarmId, status, event, atMs } = alert;
  await connection.insert('alerts', [
    { model, alarm_id: alarmId, status, event: JSON.stringify(event), at: timeText(atMs) },
  ]);
}

export async function listAlerts(connection: Connection, model: string): Promise<unknown[]> {
  const rows = await connection.query(
    'list_alerts',
    'SELECT event FROM alerts FINAL WHERE model = {model:String} ORDER BY at',
    {
      model,
    },
  );
  return rows.map((row) => JSON.parse(textOf(row, 'event')) as unknown);
}

export interface BaselineRow {
  readonly model: string;
  readonly version: number;
  readonly recipeId: string;
  readonly baseline: unknown;
}

export async function saveBaselines(
  connection: Connection,
  rows: readonly BaselineRow[],
  atMs: number,
): Promise<void> {
  await connection.insert(
    'baselines',
    rows.map(({ model, version, recipeId, baseline }) => ({
      model,
      version,
      recipe_id: recipeId,
      baseline: JSON.stringify(baseline),
      at: timeText(atMs),
    })),
  );
}

/** The baselines of the highest version that has any, one per sentinel. */
export async function latestBaselines(connection: Connection, model: string): Promise<unknown[]> {
  const rows = await connection.query(
    'latest_baselines',
    `SELECT baseline FROM baselines FINAL WHERE model = {model:String}
       AND version = (SELECT max(version) FROM baselines WHERE model = {model:String}) ORDER BY recipe_id`,
    { model },
  );
  return rows.map((row) => JSON.parse(textOf(row, 'baseline')) as unknown);
}

export interface CanarySetRow {
  readonly model: string;
  readonly setId: string;
  readonly version: string;
  /** JSON; its meaning belongs to the probing room. */
  readonly content: string;
}

export async function saveCanarySet(connection: Connection, set: CanarySetRow, atMs: number): Promise<void> {
  const { model, setId, version, content } = set;
  await connection.insert('canary_sets', [{ model, set_id: setId, version, content, at: timeText(atMs) }]);
}

export async function loadCanarySet(
  connection: Connection,
  model: string,
  setId: string,
): Promise<string | undefined> {
  const [row] = await connection.query(
    'load_canary_set',
    'SELECT content FROM canary_sets FINAL WHERE model = {model:String} AND set_id = {id:String}',
    { model, id: setId },
  );
  return row === undefined ? undefined : textOf(row, 'content');
}
