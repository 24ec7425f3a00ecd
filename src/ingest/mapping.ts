/** Where the parts of an event stand in JSON that somebody designed for themselves. */
export interface EventMapping {
  /** Each a path: `payload.features`, `rows[0].x`, or a JSON pointer `/payload/features`. */
  readonly input?: string | undefined;
  readonly id?: string | undefined;
  readonly prediction?: string | undefined;
  readonly label?: string | undefined;
  readonly time?: string | undefined;
  readonly model?: string | undefined;
  readonly version?: string | undefined;
  /** Whether input, prediction and label are lists with one entry per row. Default false: one input per event. */
  readonly batch?: boolean | undefined;
  /** What a time that is a number counts, since the Unix epoch. Default ms. */
  readonly timeUnit?: 's' | 'ms' | undefined;
}

export type JsonPath = readonly string[];

/** Members that lead to a value; undefined when the text is no path. An index is a member of a list. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (text.startsWith('/'))
    return text
      .slice(1)
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (!/^[^.[\]]+(?:\.[^.[\]]+|\[\d{1,9}\])*$/.test(text)) return undefined;
  return text.replaceAll('[', '.').replaceAll(']', '').split('.');
}

/** The value at a path, or undefined. Own members only, so that no path reaches a prototype. */
export function valueAt(value: unknown, path: JsonPath): unknown {
  let inner = value;
  for (const name of path) {
    if (inner === null || typeof inner !== 'object') return undefined;
    // A list's own members are its indexes and its length, which is no value of the document.
    if (!Object.hasOwn(inner, name) || (Array.isArray(inner) && name === 'length')) return undefined;
    inner = (inner as Readonly<Record<string, unknown>>)[name];
  }
  return inner ?? undefined;
}
