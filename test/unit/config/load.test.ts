import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { z } from 'zod';

import { loadSections } from '../../../src/config/load-sections.ts';
import type { Sections } from '../../../src/config/load-sections.ts';
import { loadConfig, parseConfig, threatModelOf } from '../../../src/config/load.ts';
import type { ConfigMistake } from '../../../src/config/mistake.ts';
import { AppError } from '../../../src/domain/errors.ts';

const secret = z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })]);
const SECTIONS = {
  store: z.strictObject({
    url: z.url().optional(),
    password: secret.optional(),
    folder: z.string().default('store').meta({ path: true }),
    timeoutMs: z.int().min(1).default(5000),
  }),
  stream: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('file'), files: z.array(z.string().meta({ path: true })).min(1) }),
    z.strictObject({ kind: z.literal('kafka'), brokers: z.array(z.string()).min(1) }),
  ]),
} satisfies Sections;

const load = (text: string, env: Record<string, string> = {}) =>
  loadSections({ sections: SECTIONS, text, file: 'temper.yaml', folder: '/etc/temper', env });

function mistakesOf(work: () => unknown): readonly ConfigMistake[] {
  try {
    work();
  } catch (caught) {
    if (!(caught instanceof AppError)) throw caught;
    expect(caught.code).toBe('TEMPER_CONFIG_INVALID');
    return caught.details['mistakes'] as readonly ConfigMistake[];
  }
  throw new Error('expected mistakes');
}

const OWN = (text: string) =>
  parseConfig(text, { file: 'temper.yaml', folder: '/etc/temper', env: { KEY: 'k' } });
const WHOLE = `
model:
  name: digits
  inputShape: [28, 28, 1]
  classes: 10
threatModel:
  epsilon: 0.3
`;

describe('a correct file', () => {
  test('gets defaults, absolute paths and wrapped secrets, and is frozen to the bottom', () => {
    const config = load(
      'store: { password: { env: PW } }\nstream: { kind: file, files: [a.jsonl, /b.jsonl] }',
      {
        PW: 'hunter2',
      },
    );
    expect(config.store.folder).toBe('/etc/temper/store');
    expect(config.store.timeoutMs).toBe(5000);
    expect(config.stream).toEqual({ kind: 'file', files: ['/etc/temper/a.jsonl', '/b.jsonl'] });
    expect(config.store.password?.reveal()).toBe('hunter2');
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.stream)).toBe(true);
    expect(config.stream.kind === 'file' && Object.isFrozen(config.stream.files)).toBe(true);
  });

  test('a secret prints nowhere', () => {
    const config = load('store: { password: { env: PW } }\nstream: { kind: file, files: [a] }', {
      PW: 'hunter2',
    });
    const printed = [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      String(config.store.password),
    ];
    for (const text of printed) expect(text).not.toContain('hunter2');
    expect(JSON.parse(printed[0]!)).toMatchObject({ store: { password: '[secret]' } });
  });

  test('a secret in a file loses its last line break only, and its path starts at the folder of the configuration', () => {
    const folder = mkdtempSync(join(tmpdir(), 'temper-config-'));
    writeFileSync(join(folder, 'pw'), ' two words \n');
    const text = 'store: { password: { file: pw } }\nstream: { kind: file, files: [a] }';
    const config = loadSections({ sections: SECTIONS, text, file: 'x.yaml', folder, env: {} });
    expect(config.store.password?.reveal()).toBe(' two words ');
  });

  test('the threat model takes its range from the model', () => {
    const yaml =
      'model: { name: digits, inputShape: [4], classes: 2, range: [-1, 1] }\nthreatModel: { epsilon: 0.5 }';
    const { model, threatModel } = OWN(yaml + SLICES);
    expect(threatModelOf({ model, threatModel })).toEqual({
      norm: 'linf',
      epsilon: 0.5,
      range: [-1, 1],
      access: 'gradients',
    });
  });
});

/** Sections of rooms that have keys without defaults. */
const SLICES =
  '\nserved: { url: "http://localhost:8501" }\nstream: { files: [{ path: a.jsonl }], sampling: { key: { env: KEY } } }\n';

describe('mistakes', () => {
  test('five mistakes in five sections give five messages with the right lines', () => {
    const yaml = [
      'model:', //                               1
      '  name: digits', //                       2
      '  inputShape: [28, 28, 1]', //            3
      '  classes: 1', //                         4  too few
      'threatModel:', //                         5
      '  norm: l8', //                           6  no such norm
      '  epsilom: 0.3', //                       7  unknown key
      '  epsilon: "0.3"', //                     8  quoted
      'log:', //                                 9
      '  level: loud', //                       10  no such level
      '',
    ].join('\n');
    const found = mistakesOf(() => OWN(yaml + SLICES));
    expect(found.map(({ path, line, column, rule }) => ({ path, line, column, rule }))).toEqual([
      { path: 'model.classes', line: 4, column: 12, rule: 'range' },
      { path: 'threatModel.norm', line: 6, column: 9, rule: 'choice' },
      { path: 'threatModel.epsilom', line: 7, column: 3, rule: 'unknown_key' },
      { path: 'threatModel.epsilon', line: 8, column: 12, rule: 'type' },
      { path: 'log.level', line: 10, column: 10, rule: 'choice' },
    ]);
    expect(found.map(({ expected, got }) => `${expected} | ${got}`)).toEqual([
      'a number at least 2 | 1',
      'one of linf, l2, l1, l0 | "l8"',
      'one of norm, epsilon, access, queryBudget, criterion, constraints | the unknown key epsilom',
      'a number | "0.3"',
      'one of debug, info, warn, error | "loud"',
    ]);
    expect(found[2]?.hint).toBe('did you mean epsilon?');
    expect(found[3]?.hint).toBe('remove the quotes');
  });

  test.each<[string, string, Partial<ConfigMistake>]>([
    ['an empty file names what is missing', '', { path: 'stream.kind', rule: 'required' }],
    [
      'a missing key',
      'stream: { kind: file }',
      { path: 'stream.files', line: 1, rule: 'required', got: 'nothing (the key is missing)' },
    ],
    [
      'a key without a value',
      'stream:\n  kind: file\n  files:\n',
      { path: 'stream.files', line: 3, got: 'nothing (the key has no value)' },
    ],
    [
      'an unknown kind',
      'stream:\n  kind: kafak\n',
      { path: 'stream.kind', line: 2, expected: 'one of file, kafka', hint: 'did you mean kafka?' },
    ],
    [
      'a key of another section',
      'stream: { kind: file, files: [a] }\ntimeoutMs: 3',
      { path: 'timeoutMs', line: 2, hint: 'did you mean store.timeoutMs?' },
    ],
    [
      'a misspelt section',
      'stream: { kind: file, files: [a] }\nstoer: {}',
      { path: 'stoer', line: 2, hint: 'did you mean store?' },
    ],
    [
      'one value where a list belongs',
      'stream: { kind: file, files: a }',
      { path: 'stream.files', hint: 'write it as a list: [ ... ]' },
    ],
    [
      'an empty list',
      'stream: { kind: file, files: [] }',
      { path: 'stream.files', expected: 'a list with at least 1 entry' },
    ],
    [
      'a fraction',
      'stream: { kind: file, files: [a] }\nstore: { timeoutMs: 1.5 }',
      { path: 'store.timeoutMs', expected: 'a whole number', got: '1.5' },
    ],
    [
      'a list item',
      'stream:\n  kind: file\n  files:\n    - a\n    - 7\n',
      { path: 'stream.files[1]', line: 5, column: 7, expected: 'text' },
    ],
    ['broken YAML', 'stream: [', { rule: 'syntax', path: '' }],
    [
      'the same key twice',
      'store: {}\nstore: {}',
      { rule: 'syntax', line: 2, got: 'the same key twice in one map' },
    ],
    ['a list instead of sections', '- a', { rule: 'type', got: 'a list' }],
  ])('%s', (_, yaml, expected) => {
    expect(mistakesOf(() => load(yaml))).toContainEqual(expect.objectContaining(expected));
  });

  test('an inline secret is refused and never repeated, not even with another mistake beside it', () => {
    const yaml = 'store: { password: hunter2, folder: 7 }\nstream: { kind: file, files: [a] }';
    const found = mistakesOf(() => load(yaml));
    expect(found.map(({ path }) => path).sort()).toEqual(['store.folder', 'store.password']);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test('unresolvable secrets are listed together with all other mistakes', () => {
    const yaml =
      'store:\n  password: { env: NOT_SET }\n  timeoutMs: 0\nstream: { kind: file, files: [a], x: 1 }';
    const found = mistakesOf(() => load(yaml));
    expect(found.map(({ path, line, rule }) => `${path}:${line}:${rule}`)).toEqual([
      'store.password:2:secret',
      'store.timeoutMs:3:range',
      'stream.x:4:unknown_key',
    ]);
    expect(found[0]).toMatchObject({
      expected: 'the environment variable NOT_SET to be set',
      got: 'nothing',
    });
  });

  test('a secret file that is not there is named', () => {
    const found = mistakesOf(() =>
      load('store: { password: { file: nowhere } }\nstream: { kind: file, files: [a] }'),
    );
    expect(found).toEqual([
      expect.objectContaining({ expected: 'the file /etc/temper/nowhere to be readable', got: 'ENOENT' }),
    ]);
  });

  test('a value with a password in its URL is masked', () => {
    const sections = { store: z.strictObject({ url: z.int() }) };
    const text = 'store: { url: "http://me:hunter2@host" }';
    const found = mistakesOf(() => loadSections({ sections, text, file: 'f', folder: '/', env: {} }));
    expect(found[0]?.got).toBe('"http://[secret]@host"');
  });

  test('epsilon wider than the range is refused although both are valid alone', () => {
    const found = mistakesOf(() => OWN(WHOLE.replace('0.3', '1.3') + SLICES));
    expect(found).toEqual([
      expect.objectContaining({ path: 'threatModel.epsilon', line: 7, rule: 'rule', got: '1.3' }),
    ]);
  });

  test('the message shows file, line, column, path, what was expected and got, and the hint', () => {
    expect(() => load('stream: { kind: file, flies: [a] }')).toThrow(
      [
        'temper.yaml has 2 mistakes:',
        '  temper.yaml:1:9  stream.files: expected a list, got nothing (the key is missing)',
        '  temper.yaml:1:23  stream.flies: expected one of kind, files, brokers, got the unknown key flies',
        '      did you mean files?',
      ].join('\n'),
    );
  });

  test('a file that is not there says how to write one', () => {
    const found = mistakesOf(() => loadConfig('/nowhere/temper.yaml', {}));
    expect(found).toEqual([
      expect.objectContaining({ rule: 'file', got: 'no such file', hint: 'write one with: temper init' }),
    ]);
  });
});

describe('texts by reference', () => {
  const set = {
    sections: {
      probing: z.strictObject({ tagKey: z.string().min(16).optional() }),
      served: z.strictObject({ model: z.string(), headers: z.record(z.string(), z.string()).default({}) }),
      model: z.strictObject({ name: z.string() }),
    },
    marks: { 'probing.tagKey': 'secret', 'served.headers.*': 'maybe-secret' },
    derived: { 'served.model': 'model.name' },
  } as const;
  const KEY = 'a key of thirty-two characters..';
  const loadText = (text: string) =>
    loadSections({ ...set, text, file: 'f', folder: '/', env: { KEY, SHORT: 'short' } });

  test('are plain text for the room, and masked when their section is printed', () => {
    const config = loadText(
      'probing: { tagKey: { env: KEY } }\nserved: { headers: { Host: a.example, Authorization: { env: KEY } } }\nmodel: { name: digits }',
    );
    expect(config.probing.tagKey).toBe(KEY);
    expect(config.served.headers['Authorization']).toBe(KEY);
    expect(config.served.headers['Host']).toBe('a.example');
    expect(JSON.stringify(config) + inspect(config, { depth: 9 })).not.toContain(KEY);
    expect(JSON.stringify(config.served.headers)).toBe('{"Host":"a.example","Authorization":"[secret]"}');
  });

  test.each([
    ['inline', 'probing: { tagKey: "hunter2hunter2hunter2" }', '{ env: NAME } or { file: PATH }'],
    ['too short', 'probing: { tagKey: { env: SHORT } }', 'text of at least 16 characters'],
    ['not set', 'probing: { tagKey: { env: NOPE } }', 'the environment variable NOPE to be set'],
    ['misspelt', 'probing: { tagKey: { evn: KEY } }', '{ env: NAME } or { file: PATH }'],
  ])('%s: one mistake, and the value is not in it', (_, text, expected) => {
    const found = mistakesOf(() => loadText(`${text}\nmodel: { name: digits }`));
    expect(found).toEqual([
      expect.objectContaining({ path: 'probing.tagKey', line: 1, rule: 'secret', expected }),
    ]);
    expect(JSON.stringify(found)).not.toMatch(/hunter2|short"/);
  });

  test('a key may take its default from another key, and may be written all the same', () => {
    expect(loadText('model: { name: digits }').served.model).toBe('digits');
    expect(loadText('model: { name: digits }\nserved: { model: other }').served.model).toBe('other');
    expect(mistakesOf(() => loadText('served: {}')).map(({ path }) => path)).toContain('model.name');
  });
});
