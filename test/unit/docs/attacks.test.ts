import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cataloguePage } from '../../../src/attacks/catalogue-page.ts';
import { runCommandLine } from '../../../src/cli/program.ts';
import { attackBatch } from '../../../src/evaluation/attack-batch.ts';
import { openAttacks } from '../../../src/evaluation/open-attacks.ts';
import { readRecipeFiles } from '../../../src/evaluation/recipe-book.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';
import { memoryHost } from '../cli/host.ts';

const page = readFileSync('docs/attacks.md', 'utf8');

test('the reference is what the code prints (temper attack --list --markdown)', async () => {
  const at = page.indexOf('## Catalogue');
  expect(page.slice(at)).toBe(cataloguePage());
  const host = memoryHost();
  expect(await runCommandLine(['attack', '--list', '--markdown'], host)).toBe(0);
  expect(host.stdout.text()).toBe(page.slice(at));
});

describe('the examples of the page work', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'temper-docs-'))));
  afterAll(() => rm(folder, { recursive: true }));
  const block = (language: string, from: string): string =>
    new RegExp(`\`\`\`${language}\\n(${from}[\\s\\S]*?)\`\`\``).exec(page)![1]!;

  test('the recipe file is one, but for the model that it names', async () => {
    const file = join(folder, 'ours.yaml');
    const text = block('yaml', 'schema');
    await writeFile(file, text);
    await expect(readRecipeFiles([file])).rejects.toThrow(/small/);
    const without = text.split('\n').filter((line) => !line.includes('attack: transfer'));
    await writeFile(file, without.join('\n').replace(', from-the-small-model', ''));
    const { recipes, suites } = await readRecipeFiles([file]);
    expect([recipes.map(({ name }) => name), suites.map(({ name }) => name)]).toEqual([
      ['long-margin'],
      ['ours-all'],
    ]);
  });

  test('the module is an attack that finds something', async () => {
    await writeFile(join(folder, 'mine.cjs'), block('js', '// mine'));
    const opened = await openAttacks(['module:./mine.cjs'], { folder });
    const target = networkTarget(randomWeights({ features: 25, hidden: 12, classes: 4 }, 3), [5, 5, 1]);
    const inputs = randomInputs(20, 25, 8);
    const found = await attackBatch({
      recipe: opened.for({ norm: 'linf', classes: 4 }).recipes[0]!,
      target,
      inputs,
      labels: await ownLabels(target, inputs),
      ids: Array.from({ length: 20 }, (_, i) => `example-${i}`),
      threat: { norm: 'linf', epsilon: 0.2, range: [0, 1], access: 'scores' },
      seed: 1,
    });
    expect(found.success.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
    found.forwardQueries.forEach((queries) => expect(queries).toBeLessThanOrEqual(101));
  });
});
