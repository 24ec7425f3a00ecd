import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ClickHouseError, ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { AppError, toError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';
import type { Logger } from '../domain/logger.ts';
import type { Endpoint, EndpointSource } from './endpoint.ts';
import { encodeRows, type Row } from './row-json.ts';

export type Parameters = Readonly<Record<string, unknown>>;

/** The one door to ClickHouse. Values are always bound (`{name:Type}`), never written into SQL. */
export interface Connection {
  /** @param name what the statement is, for errors: `pending_samples` */
  query(name: string, sql: string, parameters?: Parameters): Promise<readonly Row[]>;
  /** Writes rows in one block under a token that is the hash of the rows: a retry is not written twice. */
  insert(table: string, rows: readonly Row[]): Promise<void>;
  command(name: string, sql: string): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly endpoint: EndpointSource;
  readonly database: string;
  readonly logger: Logger;
  readonly requestTimeoutMs?: number;
}

/** Below the server's keep-alive of 3 s: a socket that the server has just closed must not be used again. */
const IDLE_SOCKET_MS = 2500;

/**
 * Opens lazily and again after the server was away: the endpoint is asked anew, since the embedded engine comes back
 * under another port. A connection that broke is tried once more at once, so that an embedded engine that ended because
 * nobody needed it, or a socket that the server had just closed, is no failure. That is safe for everything that is sent
 * through here: reads, inserts with a token, and idempotent definitions.
 */
export function createConnection(options: ConnectionOptions): Connection {
  let current: Promise<ClickHouseClient> | undefined;
  const client = (): Promise<ClickHouseClient> =>
    (current ??= options.endpoint().then((endpoint) => connect(endpoint, options)));
  const forget = (used: Promise<ClickHouseClient>): void => {
    if (current === used) current = undefined;
    used.then((stale) => stale.close()).catch(() => undefined); // it is broken already
  };
  const attempt = async <T>(
    name: string,
    work: (client: ClickHouseClient) => Promise<T>,
    isSecond = false,
  ): Promise<T> => {
    const used = client();
    try {
      return await work(await used);
    } catch (caught) {
      if (caught instanceof ClickHouseError) throw refused(name, caught);
      forget(used);
      if (caught instanceof AppError) throw caught;
      if (isSecond || !isBroken(caught)) throw unreachable(name, caught);
      options.logger.debug({ statement: name, err: toError(caught).message }, 'store_reconnecting');
      return attempt(name, work, true);
    }
  };
  return {
    query: (name, sql, parameters = {}) =>
      attempt(name, async (open) => {
        const result = await open.query({
          query: sql,
          query_params: { ...parameters },
          format: 'JSONEachRow',
        });
        return result.json<Row>();
      }),
    insert: async (table, rows) => {
      if (rows.length === 0) return;
      const block = blockOf(table, rows);
      await attempt(`insert_${table}`, (open) => send(open, block));
    },
    command: (name, sql) =>
      attempt(name, async (open) => {
        await open.command({ query: sql });
      }),
    async close() {
      const open = current;
      current = undefined;
      await (await open?.catch(() => undefined))?.close();
    },
  };
}

interface Block {
  readonly table: string;
  readonly body: Buffer;
  readonly token: string;
}

/** Rows as they travel, with the hash of exactly these: after a crash batches have other borders, so positions would not do. */
function blockOf(table: string, rows: readonly Row[]): Block {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(table)) {
    throw new AppError('TEMPER_STORE_QUERY', `expected the name of a table, got "${table.slice(0, 60)}"`);
  }
  const body = encodeRows(rows);
  return { table, body, token: sha256(`${table} ${sha256(body)}`).slice(0, 40) };
}

async function send(open: ClickHouseClient, { table, body, token }: Block): Promise<void> {
  const { stream } = await open.exec({
    query: `INSERT INTO ${table} FORMAT JSONEachRow`,
    values: Readable.from([body], { objectMode: false }),
    clickhouse_settings: {
      async_insert: 0,
      insert_deduplicate: 1,
      insert_deduplication_token: token,
      date_time_input_format: 'best_effort',
    },
  });
  // The answer is empty, but its socket is free only when it was read.
  await buffer(stream);
}

function connect({ url, username, password }: Endpoint, options: ConnectionOptions): ClickHouseClient {
  return createClient({
    url,
    username,
    password,
    database: options.database,
    request_timeout: options.requestTimeoutMs ?? 60_000,
    max_open_connections: 8,
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS },
    clickhouse_settings: {
      output_format_json_quote_64bit_integers: 0,
      output_format_json_quote_denormals: 1,
    },
    application: 'temper',
    // It would print to the console; every failure is thrown and logged by whoever asked.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

/** Nobody listens, or the connection ended before the answer. A timeout is not among them: it was waited for already. */
const BROKEN = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

function isBroken(caught: unknown): boolean {
  // By its shape: an error of the system may come from another realm, where `instanceof` says no.
  const { code } = Object(caught) as { code?: unknown };
  return typeof code === 'string' && BROKEN.has(code);
}

/** What a ClickHouse refuses now and may accept later: too much at once, no memory, no disk, no quorum, keeper away. */
const PASSING = new Set([
  'TOO_MANY_SIMULTANEOUS_QUERIES',
  'TOO_MANY_PARTS',
  'MEMORY_LIMIT_EXCEEDED',
  'NOT_ENOUGH_SPACE',
  'CANNOT_SCHEDULE_TASK',
  'NETWORK_ERROR',
  'SOCKET_TIMEOUT',
  'NO_FREE_CONNECTION',
  'ALL_CONNECTION_TRIES_FAILED',
  'NO_ZOOKEEPER',
  'KEEPER_EXCEPTION',
  'TABLE_IS_READ_ONLY',
  'TOO_FEW_LIVE_REPLICAS',
  'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE',
  'UNKNOWN_STATUS_OF_INSERT',
  'QUERY_WAS_CANCELLED',
  'ABORTED',
]);

function refused(name: string, error: ClickHouseError): AppError {
  const text = error.message.split('\n')[0]!.slice(0, 500);
  return new AppError(
    'TEMPER_STORE_QUERY',
    `ClickHouse refused ${name}: ${text} (${error.type ?? error.code})`,
    {
      cause: error,
      retryable: error.type !== undefined && PASSING.has(error.type),
      details: { statement: name, code: error.code },
    },
  );
}

function unreachable(name: string, caught: unknown): AppError {
  const error = toError(caught);
  return new AppError('TEMPER_STORE_UNREACHABLE', `ClickHouse does not answer (${name}): ${error.message}`, {
    cause: error,
    retryable: true,
    details: { statement: name },
  });
}
