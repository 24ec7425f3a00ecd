/**
 * CloudEvents 1.0 (and 0.3) in both content modes: attributes in headers beside the data (binary), or everything in one
 * JSON document (structured). Pure; bad data is a result.
 * Source: cloudevents/spec, bindings/kafka-protocol-binding.md §3, bindings/http-protocol-binding.md §3, formats/json-format.md.
 */
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import { endOfJsonString, endOfJsonValue, skipJsonSpace } from './json-extent.ts';

export interface CloudEvent {
  /** By lower-case name, without prefix: `id`, `type`, `inferenceservicename`. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Media type of the data. */
  readonly contentType?: string;
  /** JSON data of a structured event are its very bytes in the document, so no number was rewritten. */
  readonly data: Uint8Array;
}

export type MessageHeaders = Readonly<Record<string, string | Uint8Array | undefined>>;

/** Attribute prefix in Kafka, and over HTTP, where values are percent-encoded. */
const KAFKA_PREFIX = 'ce_';
const HTTP_PREFIX = 'ce-';

/** Whether a content type announces a structured event. */
export function isStructuredContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*application\/cloudevents/i.test(contentType);
}

/** Text of a header, whatever the case of its name. */
export function headerText(headers: MessageHeaders | undefined, name: string): string | undefined {
  if (headers === undefined) return undefined;
  const exact = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (exact !== undefined) return textOf(exact);
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name);
  return found?.[1] === undefined ? undefined : textOf(found[1]);
}

/** A binary-mode event; undefined when the headers have no attributes. */
export function readBinaryEvent(
  headers: MessageHeaders | undefined,
  value: Uint8Array,
): CloudEvent | undefined {
  const attributes = new Map<string, string>();
  for (const [key, header] of Object.entries(headers ?? {})) {
    if (header === undefined) continue;
    const name = key.toLowerCase();
    if (name.startsWith(KAFKA_PREFIX)) attributes.set(name.slice(KAFKA_PREFIX.length), textOf(header));
    else if (name.startsWith(HTTP_PREFIX))
      attributes.set(name.slice(HTTP_PREFIX.length), percentDecoded(textOf(header)));
  }
  if (attributes.size === 0) return undefined;
  const contentType = headerText(headers, 'content-type');
  return { attributes, data: value, ...(contentType === undefined ? {} : { contentType }) };
}

/** Members beyond this many are no attributes of any event. */
const MAX_MEMBERS = 256;
const ATTRIBUTE_BYTES = 16 * 1024;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;

/** A structured-mode event. Only the attributes are parsed; the data are cut out. */
export function readStructuredEvent(value: Uint8Array): Decoded<CloudEvent> {
  const members = membersOf(value);
  if (!members.ok) return members;
  const attributes = new Map<string, string>();
  for (const [name, token] of members.value) {
    if (name === 'data' || name === 'data_base64' || token.length > ATTRIBUTE_BYTES) continue;
    const attribute = scalarText(token);
    if (attribute !== undefined) attributes.set(name.toLowerCase(), attribute);
  }
  const contentType = attributes.get('datacontenttype');
  const data = dataOf(members.value);
  if (!data.ok) return data;
  return decoded({ attributes, data: data.value, ...(contentType === undefined ? {} : { contentType }) });
}

function dataOf(members: ReadonlyMap<string, Uint8Array>): Decoded<Uint8Array> {
  const encoded = members.get('data_base64');
  if (encoded === undefined) return decoded(members.get('data') ?? new Uint8Array(0));
  const text = scalarText(encoded);
  if (text !== undefined && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return decoded(Buffer.from(text, 'base64'));
  return undecodable({ where: 'data_base64', expected: 'base64', got: printed(text) });
}

/** Top-level members, each value as its bytes; of a name that repeats, the first. */
function membersOf(bytes: Uint8Array): Decoded<ReadonlyMap<string, Uint8Array>> {
  const members = new Map<string, Uint8Array>();
  let at = skipJsonSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) return broken(at);
  at = skipJsonSpace(bytes, at + 1);
  while (bytes[at] !== CLOSE_BRACE) {
    const keyEnd = bytes[at] === QUOTE ? endOfJsonString(bytes, at) : -1;
    const name = keyEnd < 0 ? undefined : scalarText(bytes.subarray(at, keyEnd));
    const colon = skipJsonSpace(bytes, keyEnd);
    if (name === undefined || bytes[colon] !== COLON || members.size === MAX_MEMBERS) return broken(at);
    const start = skipJsonSpace(bytes, colon + 1);
    const end = endOfJsonValue(bytes, start);
    if (end < 0) return broken(start);
    if (!members.has(name)) members.set(name, bytes.subarray(start, end));
    at = skipJsonSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipJsonSpace(bytes, at + 1);
    else if (bytes[at] !== CLOSE_BRACE) return broken(at);
  }
  return decoded(members);
}

function broken(at: number): Decoded<never> {
  return undecodable({
    where: `offset ${at}`,
    expected: `a JSON object of at most ${MAX_MEMBERS} members`,
    got: 'something else',
  });
}

function scalarText(token: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(textOf(token));
    if (typeof value === 'string') return value;
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  } catch {
    return undefined;
  }
}

function percentDecoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function textOf(header: string | Uint8Array): string {
  return typeof header === 'string' ? header : Buffer.from(header).toString('utf8');
}
