import { parametersOf, type ParameterValue } from './parameters.ts';

/** What a request of the official client asks for, as the embedded engine takes it. */
export type Statement = SqlStatement | InsertStatement;

/** One statement as text, everything in it. */
export interface SqlStatement {
  readonly kind: 'sql';
  readonly sql: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly database: string | undefined;
}

/** Rows that stay bytes from the socket to the engine's parser: half the time and memory of rows in a text. */
export interface InsertStatement {
  readonly kind: 'insert';
  readonly table: string;
  readonly columns: readonly string[] | undefined;
  readonly format: RawFormat;
  readonly settings: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
  readonly database: string | undefined;
}

/** Formats whose bytes the engine takes as they are. */
export const RAW_FORMATS = ['JSONEachRow', 'JSONCompactEachRow', 'CSV', 'TabSeparated'] as const;
export type RawFormat = (typeof RAW_FORMATS)[number];

/** Settings that only an HTTP server knows; the embedded engine would refuse them. */
const HTTP_ONLY = new Set([
  'wait_end_of_query',
  'enable_http_compression',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
]);
/** Parameters of the interface itself, not settings. */
const RESERVED = new Set([
  'query',
  'query_id',
  'database',
  'session_id',
  'role',
  'default_format',
  'user',
  'password',
]);

/**
 * Puts settings into the statement's own text. Never into the session: the engine would keep them for whoever asks next
 * (a deduplication token of one insert would drop another's rows).
 */
export function statementOf(search: URLSearchParams, body: Uint8Array): Statement {
  const query = search.get('query');
  const text = query ?? decode(body);
  const settings = settingsOf(search);
  const database = search.get('database') ?? undefined;
  const insert = query === null ? undefined : insertOf(query);
  if (insert !== undefined) return { kind: 'insert', ...insert, settings, data: body, database };
  return {
    kind: 'sql',
    sql: withSettings(text, settings, query === null ? '' : decode(body)),
    parameters: parametersOf(search, text),
    database,
  };
}

const INSERT = /^\s*INSERT\s+INTO\s+([\w.]+)\s*(?:\(([\w\s,]+)\))?\s+FORMAT\s+(\w+)\s*$/i;

/** The parts of a plain `INSERT INTO table (columns) FORMAT name`; undefined for any other statement. */
function insertOf(
  query: string,
): { table: string; columns: readonly string[] | undefined; format: RawFormat } | undefined {
  const [, table, columns, name] = INSERT.exec(query) ?? [];
  const format = RAW_FORMATS.find((known) => known === name);
  if (table === undefined || format === undefined) return undefined;
  return { table, columns: columns?.split(',').map((column) => column.trim()), format };
}

function settingsOf(search: URLSearchParams): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [key, value] of search) {
    if (key.startsWith('param_') || RESERVED.has(key) || HTTP_ONLY.has(key)) continue;
    settings[identifier(key)] = value;
  }
  return settings;
}

function withSettings(text: string, settings: Readonly<Record<string, string>>, data: string): string {
  const list = Object.entries(settings)
    .map(([key, value]) => `${key}=${literal(value)}`)
    .join(', ');
  const insert = /^\s*INSERT\s+INTO\s+[\s\S]*?(?=\s+FORMAT\s+\w+\s*$)/i.exec(text);
  if (insert !== null) {
    const format = text.slice(insert[0].length).trim();
    return `${insert[0]}${list === '' ? '' : ` SETTINGS ${list}`} ${format}\n${data}`;
  }
  const takesSettings = /^\s*(SELECT|WITH)\b/i.test(text);
  return takesSettings && list !== '' ? `${text}\nSETTINGS ${list}` : text;
}

function decode(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/i.test(name))
    throw new Error(`expected a setting's name, got "${name.slice(0, 60)}"`);
  return name;
}

function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
