import { randomUUID } from 'node:crypto';
import type { Clock } from '../domain/clock.ts';
import type { Running } from '../domain/lifecycle.ts';
import type { Logger } from '../domain/logger.ts';
import type { Position } from '../domain/position.ts';
import type { RunRequest } from '../domain/run.ts';
import type { Sample } from '../domain/sample.ts';
import { createConnection, type Connection } from './connection.ts';
import { openStoreProcess } from './embedded/open.ts';
import type { EndpointSource } from './endpoint.ts';
import { clusterClause, migrate, type TableEngine } from './migrate.ts';
import * as deliveries from './queries/deliveries.ts';
import * as ingest from './queries/ingest.ts';
import * as judging from './queries/judging.ts';
import { countOrphans, type OrphanCounts, type OrphanQuery } from './queries/orphans.ts';
import * as probes from './queries/probes.ts';
import type { ProbeRow } from './queries/probe-rows.ts';
import * as runs from './queries/runs.ts';
import { createWriter, type Writer } from './writer.ts';

export interface StoreOptions {
  /** A ClickHouse server; absent: the embedded engine in `directory`. */
  readonly url?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly database: string;
  readonly embedded: { readonly directory: string; readonly idleSeconds: number };
  /** How tables are made; absent: on one server. */
  readonly tables?: TableEngine | undefined;
  /** Whether the database is made and migrations are applied. Default true. */
  readonly migrate?: boolean | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Everything that lasts, by name. One file of SQL per family lies in queries/. */
export interface Store {
  readonly connection: Connection;
  saveIngest(batch: ingest.IngestBatch): Promise<void>;
  lastPositions(): Promise<Position[]>;
  countEverything(model: string): Promise<ingest.StoreCounts>;
  countOrphans(query: OrphanQuery): Promise<OrphanCounts[]>;
  saveProbes(rows: readonly ProbeRow[]): Promise<void>;
  unfoldedSamples(query: probes.UnfoldedQuery): Promise<probes.UnfoldedSample[]>;
  recentSamples(model: string, frozen: Readonly<Record<string, number>>, limit: number): Promise<Sample[]>;
  labelledSamples: LabelledReader;
  labelledAdversarials: LabelledReader;
  recentExamples(query: Parameters<typeof probes.recentExamples>[1]): Promise<probes.StoredExample[]>;
  appendFoldLog(model: string, fence: number, rows: readonly judging.FoldLogRow[]): Promise<void>;
  readFoldLog(model: string, from: number, limit: number): Promise<judging.FoldLogRow[]>;
  saveVerdict(model: string, seq: number, verdict: unknown): Promise<void>;
  saveAlert(alert: { model: string; alarmId: string; status: string; event: unknown }): Promise<void>;
  listAlerts(model: string): Promise<unknown[]>;
  dueAlerts(query: deliveries.DueQuery): Promise<deliveries.DueAlert[]>;
  saveDelivery(delivery: deliveries.DeliveryRow): Promise<void>;
  saveBaselines(rows: readonly judging.BaselineRow[]): Promise<void>;
  latestBaselines(model: string): Promise<unknown[]>;
  saveCanarySet(set: judging.CanarySetRow): Promise<void>;
  loadCanarySet(model: string, setId: string): Promise<string | undefined>;
  saveRunRequest(request: RunRequest): Promise<void>;
  listRuns(model: string): Promise<runs.RequestWithRun[]>;
  saveRun(run: Omit<runs.RunRow, 'atMs'>): Promise<void>;
  saveEvaluation(evaluation: Omit<runs.EvaluationRow, 'atMs'>): Promise<void>;
  listEvaluations(model: string): Promise<runs.EvaluationRow[]>;
  savePromotion(promotion: Omit<runs.PromotionRow, 'atMs'>): Promise<void>;
  listPromotions(model: string): Promise<runs.PromotionRow[]>;
}

/** @param newest at most so many of each partition, default 20,000 */
type LabelledReader = (
  model: string,
  frozen: Readonly<Record<string, number>>,
  newest?: number,
) => Promise<probes.LabelledInput[]>;

/** The sidecar waits for its writes, so what they wait for company is short. */
const FLUSH_MS = 20;

/**
 * Opens the store, makes its database and applies migrations.
 * @throws {AppError} TEMPER_STORE_UNREACHABLE | TEMPER_STORE_EMBEDDED | TEMPER_STORE_MIGRATION
 */
export async function openStore(options: StoreOptions): Promise<Running<Store>> {
  const { database, logger, tables, clock } = options;
  const endpoint = endpointSource(options);
  const isMigrated = options.migrate ?? true;
  if (isMigrated) await createDatabase(endpoint, options);
  const connection = createConnection({ endpoint, database, logger });
  try {
    const applied = isMigrated ? await migrate(connection, { engine: tables }) : [];
    if (applied.length > 0) logger.info({ migrations: applied }, 'store_migrated');
  } catch (caught) {
    await connection.close();
    throw caught;
  }
  const writer = createWriter({ connection, logger, identity: randomUUID(), flushMs: FLUSH_MS });
  let stopping: Promise<void> | undefined;
  return {
    value: storeOn({ connection, writer, clock }),
    stop: () => (stopping ??= writer.close().finally(() => connection.close())),
  };
}

/** Where the store answers: constant for a server, found or started for the embedded engine. */
export function endpointSource({
  url,
  username,
  password,
  embedded,
}: Pick<StoreOptions, 'url' | 'username' | 'password' | 'embedded'>): EndpointSource {
  if (url !== undefined)
    return () => Promise.resolve({ url, username: username ?? 'default', password: password ?? '' });
  return () => openStoreProcess(embedded);
}

async function createDatabase(
  endpoint: EndpointSource,
  { database, logger, tables }: StoreOptions,
): Promise<void> {
  const connection = createConnection({ endpoint, database: 'default', logger });
  try {
    const place = clusterClause(tables);
    await connection.command('create_database', `CREATE DATABASE IF NOT EXISTS \`${database}\` ${place}`);
  } finally {
    await connection.close();
  }
}

interface Parts {
  readonly connection: Connection;
  readonly writer: Writer;
  readonly clock: Clock;
}

/** Facts that come in numbers go through the writer; what is rare and must be seen at once goes straight. */
function storeOn({ connection, writer, clock }: Parts): Store {
  const now = (): number => clock.nowMs();
  return {
    connection,
    saveIngest: (batch) => ingest.saveIngest(writer, batch),
    lastPositions: () => ingest.lastPositions(connection),
    countEverything: (model) => ingest.countEverything(connection, model),
    countOrphans: (query) => countOrphans(connection, query),
    saveProbes: (rows) => probes.saveProbes(writer, rows, now()),
    unfoldedSamples: (query) => probes.unfoldedSamples(connection, query),
    recentSamples: (model, frozen, limit) => probes.recentSamples(connection, model, frozen, limit),
    labelledSamples: (model, frozen, newest) => probes.labelledSamples(connection, { model, frozen, newest }),
    labelledAdversarials: (model, frozen, newest) =>
      probes.labelledAdversarials(connection, { model, frozen, newest }),
    recentExamples: (query) => probes.recentExamples(connection, query),
    appendFoldLog: (model, fence, rows) =>
      judging.appendFoldLog(connection, { model, fence, rows, atMs: now() }),
    readFoldLog: (model, from, limit) => judging.readFoldLog(connection, { model, from, limit }),
    saveVerdict: (model, seq, verdict) =>
      judging.saveVerdict(connection, { model, seq, verdict, atMs: now() }),
    saveAlert: (alert) => judging.saveAlert(connection, { ...alert, atMs: now() }),
    listAlerts: (model) => judging.listAlerts(connection, model),
    dueAlerts: (query) => deliveries.dueAlerts(connection, query),
    saveDelivery: (delivery) => deliveries.saveDelivery(connection, delivery, now()),
    saveBaselines: (rows) => judging.saveBaselines(connection, rows, now()),
    latestBaselines: (model) => judging.latestBaselines(connection, model),
    saveCanarySet: (set) => judging.saveCanarySet(connection, set, now()),
    loadCanarySet: (model, setId) => judging.loadCanarySet(connection, model, setId),
    saveRunRequest: (request) => runs.saveRunRequest(connection, request),
    listRuns: (model) => runs.listRuns(connection, model),
    saveRun: (run) => runs.saveRun(connection, { ...run, atMs: now() }),
    saveEvaluation: (evaluation) => runs.saveEvaluation(connection, { ...evaluation, atMs: now() }),
    listEvaluations: (model) => runs.listEvaluations(connection, model),
    savePromotion: (promotion) => runs.savePromotion(connection, { ...promotion, atMs: now() }),
    listPromotions: (model) => runs.listPromotions(connection, model),
  };
}
