import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { COMMANDS } from '../../../src/cli/commands/list.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { memoryHost } from '../cli/host.ts';

const ROOT = join(__dirname, '../../..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

const folders = (parent: string): string[] =>
  readdirSync(join(ROOT, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${parent}/${name}`);

/** Commands of the program that a line of a shell example names, and the flags it gives. */
function resolve(line: string): { command: Command; flags: string[] } {
  const words = line.split('#')[0]!.trim().split(/\s+/).slice(2);
  let command = createProgram(memoryHost(), COMMANDS, () => undefined);
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return { command, flags: words.filter((word) => word.startsWith('--')) };
}

describe('the README', () => {
  it('shows both commands before anything else is asked of the reader', () => {
    const [first] = /```[\s\S]*?```/.exec(readme)!;
    expect(first).toContain('npm ci && npm run demo');
    expect(first).toContain('npm ci && npm test');
  });

  it.each([...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!))(
    'names a script that exists: %s',
    (name) => expect(Object.keys(scripts)).toContain(name),
  );

  it.each([...readme.matchAll(/^npx temper .*$/gm)].map(([line]) => line))(
    'shows a command that exists: %s',
    (line) => {
      const { command, flags } = resolve(line);
      expect(command.commands).toEqual([]);
      expect(command.options.map(({ long }) => long)).toEqual(expect.arrayContaining(flags));
    },
  );

  it.each([...folders('src'), ...folders('pipelines')])('says in one sentence what belongs in %s', (room) => {
    const row = readme.split('\n').filter((line) => line.startsWith(`| \`${room}\``));
    expect(row).toHaveLength(1);
    expect(row[0]).toMatch(/\|[^|]+[.;]\s*\|$/);
  });

  it.each(
    [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!).filter((path) => !path.includes(':')),
  )('links to a file that exists: %s', (path) => expect(() => readFileSync(join(ROOT, path))).not.toThrow());
});
