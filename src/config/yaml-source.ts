import { isMap, isNode, isPair, LineCounter, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';

import type { ConfigMistake } from './mistake.ts';

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** YAML text as a value that still knows where each part was written. */
export interface YamlSource {
  readonly value: unknown;
  /** Mistakes of YAML itself (syntax, duplicate keys). */
  readonly mistakes: readonly ConfigMistake[];
  /** Where the value at a path begins; for a path that is not there, its nearest ancestor. */
  placeOf(path: readonly PropertyKey[]): Place;
  /** Where the key at the end of a path is written. */
  placeOfKey(path: readonly PropertyKey[]): Place;
}

/** Reads YAML 1.2. Never throws: what is wrong is in `mistakes`, and `value` is then undefined. */
export function parseYaml(text: string): YamlSource {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const placeAt = (offset: number | undefined): Place => {
    const { line, col } = counter.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const mistakes = document.errors.map((error) => ({
    path: '',
    ...placeAt(error.pos[0]),
    rule: 'syntax',
    expected: 'well-formed YAML',
    got: describeSyntax(error.code, error.message),
  }));
  return {
    value: mistakes.length > 0 ? undefined : document.toJS(),
    mistakes,
    placeOf: (path) => placeAt(nodeAt(document, path)?.range?.[0]),
    placeOfKey(path) {
      const parent = nodeAt(document, path.slice(0, -1));
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => keyText(key) === String(path.at(-1)))
        : undefined;
      return placeAt(isPair(pair) && isNode(pair.key) ? pair.key.range?.[0] : parent?.range?.[0]);
    },
  };
}

/** The value node at a path, or its nearest ancestor that exists. For `key:` without a value, the key stands for it. */
function nodeAt(document: Document, path: readonly PropertyKey[]): Node | undefined {
  for (let length = path.length; length >= 0; length--) {
    const found: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(found)) return found;
  }
  return undefined;
}

function keyText(key: unknown): string {
  return isNode(key) ? String(key.toJSON()) : String(key);
}

function describeSyntax(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'the same key twice in one map';
  if (code === 'TAB_AS_INDENT') return 'a tab as indentation (YAML wants spaces)';
  return message.charAt(0).toLowerCase() + message.slice(1);
}
