/** A value as the embedded engine's binding takes it. */
export type ParameterValue = string | number | bigint | boolean | null | readonly ParameterValue[];

/**
 * Parameters of a request (`param_x=…`) for the embedded engine. The client writes them as a server reads them: text with
 * escapes, arrays as literals. The engine's binding escapes by itself, so what came escaped would be escaped twice: a
 * quote in an array would end its text. Maps and tuples pass as they are, which is right without quotes in them.
 */
export function parametersOf(search: URLSearchParams, sql: string): Record<string, ParameterValue> {
  const types = new Map(
    [...sql.matchAll(/\{\s*(\w+)\s*:\s*(\w+)/g)].map(([, name, type]): [string, string] => [name!, type!]),
  );
  const parameters: Record<string, ParameterValue> = {};
  for (const [key, text] of search) {
    if (!key.startsWith('param_')) continue;
    const name = key.slice('param_'.length);
    parameters[name] = valueOf(text, types.get(name) ?? '');
  }
  return parameters;
}

function valueOf(text: string, type: string): ParameterValue {
  if (type === 'Array') return parseArray(text);
  if (type === 'Map' || type === 'Tuple') return text;
  return text === '\\N' ? null : unescape(text);
}

const TOKEN = /\s*(?:([[\],])|'((?:[^'\\]|\\[^])*)'|([\w.+-]+))\s*/y;

/** `['it\'s',['b']]` or `[1,2.5,NULL]` as values. */
function parseArray(text: string): readonly ParameterValue[] {
  const stack: ParameterValue[][] = [[]];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const [, mark, quoted, word] = TOKEN.exec(text) ?? [];
    const open = stack.at(-1)!;
    if (quoted !== undefined) open.push(unescape(quoted));
    else if (word !== undefined) open.push(wordOf(word));
    else if (mark === '[') stack.push([]);
    else if (mark === ']' && stack.length > 1) stack.at(-2)!.push(stack.pop()!);
    else if (mark !== ',') throw new Error(`expected an array, got "${text.slice(0, 60)}" (at ${at})`);
  }
  const [array] = stack[0]!;
  if (stack.length > 1 || !Array.isArray(array))
    throw new Error(`expected an array, got "${text.slice(0, 60)}"`);
  return array as readonly ParameterValue[];
}

function wordOf(word: string): ParameterValue {
  if (word === 'NULL') return null;
  if (word === 'TRUE' || word === 'FALSE') return word === 'TRUE';
  return /^-?\d+$/.test(word) ? BigInt(word) : Number(word);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '0': '\0' };

function unescape(text: string): string {
  return text.replace(/\\([^])/g, (_, character: string) => ESCAPES[character] ?? character);
}
