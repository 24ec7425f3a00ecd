import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { AttackDefinition } from '../../../src/attacks/attack.ts';
import { CATALOGUE } from '../../../src/attacks/catalogue.ts';
import { loadData, type DataSlice } from '../../../src/data/dataset.ts';
import { recipeId, type Parameter } from '../../../src/domain/recipe.ts';
import type { Norm, ThreatModel } from '../../../src/domain/threat-model.ts';
import { evaluateExamples } from '../../../src/evaluation/evaluate.ts';
import { openAttacks } from '../../../src/evaluation/open-attacks.ts';
import { evaluationResultSchema } from '../../../src/evaluation/result.ts';
import type { TaskRunner } from '../../../src/evaluation/task-runner.ts';
import { runAttackAndRefine, runAttackShard, runScoreShard } from '../../../src/evaluation/tasks.ts';
import { writeArtifact } from '../../../src/models/artifact.ts';
import { digitsNetwork } from '../../../src/models/network.ts';
import { forgetReplicas } from '../../../src/models/replica.ts';
import type { ModelRef } from '../../../src/domain/model-ref.ts';
import { encodeNpz } from '../../../src/protocols/npz.ts';
import { tf } from '../../../src/engine/tf.ts';
import { startTestBackend, testEngine } from '../../support/engine.ts';
import { quickRecipe } from '../../support/quick-recipes.ts';

const EPSILON: Readonly<Record<Norm, number>> = { linf: 0.1, l2: 1, l1: 5, l0: 8 };

let folder: string;
let data: DataSlice;
let model: ModelRef;

beforeAll(async () => {
  await startTestBackend();
  folder = await mkdtemp(join(tmpdir(), 'temper-catalogue-'));
  const network = (seed: number) => digitsNetwork({ seed, filters: [3, 3], hidden: 8 });
  model = await writeArtifact(join(folder, 'model'), network(1));
  await writeArtifact(join(folder, 'surrogate'), network(2));
  data = (await loadData('mnist:test')).slice(0, 12);
  const { inputs } = data.rows(Array.from({ length: 12 }, (_, i) => i));
  const adversarial = inputs.map((x) => Math.min(1, x + 0.05));
  await writeFile(
    join(folder, 'set.npz'),
    encodeNpz({
      inputs: { data: inputs, shape: [12, 784] },
      adversarial: { data: adversarial, shape: [12, 784] },
    }),
  );
});
afterAll(async () => {
  await forgetReplicas();
  await rm(folder, { recursive: true });
});

/** The tasks as compute workers do them, in this process. */
const pool: TaskRunner = {
  engine: testEngine,
  run: async (task, input) => {
    const works = { runScoreShard, runAttackShard, runAttackAndRefine };
    const work = works[task.exportName as keyof typeof works] as (given: never) => Promise<unknown>;
    return (await work(input as never)) as never;
  },
};

/** What has no default, small. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, Parameter>>>> = {
  transfer: { surrogates: 'surrogate', recipe: 'bim-2' },
  universal: { data: 'mnist:validation', rows: 8, epochs: 1 },
  precomputed: { file: 'set.npz' },
  spatial: { turns: 3, shifts: 1 },
};

async function evaluate(threat: ThreatModel, names: readonly string[], files: readonly string[]) {
  const opened = await openAttacks(names, { folder, files });
  const { result, perExample } = await evaluateExamples({
    pool,
    model,
    data,
    ...opened.for({ norm: threat.norm, classes: data.classes }),
    threat,
    seed: 1,
  });
  return { result: evaluationResultSchema.parse(JSON.parse(JSON.stringify(result))), perExample };
}

describe.each(CATALOGUE.map((attack) => [attack.name, attack] as const))('%s', (name, attack) => {
  const norm = attack.norms[0] ?? 'linf';
  const threat: ThreatModel = { norm, epsilon: EPSILON[norm], range: [0, 1], access: 'gradients' };

  test('runs from a recipe file, and leaves no tensor behind', async () => {
    const file = join(folder, `${name}.yaml`);
    const quick = { ...quickOf(attack), ...NEEDED[name] };
    await writeFile(
      file,
      stringify({
        schema: 'temper/recipes/1',
        name: 'mine',
        version: '1',
        recipes: [{ name: 'the-one', attack: name, parameters: quick }],
        suites: [{ name: 'my-suite', recipes: ['the-one'] }],
      }),
    );
    await evaluate(threat, ['the-one'], [file]);
    const before = tf.memory().numTensors;
    const { result, perExample } = await evaluate(threat, ['the-one'], [file]);
    expect(tf.memory().numTensors).toBe(before);
    const [found] = result.attacks;
    expect(found).toMatchObject({ recipe: 'the-one', ...(attack.limits === 'own' ? { limits: 'own' } : {}) });
    expect(found!.forward_queries).toBeGreaterThan(0);
    expect(result.worst_case === undefined).toBe(attack.limits === 'own');
    if (attack.limits !== 'own')
      perExample.attacks[0]!.survives.forEach((survives, i) => {
        if (perExample.attacks[0]!.attacked[i] === 1 && survives === 0)
          expect(perExample.attacks[0]!.distance[i]).toBeLessThanOrEqual(Math.fround(threat.epsilon));
      });
  });
});

function quickOf(attack: AttackDefinition): Record<string, Parameter> {
  return attack.name in NEEDED ? {} : { ...quickRecipe(attack).parameters };
}

test('a suite of a recipe file runs like a built-in one', async () => {
  const file = join(folder, 'suite.json');
  await writeFile(
    file,
    JSON.stringify({
      schema: 'temper/recipes/1',
      name: 'mine',
      version: '2.1',
      recipes: [
        { name: 'one', attack: 'fgsm' },
        { name: 'two', attack: 'pgd', parameters: { steps: 2 } },
      ],
      suites: [{ name: 'both', recipes: ['one', 'two'] }],
    }),
  );
  const { result } = await evaluate(
    { norm: 'linf', epsilon: 0.1, range: [0, 1], access: 'gradients' },
    ['both'],
    [file],
  );
  expect(result.suites).toMatchObject([{ name: 'both', version: '2.1', recipes: ['one', 'two'] }]);
});

test('what a recipe names counts by its content: the same file elsewhere is the same recipe', async () => {
  const named = async (path: string) => {
    const opened = await openAttacks([`precomputed?file=${path}`], { folder });
    return recipeId(opened.for({ norm: 'linf', classes: 10 }).recipes[0]!);
  };
  await copyFile(join(folder, 'set.npz'), join(folder, 'copy.npz'));
  expect(await named('copy.npz')).toBe(await named('set.npz'));
  await writeFile(join(folder, 'copy.npz'), encodeNpz({ perturbation: { data: new Float32Array(784) } }));
  expect(await named('copy.npz')).not.toBe(await named('set.npz'));
});

describe('a custom attack', () => {
  const threat: ThreatModel = { norm: 'linf', epsilon: 0.1, range: [0, 1], access: 'gradients' };
  const fixture = resolve('test/fixtures/custom-attack.cjs');

  test('runs under the same meter, by its path', async () => {
    const name = `module:${fixture}?size=0.5`;
    const { result } = await evaluate(threat, [name, 'fgsm?loss=margin'], []);
    expect(result.attacks[0]).toMatchObject({ recipe: name });
    expect(result.attacks[0]!.gradient_queries).toBe(result.attacks[1]!.gradient_queries);
    const whole = await evaluate(threat, [`module:${fixture}`], []);
    // At its full size it is FGSM on the margin.
    expect(whole.result.attacks[0]!.robust_accuracy).toEqual(result.attacks[1]!.robust_accuracy);
  });

  test.each([
    ['nothing.cjs', undefined, /a file that can be read/],
    ['empty.cjs', '', /an export createAttack/],
    [
      'throws.cjs',
      'module.exports.createAttack = () => { throw new Error("no") }',
      /to define an attack, got no/,
    ],
    ['broken.cjs', 'module.exports = {', /a module that loads/],
    [
      'wrong.cjs',
      'module.exports.createAttack = () => ({ name: "x" })',
      /what defineAttack returns, got summary/,
    ],
  ])('%s is refused, and the message says why', async (file, content, message) => {
    if (content !== undefined) await writeFile(join(folder, file), content);
    await expect(openAttacks([`module:${file}`], { folder })).rejects.toThrow(message);
    await expect(openAttacks([`module:${file}`], { folder })).rejects.toMatchObject({
      code: 'TEMPER_ATTACK_MODULE',
    });
  });

  test('parameters are checked by its own schema', async () => {
    await expect(openAttacks([`module:${fixture}?size=7`], { folder })).rejects.toThrow(/size: .*<=1/);
  });
});
