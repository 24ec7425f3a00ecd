import { z } from 'zod';

import { exampleConfig } from '../../../src/config/example.ts';
import { configJsonSchema } from '../../../src/config/json-schema.ts';
import { loadSections, rootNodeOf } from '../../../src/config/load-sections.ts';
import { formatPath } from '../../../src/config/mistake.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { keysAt, listKeys, nodesAt } from '../../../src/config/schema-tree.ts';
import { SECTION_SET } from '../../../src/config/sections.ts';

/** Every secret is there. */
const SECRETS = new Proxy<Record<string, string>>({}, { get: () => 'a secret that is long enough' });
const PLACE = { file: 'temper.yaml', folder: '/etc/temper', env: SECRETS };

describe('the commented example', () => {
  const text = exampleConfig(SECTION_SET);

  test('is accepted by the loader as it is', () => {
    const config = parseConfig(text, PLACE);
    expect(config.model).toEqual({ name: 'digits', inputShape: [28, 28, 1], classes: 10, range: [0, 1] });
    expect(config.registry.directory).toBe('/etc/temper/models');
  });

  test('says what leaving everything out would mean', () => {
    const shown = parseConfig(text, PLACE);
    const { model, threatModel, stream, served } = shown;
    const minimal = {
      model: { name: model.name, inputShape: model.inputShape, classes: model.classes },
      threatModel: { epsilon: threatModel.epsilon },
      stream: {
        files: stream.files.map(({ path }) => ({ path })),
        sampling: { key: { env: 'TEMPER_SAMPLING_KEY' } },
      },
      served: { url: served.url },
    };
    const defaults = parseConfig(JSON.stringify(minimal), PLACE);
    expect(JSON.parse(JSON.stringify(shown))).toEqual(JSON.parse(JSON.stringify(defaults)));
  });

  const lines = text.split('\n');
  const keys = new Set(listKeys(rootNodeOf(SECTION_SET)).map((path) => String(path.at(-1))));
  const kafka = lines.indexOf('  # kafka:');
  const behindKafka = lines.indexOf('  format: json-events');
  const isOfKafka = (i: number): boolean => i >= kafka && i < behindKafka;

  test('is accepted with all of stream.kafka switched on, instead of files', () => {
    const on = lines.map((line, i) => {
      const isKey = keys.has(/^ *# +([A-Za-z]+):/.exec(line)?.[1] ?? '');
      return isOfKafka(i) && isKey ? line.replace('# ', '') : line;
    });
    const files = on.indexOf('  files:');
    const { stream } = parseConfig(on.filter((_, i) => i < files || i >= kafka).join('\n'), PLACE);
    expect(stream.files).toEqual([]);
    expect(stream.kafka).toMatchObject({ brokers: ['kafka:9092'], sasl: { mechanism: 'plain' } });
    expect(stream.kafka?.sasl?.password.reveal()).toBe(SECRETS['KAFKA_PASSWORD']);
  });

  test('is accepted with every optional key switched on, one at a time', () => {
    const isKey = (line: string): boolean => keys.has(/^ *# ([A-Za-z]+): \S/.exec(line)?.[1] ?? '');
    // Keys of the other kinds of a union exclude each other.
    const isVariant = (i: number): boolean => {
      const indent = lines[i]!.search(/\S/);
      const before = lines.slice(0, i).findLastIndex((line) => line === `${' '.repeat(indent)}# or:`);
      return (
        before >= 0 &&
        lines.slice(before, i).every((line) => line.search(/\S/) >= indent && line.trim().startsWith('#'))
      );
    };
    const optional = lines.flatMap((line, i) => (isKey(line) && !isVariant(i) && !isOfKafka(i) ? [i] : []));
    expect(optional.length).toBeGreaterThan(5);
    for (const i of optional) {
      const parent = lines.slice(0, i).findLastIndex((line) => line.search(/\S/) < lines[i]!.search(/\S/));
      const chosen = /^ *# [A-Za-z]+:$/.test(lines[parent]!) ? [i, parent] : [i];
      const on = lines.map((line, at) => (chosen.includes(at) ? line.replace('# ', '') : line)).join('\n');
      expect(() => parseConfig(on, PLACE)).not.toThrow();
    }
  });

  test('shows every key of the schema', () => {
    for (const path of listKeys(rootNodeOf(SECTION_SET))) {
      const key = String(path.at(-1));
      expect(text).toMatch(new RegExp(`(^ *(# )?(- )?|[{ ])${key}:`, 'm'));
    }
  });

  test('has no line that an editor would wrap', () => {
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});

describe('the schema', () => {
  const root = rootNodeOf(SECTION_SET);

  test('describes every key', () => {
    const bare = listKeys(root).filter((path) =>
      nodesAt(root, path).every((node) => node.description === undefined && node.const === undefined),
    );
    expect(bare.map(formatPath)).toEqual([]);
  });

  test('knows every key that marks, examples and derived defaults name', () => {
    const named = [
      ...Object.keys(SECTION_SET.marks),
      ...Object.keys(SECTION_SET.examples),
      ...Object.entries(SECTION_SET.derived).flat(),
    ];
    for (const dotted of named) {
      const path = dotted.split('.');
      if (path.at(-1) === '*') continue;
      expect({ dotted, known: keysAt(root, path.slice(0, -1)).includes(path.at(-1)!) }).toEqual({
        dotted,
        known: true,
      });
    }
  });

  test('is strict at every depth: an unknown key is refused wherever it stands', () => {
    const open = listKeys(root)
      .flatMap((path) => nodesAt(root, path))
      .filter((node) => node.properties !== undefined && node.additionalProperties !== false);
    expect(open).toEqual([]);
  });

  test('is a JSON Schema with a dialect', () => {
    expect(configJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
    });
    expect(configJsonSchema().required).toEqual(expect.arrayContaining(['model', 'threatModel']));
  });
});

describe('unions, lists and secrets in an example', () => {
  const secret = z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })]);
  const set = {
    sections: {
      stream: z.discriminatedUnion('kind', [
        z.strictObject({
          kind: z.literal('file').describe('A file.'),
          files: z.array(z.string()).min(1).describe('Which.'),
        }),
        z.strictObject({
          kind: z.literal('kafka').describe('Kafka.'),
          password: secret.describe('Password.'),
        }),
      ]),
      limits: z
        .strictObject({ rate: z.number().optional().describe('Rate in 1/s.') })
        .optional()
        .describe('Limits.'),
      key: z.string().min(16).describe('Signs.'),
    },
    marks: { key: 'secret' },
    examples: {},
  } as const;

  test('the first kind is active, the others are comments, and the loader accepts it', () => {
    const text = exampleConfig(set);
    expect(text).toContain('  kind: file\n');
    expect(text).toContain('  # or:\n');
    expect(text).toContain('  # kind: kafka\n');
    expect(text).toContain('  # password: {env: NAME}');
    const config = loadSections({ ...set, text, ...PLACE, env: { NAME: 'sixteen letters..' } });
    expect(config.stream).toEqual({ kind: 'file', files: ['value'] });
    expect(config.key).toBe('sixteen letters..');
  });
});
