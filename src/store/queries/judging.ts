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

/**
 * Entries from a number on, one per number, without gaps. What a judge wrote after a later one had taken over is left out:
 * its fence is lower than that of an entry before it, or of one with the same number.
 *
 * @throws {AppError} TEMPER_FOLD_LOG_BROKEN when a number is missing, or has two contents under one fence
 */
export async function readFoldLog(
  connection: Connection,
  { model, from, limit }: { model: string; from: number; limit: number },
): Promise<FoldLogRow[]> {
  const rows = await connection.query(
    'read_fold_log',
    `SELECT seq, fence, any(kind) AS one_kind, any(payload) AS one_payload, uniqExact(kind, payload) AS contents,
       (SELECT max(fence) FROM fold_log WHERE model = {model:String} AND seq < {from:UInt64}) AS floor
     FROM fold_log WHERE model = {model:String} AND seq >= {from:UInt64}
     GROUP BY seq, fence ORDER BY seq, fence DESC LIMIT {limit:UInt32}`,
    { model, from, limit },
  );
  const entries: FoldLogRow[] = [];
  let floor = rows[0] === undefined ? 0 : numberOf(rows[0], 'floor');
  for (const row of rows) {
    const seq = numberOf(row, 'seq');
    if (numberOf(row, 'fence') < floor || seq === entries.at(-1)?.seq) continue;
    floor = numberOf(row, 'fence');
    if (seq !== from + entries.length)
      throw broken(model, `expected entry ${from + entries.length}, got ${seq}`);
    if (numberOf(row, 'contents') !== 1)
      throw broken(model, `entry ${seq} has two contents under fence ${floor}`);
    entries.push({ seq, kind: textOf(row, 'one_kind'), payload: textOf(row, 'one_payload') });
  }
  return entries;
}

function broken(model: string, what: string): AppError {
  return new AppError(
    'TEMPER_FOLD_LOG_BROKEN',
    `fold log of ${model}: ${what}; the judge cannot go on without knowing what was folded`,
  );
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
