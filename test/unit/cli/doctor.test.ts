import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { exitCodeOfFindings } from '../../../src/cli/commands/doctor.ts';
import { checkStream } from '../../../src/cli/doctor/files.ts';
import { checkRecipes } from '../../../src/cli/doctor/recipes.ts';
import { checkRegistry } from '../../../src/cli/doctor/registry.ts';
import { checkServed } from '../../../src/cli/doctor/served.ts';
import type { Check, Finding } from '../../../src/cli/doctor/finding.ts';
import type { Run } from '../../../src/cli/run.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { memoryHost } from './host.ts';

const folder = mkdtempSync(join(tmpdir(), 'temper-doctor-'));

function inspect(check: Check, extra = ''): Promise<readonly Finding[]> {
  const text = `
model: { name: digits, inputShape: [28, 28, 1], classes: 10 }
threatModel: { epsilon: 0.3 }
stream: { files: [{ path: there.jsonl }, { path: later.jsonl }, { path: folder }], sampling: { key: { env: KEY } } }
served: { url: "http://127.0.0.1:9" }
${extra}`;
  const config = parseConfig(text, { file: 'temper.yaml', folder, env: { KEY: 'k' } });
  const host = memoryHost({ cwd: folder });
  // The checks read only these members.
  return check(config, { host, logger: silentLogger } as unknown as Run);
}

test('streamed files: there, not there yet, and no file at all', async () => {
  writeFileSync(join(folder, 'there.jsonl'), '');
  mkdirSync(join(folder, 'folder'), { recursive: true });
  expect((await inspect(checkStream)).map(({ state }) => state)).toEqual(['ok', 'warn', 'fail']);
});

test('a served model that does not answer is unreachable, with what to do', async () => {
  const [finding] = await inspect(checkServed);
  expect(finding).toMatchObject({
    state: 'unreachable',
    fix: expect.stringContaining('served.url') as string,
  });
});

test('an empty registry is a warning that says how to begin', async () => {
  const findings = await inspect(checkRegistry);
  expect(findings.map(({ state }) => state)).toEqual(['ok', 'warn', 'ok']);
  expect(findings[1]?.fix).toContain('temper models promote');
});

test('recipes: the defaults exist; an unknown one and one of another norm are named with their key', async () => {
  expect(await inspect(checkRecipes)).toEqual([expect.objectContaining({ state: 'ok' })]);
  const findings = await inspect(checkRecipes, 'probing: { sentinels: [pgd-20, qgd-20] }');
  expect(findings).toEqual([
    expect.objectContaining({
      state: 'fail',
      finding: expect.stringContaining('probing.sentinels') as string,
    }),
  ]);
});

test.each<[Finding['state'][], number]>([
  [['ok', 'warn'], 0],
  [['ok', 'fail'], 1],
  [['fail', 'unreachable', 'ok'], 3],
])('states %p end with %i', (states, code) => {
  expect(exitCodeOfFindings(states.map((state) => ({ subject: 'x', state, finding: '' })))).toBe(code);
});
