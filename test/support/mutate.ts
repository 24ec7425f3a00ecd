/** Mutations of messages for fuzz tests: of bytes, of JSON values by their place, of headers and keys. */
import { gzipSync } from 'node:zlib';

import type { Rng } from '../../src/domain/rng.ts';

export interface FuzzMessage {
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: Uint8Array | undefined;
}

/** A message that is one to four mutations away from one of the corpus. */
export function mutate(message: FuzzMessage, corpus: readonly FuzzMessage[], rng: Rng): FuzzMessage {
  let { value, headers, key } = message;
  for (let left = 1 + rng.below(4); left > 0; left--) {
    const other = pick(corpus, rng);
    const kind = rng.below(10);
    if (kind < 4) value = mutateBytes(value, other.value, rng);
    else if (kind < 8) value = mutateJson(value, rng);
    else if (kind === 8) headers = mutateHeaders(headers, other.headers, rng);
    else key = rng.below(2) === 0 ? undefined : mutateBytes(key ?? Buffer.from('key'), other.value, rng);
  }
  return { value, headers, key };
}

function pick<T>(list: readonly T[], rng: Rng): T {
  return list[rng.below(list.length)]!;
}

/** Lengths, counts and tags that parsers stumble over. */
const PIECES = [
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [0x00],
  [0x7f],
  [0x1f, 0x8b, 0x08],
  [0x2a, 0x00, 0x2a, 0x00],
  [0x0b],
  [...Buffer.from('{"')],
  [...Buffer.from('[[[[')],
  [...Buffer.from('\\ud800')],
  [...Buffer.from('__proto__')],
];

const MAX_BYTES = 64 * 1024;

function mutateBytes(bytes: Uint8Array, other: Uint8Array, rng: Rng): Uint8Array {
  const at = rng.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + rng.below(32));
  const [before, within, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (rng.below(9)) {
    case 0: {
      const copy = Uint8Array.from(bytes);
      if (at < copy.length) copy[at]! ^= 1 << rng.below(8);
      return copy;
    }
    case 1:
      return before;
    case 2:
      return Buffer.concat([before, after]);
    case 3:
      return Buffer.concat([before, within, within, within, after]).subarray(0, MAX_BYTES);
    case 4:
      return Buffer.concat([before, Uint8Array.from(pick(PIECES, rng)), after]);
    case 5:
      return Buffer.concat([before, Uint8Array.from(pick(PIECES, rng)), bytes.subarray(at)]);
    case 6:
      return Buffer.concat([before, other.subarray(rng.below(other.length + 1))]).subarray(0, MAX_BYTES);
    case 7:
      return gzipSync(bytes, { level: 1 }).subarray(0, rng.below(4) === 0 ? at : undefined);
    default:
      return Uint8Array.from({ length: rng.below(64) }, () => rng.below(256));
  }
}

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

/** Texts of JSON values, some of which JSON.parse refuses and some that it should have refused. */
const VALUES = [
  'null',
  'true',
  '""',
  '0',
  '-0',
  '-1',
  '0.5',
  '1e999',
  '1e-400',
  'NaN',
  '-Infinity',
  '9007199254740993',
  '18446744073709551616',
  '2147483648',
  '[]',
  '{}',
  '[[]]',
  '[0,0,0,0]',
  '[[0,0,0,0],[0,0]]',
  '[1e9,1e9,1e9]',
  '[4294967296,4294967296]',
  '["-1"]',
  '{"b64":"AAAA"}',
  '{"b64":7}',
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  '"\\u0000"',
  '"FP32"',
  '"BYTES"',
  '"2026-02-30T25:61:61Z"',
  '[{"name":"x","shape":[4],"datatype":"FP32","data":[0,0,0,0]}]',
  '[{"name":"x","shape":[0,4],"datatype":"INT64","data":[]}]',
  '[{"name":"x","shape":[1,4],"datatype":"BYTES","parameters":{"binary_data_size":4294967295}}]',
  deep(200),
  deep(3000),
] as const;

const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'id',
  'inputs',
  'outputs',
  'instances',
  'label',
  'row',
  'data',
  'shape',
] as const;

/** Replaces, doubles, removes or renames at one place of a JSON document; bytes that are none are returned as they are. */
function mutateJson(bytes: Uint8Array, rng: Rng): Uint8Array {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return mutateBytes(bytes, bytes, rng);
  }
  const places = placesOf(document);
  const place = pick(places, rng);
  const text = textOf(document, place, rng);
  return Buffer.from(text.slice(0, MAX_BYTES));
}

type Path = readonly (string | number)[];

/** Up to 200 places, breadth first, so that large tensors do not crowd the rest out. */
function placesOf(document: unknown): Path[] {
  const places: Path[] = [[]];
  const waiting: [Path, unknown][] = [[[], document]];
  for (let i = 0; i < waiting.length && places.length < 200; i++) {
    const [path, value] = waiting[i]!;
    if (value === null || typeof value !== 'object') continue;
    for (const [name, member] of Object.entries(value).slice(0, 12)) {
      const inner = [...path, Array.isArray(value) ? Number(name) : name];
      if (inner.length > 6) continue;
      places.push(inner);
      waiting.push([inner, member]);
    }
  }
  return places;
}

function textOf(value: unknown, place: Path, rng: Rng): string {
  const [step, ...rest] = place;
  if (step === undefined) return pick(VALUES, rng);
  const isLast = rest.length === 0;
  const action = isLast ? rng.below(5) : 0;
  const isList = Array.isArray(value);
  const parts = Object.entries(value as object).flatMap(([name, member]) => {
    const isHere = name === String(step);
    const key = isHere && action === 3 && !isList ? pick(NAMES, rng) : name;
    const prefix = isList ? '' : `${JSON.stringify(key)}:`;
    if (!isHere || action === 3) return [prefix + JSON.stringify(member)];
    if (action === 1) return [];
    const text = prefix + (action === 2 ? JSON.stringify(member) : textOf(member, rest, rng));
    if (action === 4)
      return [`${JSON.stringify(pick(NAMES, rng))}:${pick(VALUES, rng)}`.slice(isList ? 99 : 0), text].filter(
        (one) => one !== '',
      );
    return action === 2 ? [text, text] : [text];
  });
  return isList ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

const HEADERS = [
  'ce_id',
  'ce_type',
  'ce_component',
  'ce_time',
  'content-type',
  'mlserver-model',
  'seldon-infer-type',
  'x-request-id',
  '__proto__',
] as const;

function mutateHeaders(
  headers: FuzzMessage['headers'],
  other: FuzzMessage['headers'],
  rng: Rng,
): FuzzMessage['headers'] {
  const entries = Object.entries(headers);
  const name = rng.below(2) === 0 || entries.length === 0 ? pick(HEADERS, rng) : pick(entries, rng)[0];
  switch (rng.below(4)) {
    case 0:
      return Object.fromEntries(entries.filter(([key]) => key !== name));
    case 1:
      return other;
    case 2:
      return Object.fromEntries([...entries, [name, 'x'.repeat(rng.below(600))]]);
    default:
      return Object.fromEntries([
        ...entries,
        [name, String.fromCharCode(...Array.from({ length: rng.below(8) }, () => rng.below(300)))],
      ]);
  }
}
