import type { z } from 'zod';

import { describeValue, valueAt } from './describe-value.ts';
import { inlineSecret } from './inline-secret.ts';
import { formatPath } from './mistake.ts';
import type { ConfigMistake } from './mistake.ts';
import { nearest } from './nearest.ts';
import { isSecretNode, keysAt, listKeys, nodesAt } from './schema-tree.ts';
import type { SchemaNode } from './schema-tree.ts';
import type { YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

interface Explanation {
  readonly rule: string;
  readonly expected: string;
  /** Instead of the value itself. */
  readonly got?: string | undefined;
  readonly hint?: string | undefined;
}

/** Turns what zod found into mistakes with a place in the file. One issue may be several mistakes (unknown keys). */
export function explainIssue(issue: Issue, source: YamlSource, schema: SchemaNode): readonly ConfigMistake[] {
  const secret = secretPathOf(issue.path, schema);
  if (secret !== undefined) return [brokenSecret(issue, secret, source)];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey([...issue.path, key], source, schema));
  const nested = mostLikelyBranch(issue);
  if (nested !== undefined) return nested.flatMap((inner) => explainIssue(inner, source, schema));
  const got = valueAt(source.value, issue.path);
  const missing = got === undefined;
  const place = missing ? source.placeOfKey(issue.path) : source.placeOf(issue.path);
  const { hint, got: said, ...explanation } = explain(issue, got);
  return [
    {
      path: formatPath(issue.path),
      ...place,
      ...explanation,
      ...(missing && explanation.rule !== 'rule' ? { rule: 'required' } : {}),
      got: said ?? (missing ? 'nothing (the key is missing)' : describeValue(got)),
      ...withHint(hint ?? hintFor(issue, got)),
    },
  ];
}

/** The part of a path that leads to a secret, when the path is at or inside one. */
function secretPathOf(path: readonly PropertyKey[], schema: SchemaNode): readonly PropertyKey[] | undefined {
  const lengths = path.map((_, i) => i + 1);
  const length = lengths.find((n) => nodesAt(schema, path.slice(0, n)).some(isSecretNode));
  return length === undefined ? undefined : path.slice(0, length);
}

/** A secret that was given and does not fit (too short, say) is not shown; one that was not given by reference is refused. */
function brokenSecret(issue: Issue, path: readonly PropertyKey[], source: YamlSource): ConfigMistake {
  const isText = issue.code === 'too_small' || issue.code === 'too_big' || issue.code === 'invalid_format';
  const refused = inlineSecret(path, source);
  if (!isText) return refused;
  const { path: name, line, column } = refused;
  return {
    path: name,
    line,
    column,
    rule: 'secret',
    expected: explain(issue, undefined).expected,
    got: 'a secret that does not fit',
  };
}

function unknownKey(path: readonly PropertyKey[], source: YamlSource, schema: SchemaNode): ConfigMistake {
  const parent = path.slice(0, -1);
  const known = keysAt(schema, parent);
  return {
    path: formatPath(path),
    ...source.placeOfKey(path),
    rule: 'unknown_key',
    expected: known.length === 0 ? 'no key here' : `one of ${known.join(', ')}`,
    got: `the unknown key ${String(path.at(-1))}`,
    ...withHint(suggestKey(String(path.at(-1)), known, schema)),
  };
}

/** A near key at the same place; otherwise the same key where it does exist. */
function suggestKey(key: string, known: readonly string[], schema: SchemaNode): string | undefined {
  const near = nearest(key, known);
  if (near !== undefined) return `did you mean ${near}?`;
  const elsewhere = listKeys(schema).find((path) => path.at(-1) === key);
  return elsewhere === undefined ? undefined : `did you mean ${formatPath(elsewhere)}?`;
}

/** Of a union's branches, the one with the fewest complaints whose complaints go deepest: what the person tried to write. */
function mostLikelyBranch(issue: Issue): readonly Issue[] | undefined {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return undefined;
  const depth = (branch: readonly Issue[]): number => Math.max(...branch.map((inner) => inner.path.length));
  const tried = issue.errors.filter((branch) => depth(branch) > 0);
  if (tried.length === 0) return undefined;
  const best = tried.reduce((a, b) => (b.length < a.length ? b : a));
  return best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function explain(issue: Issue, got: unknown): Explanation {
  switch (issue.code) {
    case 'invalid_type':
      return { rule: 'type', expected: typeName(issue.expected) };
    case 'too_small':
      return {
        rule: 'range',
        expected: bound(issue.origin, issue.inclusive === false ? 'above' : 'at least', issue.minimum),
      };
    case 'too_big':
      return {
        rule: 'range',
        expected: bound(issue.origin, issue.inclusive === false ? 'below' : 'at most', issue.maximum),
      };
    case 'not_multiple_of':
      return { rule: 'range', expected: `a multiple of ${issue.divisor}` };
    case 'invalid_value':
      return { rule: 'choice', ...choices(issue.values, got) };
    case 'invalid_format':
      return {
        rule: 'format',
        expected:
          issue.pattern === undefined ? `a valid ${issue.format}` : `text that matches ${issue.pattern}`,
      };
    case 'invalid_union':
      return { rule: 'choice', ...unionChoices(issue, got) };
    case 'custom':
      return { rule: 'rule', ...ruleInWords(issue.message) };
    case 'invalid_key':
    case 'invalid_element':
    case 'unrecognized_keys':
      return { rule: 'rule', expected: issue.message };
  }
}

/** A room's own rule says `expected …, got …`, or only what was expected. */
function ruleInWords(message: string): { expected: string; got?: string | undefined } {
  const parts = /^(?:expected )?(.*?)(?:, got (.*))?$/su.exec(message);
  return { expected: parts?.[1] ?? message, got: parts?.[2] };
}

function choices(values: readonly unknown[], got: unknown): { expected: string; hint?: string | undefined } {
  const listed = values.map(String);
  const near = typeof got === 'string' ? nearest(got, listed) : undefined;
  return {
    expected: listed.length === 1 ? listed[0]! : `one of ${listed.join(', ')}`,
    hint: near === undefined ? undefined : `did you mean ${near}?`,
  };
}

/** A union none of whose branches got anywhere: a discriminator that is not known, or simply another type. */
function unionChoices(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  got: unknown,
): { expected: string; hint?: string | undefined } {
  const options = (issue as { options?: readonly unknown[] }).options;
  if (options !== undefined && options.length > 0) return choices(options, got);
  const expected = issue.errors.flatMap((branch) => branch.map((inner) => explain(inner, got).expected));
  return { expected: expected.length === 0 ? issue.message : [...new Set(expected)].join(', or ') };
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'array' || origin === 'set')
    return `a list with ${relation} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string')
    return limit === 1 && relation === 'at least'
      ? 'text that is not empty'
      : `text of ${relation} ${limit} characters`;
  return `a number ${relation} ${limit}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

function typeName(expected: string): string {
  return TYPE_NAMES[expected] ?? expected;
}

function hintFor(issue: Issue, got: unknown): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  const isNumber = issue.expected === 'number' || issue.expected === 'int';
  if (isNumber && typeof got === 'string' && got.trim() !== '' && Number.isFinite(Number(got)))
    return 'remove the quotes';
  if (issue.expected === 'array' && got !== null && got !== undefined) return 'write it as a list: [ ... ]';
  return undefined;
}

function withHint(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}
