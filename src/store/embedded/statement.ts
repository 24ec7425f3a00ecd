/** What a request of the official client asks for, as one SQL statement for the embedded engine. */
export interface Statement {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly database: string | undefined;
}

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
export function statementOf(search: URLSearchParams, body: string): Statement {
  const query = search.get('query');
  const text = query === null ? body : query;
  const data = query === null ? '' : body;
  const parameters: Record<string, string> = {};
  const settings: [string, string][] = [];
  for (const [key, value] of search) {
    if (key.startsWith('param_')) parameters[key.slice('param_'.length)] = value;
    else if (!RESERVED.has(key) && !HTTP_ONLY.has(key)) settings.push([key, value]);
  }
  for (const name of stringParameters(text)) {
    if (parameters[name] !== undefined) parameters[name] = unescape(parameters[name]);
  }
  return {
    sql: withSettings(text, settings, data),
    parameters,
    database: search.get('database') ?? undefined,
  };
}

function withSettings(text: string, settings: readonly [string, string][], data: string): string {
  const list = settings.map(([key, value]) => `${identifier(key)}=${literal(value)}`).join(', ');
  const insert = /^\s*INSERT\s+INTO\s+[\s\S]*?(?=\s+FORMAT\s+\w+\s*$)/i.exec(text);
  if (insert !== null) {
    const format = text.slice(insert[0].length).trim();
    return `${insert[0]}${list === '' ? '' : ` SETTINGS ${list}`} ${format}\n${data}`;
  }
  const takesSettings = /^\s*(SELECT|WITH)\b/i.test(text);
  return takesSettings && list !== '' ? `${text}\nSETTINGS ${list}` : text;
}

function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/i.test(name))
    throw new Error(`expected a setting's name, got "${name.slice(0, 60)}"`);
  return name;
}

function literal(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Parameters declared as `{name:String}`. */
function stringParameters(sql: string): string[] {
  return [...sql.matchAll(/\{\s*(\w+)\s*:\s*String\s*\}/g)].map(([, name]) => name!);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '0': '\0' };

/** The client escapes text as a server expects it in a URL; the engine binds text as it is. */
function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_, character: string) => ESCAPES[character] ?? character);
}
