import type { Connection } from '../connection.ts';
import { textOf, timeOf, timeText } from '../rows.ts';

/** One degradation event that a channel has not settled. */
export interface DueAlert {
  readonly channel: string;
  readonly alarmId: string;
  readonly status: string;
  /** JSON, as it was saved. */
  readonly event: string;
  readonly atMs: number;
}

export interface DueQuery {
  readonly model: string;
  readonly channels: readonly string[];
  /** Events saved at or after, ms since the Unix epoch. */
  readonly sinceMs: number;
}

/** Events that a channel has neither delivered nor given up, oldest first, an alarm's firing before its resolved. */
export async function dueAlerts(connection: Connection, query: DueQuery): Promise<DueAlert[]> {
  const { model, channels, sinceMs } = query;
  const rows = await connection.query(
    'due_alerts',
    `SELECT channel, alarm_id, status, event, at
     FROM (SELECT * FROM alerts FINAL WHERE model = {model:String} AND at >= {since:DateTime64(3, 'UTC')}) AS raised
     ARRAY JOIN {channels:Array(String)} AS channel
     WHERE (alarm_id, status, channel) NOT IN
       (SELECT alarm_id, status, channel FROM alert_deliveries WHERE model = {model:String})
     ORDER BY at, alarm_id, status, channel`,
    { model, channels, since: timeText(sinceMs) },
  );
  return rows.map((row) => ({
    channel: textOf(row, 'channel'),
    alarmId: textOf(row, 'alarm_id'),
    status: textOf(row, 'status'),
    event: textOf(row, 'event'),
    atMs: timeOf(row, 'at'),
  }));
}

export interface DeliveryRow {
  readonly model: string;
  readonly alarmId: string;
  readonly status: string;
  readonly channel: string;
  readonly outcome: 'delivered' | 'abandoned';
}

export async function saveDelivery(
  connection: Connection,
  { model, alarmId, status, channel, outcome }: DeliveryRow,
  atMs: number,
): Promise<void> {
  await connection.insert('alert_deliveries', [
    { model, alarm_id: alarmId, status, channel, outcome, at: timeText(atMs) },
  ]);
}
