import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Command } from 'commander';

import { COMMANDS } from '../../../src/cli/commands/list.ts';
import { createProgram, runCommandLine } from '../../../src/cli/program.ts';
import { memoryHost } from './host.ts';

async function temper(argv: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const host = memoryHost(options);
  const code = await runCommandLine(argv, host);
  return { code, out: host.stdout.text(), err: host.stderr.text() };
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'temper-cli-'));

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

describe('doctor', () => {
  test('without a configuration looks at the machine, and says so', async () => {
    const { code, out } = await temper(['doctor'], { cwd: newFolder(), env: { TEMPER_ENGINE: 'wasm' } });
    expect(code).toBe(0);
    expect(out).toMatch(
      /machine[\s\S]*Node\.js v20[\s\S]*\d+ cores, [\d.]+ GiB memory[\s\S]*engine[\s\S]*configuration[\s\S]*temper init/,
    );
  });

  test.each([
    ['by a flag', ['-c', 'absent.yaml'], {}],
    ['by a flag that says what is the default', ['-c', 'temper.yaml'], {}],
    ['by the environment', [], { TEMPER_CONFIG: 'absent.yaml' }],
  ])('with a configuration that was named %s and is not there ends with 2', async (_, argv, env) => {
    expect((await temper(['doctor', ...argv], { cwd: newFolder(), env })).code).toBe(2);
  });
});

describe('usage', () => {
  test.each([
    ['an unknown command', ['evalaute'], /unknown command 'evalaute'/],
    ['an unknown flag', ['config', 'check', '--jsn'], /unknown option '--jsn'[\s\S]*--json/],
    [
      'a wrong choice',
      ['config', 'check', '--log-level', 'loud'],
      /Allowed choices are debug, info, warn, error/,
    ],
    ['no command', [], /Usage: temper/],
    ['a group without its command', ['config'], /Usage: temper config/],
  ])('%s ends with 2 and says what it takes', async (_, argv, message) => {
    const { code, err } = await temper(argv);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  test('help and version end with 0', async () => {
    expect(await temper(['--help'])).toMatchObject({ code: 0, err: '' });
    const { code, out } = await temper(['--version']);
    expect(code).toBe(0);
    expect(out.trim()).toBe(
      (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version,
    );
  });

  test('every command has a description, options with descriptions, and examples unless it takes nothing', () => {
    const host = memoryHost();
    const program = createProgram(host, COMMANDS, () => undefined);
    for (const leaf of leaves(program)) {
      expect({ name: leaf.name(), length: leaf.description().length > 10 }).toEqual({
        name: leaf.name(),
        length: true,
      });
      for (const option of leaf.options)
        expect({ flags: option.flags, text: option.description.length > 5 }).toEqual({
          flags: option.flags,
          text: true,
        });
    }
  });
});

describe('config and init', () => {
  test('init writes a file that needs no change to be valid, and never overwrites one unasked', async () => {
    const cwd = newFolder();
    const first = await temper(['init'], { cwd });
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toContain(join(cwd, 'temper.yaml'));
    const second = await temper(['init'], { cwd });
    expect(second.code).toBe(2);
    expect(second.err).toContain('--force overwrites it');
    expect((await temper(['init', '--force'], { cwd })).code).toBe(0);
    const check = await temper(['config', 'check', '--json', '--without-secrets'], { cwd });
    expect(JSON.parse(check.out)).toMatchObject({ valid: true });
    expect(first.out).toContain('TEMPER_SAMPLING_KEY');
    const bare = await temper(['config', 'check'], { cwd });
    expect(bare.code).toBe(2);
    expect(bare.err).toContain('the environment variable TEMPER_SAMPLING_KEY to be set');
  });

  test('check lists every mistake and ends with 2', async () => {
    const cwd = newFolder();
    writeFileSync(
      join(cwd, 'bad.yaml'),
      'model: { name: digits, classes: 1 }\nthreatModel: { epsilom: 1 }\n',
    );
    const { code, err } = await temper(['config', 'check', 'bad.yaml'], { cwd });
    expect(code).toBe(2);
    expect(err).toMatch(/bad\.yaml:1:\d+ {2}model\.inputShape/);
    expect(err).toMatch(/bad\.yaml:1:33 {2}model\.classes: expected a number at least 2, got 1/);
    expect(err).toContain('did you mean epsilon?');
    const json = await temper(['config', 'check', 'bad.yaml', '--json'], { cwd });
    const { error } = JSON.parse(json.out) as { error: { code: string; details: { mistakes: unknown[] } } };
    expect(error.code).toBe('TEMPER_CONFIG_INVALID');
    expect(error.details.mistakes.length).toBeGreaterThanOrEqual(4);
  });

  test('TEMPER_CONFIG names the file when no flag does', async () => {
    const cwd = newFolder();
    await temper(['init', 'other.yaml'], { cwd });
    expect((await temper(['config', 'check'], { cwd })).code).toBe(2);
    expect(
      (
        await temper(['config', 'check'], {
          cwd,
          env: { TEMPER_CONFIG: 'other.yaml', TEMPER_SAMPLING_KEY: 'k' },
        })
      ).code,
    ).toBe(0);
  });

  test('schema is a JSON Schema', async () => {
    const { out } = await temper(['config', 'schema']);
    expect(JSON.parse(out)).toMatchObject({ type: 'object', additionalProperties: false });
  });
});
