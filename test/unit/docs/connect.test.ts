import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { servedConfigSchema } from '../../../src/models/config.ts';
import { probingConfigSchema } from '../../../src/probing/config.ts';

const FOLDER = join(__dirname, '../../../docs/connect');
const pages = readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')] as const);

const sections = pages.flatMap(([name, text]) =>
  [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    ([, yaml = '']) => [name, parse(yaml) as { served?: object; probing?: object }] as const,
  ),
);

test('there is a page for each server', () => {
  expect(pages.map(([name]) => name)).toEqual([
    'kserve.md',
    'mlserver.md',
    'plain-json.md',
    'tensorflow-serving.md',
    'triton.md',
  ]);
});

test.each(sections)('what %s shows is a configuration', (_, { served, probing = {} }) => {
  probingConfigSchema.parse(probing);
  if (served !== undefined) servedConfigSchema.parse(served);
});

test.each(pages)('every setting that %s names is one', (_, text) => {
  const named = [...text.matchAll(/`(served|probing)\.([\w.]+)`/g)];
  const schemas = { served: servedConfigSchema, probing: probingConfigSchema };
  for (const [, section, path = ''] of named)
    expect(Object.keys(schemas[section as keyof typeof schemas].shape)).toContain(path.split('.')[0]);
});

test.each(pages)('%s says against what it was tried, with tests that exist', (_, text) => {
  expect(text).toContain('Tried against');
  for (const [, path = ''] of text.matchAll(/`((?:test|scripts)\/[\w./-]+\.(?:ts|mjs))`/g))
    expect(readFileSync(join(FOLDER, '../..', path), 'utf8')).not.toBe('');
});
