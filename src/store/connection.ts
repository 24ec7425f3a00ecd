import { ClickHouseError, ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { AppError, toError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';
import type { Logger } from '../domain/logger.ts';
import type { Endpoint, EndpointSource } from './endpoint.ts';

export type Row = Readonly<Record<string, unknown>>;
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
 * under another port.
 */
export function createConnection(options: ConnectionOptions): Connection {
  let current: Promise<ClickHouseClient> | undefined;
  const client = (): Promise<ClickHouseClient> => {
    current ??= options.endpoint().then((endpoint) => connect(endpoint, options));
    return current;
  };
  const attempt = async <T>(name: string, work: (client: ClickHouseClient) => Promise<T>): Promise<T> => {
    const used = client();
    try {
      return await work(await used);
    } catch (caught) {
      if (caught instanceof ClickHouseError) throw refused(name, caught);
      if (current === used) current = undefined;
      used.then((stale) => stale.close()).catch(() => undefined); // it is broken already
      throw caught instanceof AppError ? caught : unreachable(name, caught);
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
      await attempt(`insert_${table}`, (open) =>
        open.insert({
          table,
          values: rows,
          format: 'JSONEachRow',
          clickhouse_settings: {
            async_insert: 0,
            insert_deduplicate: 1,
            insert_deduplication_token: tokenOf(table, rows),
            date_time_input_format: 'best_effort',
          },
        }),
      );
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

/** Hash of the exact rows: after a crash batches have other borders, so positions would not do. */
function tokenOf(table: string, rows: readonly Row[]): string {
  return sha256(JSON.stringify([table, rows])).slice(0, 40);
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
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    application: 'temper',
    // It would print to the console; every failure is thrown and logged by whoever asked.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

function refused(name: string, error: ClickHouseError): AppError {
  const text = error.message.split('\n')[0]!.slice(0, 500);
  return new AppError(
    'TEMPER_STORE_QUERY',
    `ClickHouse refused ${name}: ${text} (${error.type ?? error.code})`,
    {
      cause: error,
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
