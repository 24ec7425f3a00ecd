import { describeValue, valueAt } from './describe-value.ts';
import { formatPath } from './mistake.ts';
import type { ConfigMistake } from './mistake.ts';
import type { YamlSource } from './yaml-source.ts';

/** The mistake of a secret that is no reference. What was written instead is never repeated. */
export function inlineSecret(path: readonly PropertyKey[], source: YamlSource): ConfigMistake {
  const got = valueAt(source.value, path);
  const isMapOfKeys = got !== null && typeof got === 'object';
  return {
    path: formatPath(path),
    ...(got === undefined ? source.placeOfKey(path) : source.placeOf(path)),
    rule: 'secret',
    expected: '{ env: NAME } or { file: PATH }',
    got:
      got === undefined || got === null || isMapOfKeys
        ? describeValue(got ?? null)
        : 'a value written in the file',
    hint: 'secrets are named in the file, never written in it',
  };
}
