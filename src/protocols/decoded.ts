/** What a decoder found wrong: enough for a log line, an HTTP error body and a dead letter. */
export interface Problem {
  /** Place in the document, as a path: `instances[3]`, `offset 12`, or `body`. */
  readonly where: string;
  readonly expected: string;
  /** A short print of what was there instead. */
  readonly got: string;
  /** The sentence a server of this protocol answers with. */
  readonly message: string;
}

/** Decoders never throw on bad data: they return what they found, or what was wrong with it. */
export type Decoded<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

export function decoded<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

/** A failed decoding; without a `message` of the protocol's own, the three parts make one. */
export function undecodable(
  problem: Omit<Problem, 'message'> & { readonly message?: string },
): Decoded<never> & { ok: false } {
  const message = `${problem.where}: expected ${problem.expected}, got ${problem.got}`;
  return { ok: false, problem: { message, ...problem } };
}

const PRINTED_CHARACTERS = 120;

/** Lists inside lists are printed so deep; hostile nesting must not exhaust the stack. */
const PRINTED_DEPTH = 4;

/** Short print of a value for messages: JSON text, cut at 120 characters. Never throws. */
export function printed(value: unknown, depth = 0): string {
  const text = printedWhole(value, depth);
  return text.length <= PRINTED_CHARACTERS ? text : `${text.slice(0, PRINTED_CHARACTERS)}…`;
}

function printedWhole(value: unknown, depth: number): string {
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : numberToken(value);
  // A large container is not printed whole only to be cut: its size says more than its first elements.
  if (Array.isArray(value) && (value.length > 16 || depth === PRINTED_DEPTH))
    return `a list of ${value.length} elements`;
  if (Array.isArray(value)) return `[${value.map((member) => printed(member, depth + 1)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const keys = Object.keys(value);
    const shown = keys.slice(0, 8).map((key) => JSON.stringify(key));
    return `an object with keys ${shown.join(', ') || '(none)'}${keys.length > 8 ? ', …' : ''}`;
  }
  if (typeof value === 'bigint') return `${value}`;
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/** The token that TensorFlow Serving writes for a number that JSON has none for. */
export function numberToken(value: number): 'NaN' | 'Infinity' | '-Infinity' {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}
