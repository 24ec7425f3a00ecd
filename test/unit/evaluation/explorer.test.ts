import fc from 'fast-check';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAttack } from '../../../src/attacks/catalogue.ts';
import {
  crossGenomes,
  drawGenome,
  mutateGenome,
  nicheOf,
  recipeOf,
  type GrammarSubject,
} from '../../../src/attacks/explorer/grammar.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import { createSlice } from '../../../src/data/slice.ts';
import { createRng } from '../../../src/domain/rng.ts';
import type { ThreatModel } from '../../../src/domain/threat-model.ts';
import { coverGreedily } from '../../../src/evaluation/explorer/cover.ts';
import { explore } from '../../../src/evaluation/explorer/explore.ts';
import { memoryLedger, openLedger } from '../../../src/evaluation/explorer/ledger.ts';
import { nearness, rewardOf } from '../../../src/evaluation/explorer/search.ts';
import { exploreSettingsSchema } from '../../../src/evaluation/explorer/settings.ts';
import { joinTrials, tryOn, type Trial } from '../../../src/evaluation/explorer/trial.ts';
import { createTargetRunner } from '../../../src/evaluation/task-runner.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';

const SHAPE = [5, 5, 1] as const;
const CLASSES = 5;
const COUNT = 40;
const network = networkTarget(randomWeights({ features: 25, hidden: 14, classes: CLASSES }, 5), SHAPE);
const INPUTS = randomInputs(COUNT, 25, 4);
const threat: ThreatModel = { norm: 'linf', epsilon: 0.05, range: [0, 1], access: 'gradients' };
const subject: GrammarSubject = { norm: 'linf', classes: CLASSES, isImage: true };

describe('the grammar', () => {
  const genomes = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 300 }));

  test('every draw is a recipe that runs within its budget', async () => {
    const labels = await ownLabels(network, INPUTS);
    await fc.assert(
      fc.asyncProperty(genomes, async ([seed, gradients]) => {
        const rng = createRng('grammar', seed);
        const parents = [drawGenome(rng, subject), drawGenome(rng, subject)] as const;
        const genome = mutateGenome(crossGenomes(parents, rng, subject), rng, subject);
        const recipe = recipeOf(genome, gradients);
        expect(parseRecipe(recipe)).toEqual(recipe);
        expect(findAttack(recipe.attack).norms).toContain('linf');
        const trial = await tryOn(network, {
          recipe,
          inputs: INPUTS.slice(0, 75),
          labels: labels.slice(0, 3),
          ids: ['a', 'b', 'c'],
          threat,
          seed: 1,
        });
        // A path has at least one step behind its start, even where the budget is less.
        expect(trial.gradientQueries / 3).toBeLessThanOrEqual(Math.max(gradients, 9 * 3));
        expect(trial.compute).toBeLessThanOrEqual(3 * Math.max(gradients, 27) + 60);
        trial.success.forEach((success, i) => expect(success === 1).toBe(trial.margins[i]! >= 0));
      }),
      { numRuns: 60 },
    );
  });

  test('what makes no difference has one form', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { attack, parameters } = drawGenome(createRng('form', seed), subject);
      if (attack === 'square') continue;
      if (parameters['momentum'] === 0) expect(parameters['ahead']).toBe(false);
      if (parameters['step'] !== 'inertial') expect(parameters['trust']).toBe(0.75);
      if (!String(parameters['loss']).startsWith('ranked')) expect(parameters['second']).toBe(0.5);
      expect(Number(parameters['targets'])).toBeLessThan(CLASSES);
    }
  });

  test('tables, few classes and L1 get only what works there', () => {
    for (let seed = 0; seed < 200; seed++) {
      const genome = drawGenome(createRng('table', seed), { norm: 'l1', classes: 2, isImage: false });
      expect(genome.attack).toBe('composed');
      expect(genome.parameters).toMatchObject({ diversity: 0, step: 'sparse' });
      expect(genome.parameters['loss']).not.toBe('dlr');
      expect(nicheOf(genome)).not.toContain('dlr');
    }
  });
});

const trialOf = (margins: number[]): Trial => ({
  margins: Float64Array.from(margins),
  success: Uint8Array.from(margins, (margin) => Number(margin >= 0)),
  forwardQueries: 10,
  gradientQueries: 10,
  compute: 30,
});

test('the reward is what was gained in clean margins, not only successes', () => {
  const control = trialOf([-1, -0.5, 0.3]);
  expect(rewardOf(trialOf([-0.5, 0.2, 9]), control, [1, 2, 1])).toBeCloseTo((0.5 + 0.25 + 0) / 3);
  expect(rewardOf(control, control, [1, 2, 1])).toBe(0);
  expect([nearness(-Infinity, 1), nearness(-1, 1), nearness(0, 1), nearness(4, 1)]).toEqual([-1, 0, 1, 1]);
});

test('the cover takes what gains most per cost, then what does most alone, and stops where nothing fits', () => {
  const recipe = (name: string) => parseRecipe({ name, attack: 'fgsm' });
  const wide = { recipe: recipe('wide'), trial: { ...trialOf([0, 0, 0, -1]), compute: 90 } };
  const narrow = { recipe: recipe('narrow'), trial: { ...trialOf([0, 0, -1, -1]), compute: 10 } };
  const other = { recipe: recipe('other'), trial: { ...trialOf([-1, -1, -1, 0]), compute: 50 } };
  const copy = { recipe: recipe('copy'), trial: narrow.trial };
  const scale = [1, 1, 1, 1];
  const names = (budget: number) =>
    coverGreedily([wide, narrow, other, copy], { scale, budget }).map((one) => one.recipe.name);
  expect(names(1000)).toEqual(['narrow', 'other', 'wide', 'copy']);
  expect(names(70)).toEqual(['narrow', 'other', 'copy']);
  expect(names(5)).toEqual([]);
});

test('trials of shards join in order', () => {
  const joined = joinTrials([trialOf([1, -1]), { ...trialOf([-2]), compute: 40 }]);
  expect([...joined.margins]).toEqual([1, -1, -2]);
  expect(joined).toMatchObject({ forwardQueries: 20, compute: 40 });
});

describe('a search', () => {
  const settings = exploreSettingsSchema.parse({
    rows: 12,
    generations: 2,
    candidates: 8,
    keep: 2,
    firstGradients: 4,
    rungs: 2,
    finalists: 3,
    finalGradients: 12,
    portfolioCompute: 200,
  });
  let directory: string;
  beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'temper-explore-'))));
  afterAll(() => rm(directory, { recursive: true }));

  async function search(given: Partial<Parameters<typeof explore>[0]> = {}) {
    const labels = Uint8Array.from(await ownLabels(network, INPUTS));
    const store = { inputs: INPUTS, labels, inputShape: SHAPE, classes: CLASSES };
    return explore({
      pool: createTargetRunner(network, 'wasm'),
      model: { path: 'a target', sha256: '0' },
      data: createSlice('toy:all', store, Uint32Array.from(labels.keys())),
      threat,
      seed: 1,
      settings,
      ledger: memoryLedger(),
      ...given,
    });
  }

  test('ends with finds that are recipes, the best first, and a portfolio of them within its cost', async () => {
    const found = await search();
    expect(found.rows).toBe(12);
    expect(found.finds.length).toBeGreaterThan(2);
    for (const { recipe, reward } of found.finds) {
      expect(parseRecipe(recipe)).toEqual(recipe);
      expect(reward).toBeLessThanOrEqual(found.finds[0]!.reward);
    }
    const members = found.finds.filter(({ inPortfolio }) => inPortfolio);
    expect(new Set(members.map(({ recipe }) => recipe.name))).toEqual(
      new Set(found.portfolio.map(({ name }) => name)),
    );
    expect(members.reduce((sum, { compute }) => sum + compute, 0)).toBeLessThanOrEqual(200);
  });

  test('the same seed finds the same, another one something else', async () => {
    const first = await search();
    expect(await search()).toEqual(first);
    expect((await search({ seed: 2 })).finds).not.toEqual(first.finds);
  });

  test('interrupted anywhere, it goes on where it was and ends alike, trying nothing twice', async () => {
    const path = join(directory, 'trials');
    const whole = await search({ ledger: await openLedger(path) });
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const half = join(directory, 'half');
    const kept = lines.slice(0, Math.floor(lines.length / 2));
    // The process died while it wrote a line.
    await writeFile(half, `${kept.join('\n')}\n${lines.at(-1)!.slice(0, 40)}`);
    expect(await search({ ledger: await openLedger(half) })).toEqual(whole);
    const after = (await readFile(half, 'utf8')).trimEnd().split('\n');
    expect(new Set(after.slice(kept.length + 1)).size).toBe(lines.length - kept.length);
    await appendFile(half, '\n');
    const asked = network.asked.length;
    expect(await search({ ledger: await openLedger(half) })).toEqual(whole);
    // The labels of the test itself, and clean scores.
    expect(network.asked.length - asked).toBe(2);
  });

  test('stops when asked to', async () => {
    await expect(search({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'TEMPER_INTERRUPTED',
    });
  });

  test('a budget that is used up ends it after the rung', async () => {
    const small = await search({ settings: { ...settings, gradients: 1 } });
    expect(small.trials).toBeLessThan((await search()).trials);
  });

  test('a model that any attack breaks has nothing to search on', async () => {
    await expect(search({ threat: { ...threat, epsilon: 0.9 } })).rejects.toThrow(
      /any attack breaks this model/,
    );
  });
});
