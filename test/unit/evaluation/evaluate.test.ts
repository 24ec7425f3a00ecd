import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { presetRecipe } from '../../../src/attacks/presets.ts';
import { createSlice, type DataSlice } from '../../../src/data/slice.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import type { ModelRef } from '../../../src/domain/model-ref.ts';
import type { ThreatModel } from '../../../src/domain/threat-model.ts';
import { createPool, type ComputePool, type TaskFunction } from '../../../src/engine/pool.ts';
import {
  evaluateExamples,
  evaluateModel,
  type EvaluateOptions,
  type EvaluationProgress,
} from '../../../src/evaluation/evaluate.ts';
import { evaluationResultSchema } from '../../../src/evaluation/result.ts';
import { attackAndRefine, attackShard } from '../../../src/evaluation/tasks.ts';
import { writeArtifact } from '../../../src/models/artifact.ts';
import { buildNetwork } from '../../../src/models/network.ts';
import { replicaOf } from '../../../src/models/replica.ts';
import { clopperPearson } from '../../../src/statistics/clopper-pearson.ts';
import { ownLabels, randomInputs } from '../../support/network-target.ts';
import { startTestBackend, testEngine } from '../../support/engine.ts';

/** Runs tasks in this process, from their sources. */
const inProcess: ComputePool & { tasks: string[] } = {
  engine: testEngine,
  size: 1,
  tasks: [],
  async run(task, input) {
    inProcess.tasks.push(task.exportName);
    const module = (await import(task.modulePath)) as Record<string, TaskFunction<typeof input, never>>;
    return module[task.exportName]!(input, { engine: testEngine, progress: () => undefined });
  },
};

const COUNT = 300;
const WRONG = 30;
const threat: ThreatModel = { norm: 'linf', epsilon: 0.02, range: [0, 1], access: 'gradients' };
const recipes = ['pgd-4', 'fgsm', 'square-30'].map(presetRecipe);

let directory: string;
let model: ModelRef;
let data: DataSlice;
beforeAll(async () => {
  await startTestBackend();
  directory = await mkdtemp(join(tmpdir(), 'temper-evaluate-'));
  model = await writeArtifact(
    directory,
    buildNetwork({
      name: 'small',
      inputShape: [6, 6, 1],
      seed: 4,
      layers: [
        { kind: 'convolution', filters: 4, kernel: 3, stride: 2, activation: 'relu' },
        { kind: 'flatten' },
        { kind: 'dense', units: 4, activation: 'linear' },
      ],
    }),
  );
  const inputs = randomInputs(COUNT, 36, 9);
  const labels = Uint8Array.from(await ownLabels(await replicaOf(model), inputs), (label, i) =>
    i % (COUNT / WRONG) === 0 ? (label + 1) % 4 : label,
  );
  const store = { inputs, labels, inputShape: [6, 6, 1], classes: 4 };
  data = createSlice(
    'toy:all',
    store,
    Uint32Array.from({ length: COUNT }, (_, i) => i),
  );
});
afterAll(() => rm(directory, { recursive: true }));

const clock = { nowMs: () => 0 };
const evaluate = (given: Partial<EvaluateOptions> = {}) =>
  evaluateExamples({ pool: inProcess, model, data, recipes, threat, seed: 5, clock, ...given });

test('standalone: each recipe on everything that is read right; the worst case per example', async () => {
  const { result, perExample } = await evaluate();
  expect(evaluationResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  expect(result.clean_accuracy).toEqual(clopperPearson(COUNT - WRONG, COUNT, 0.95));
  expect(result.attacks.map(({ recipe }) => recipe)).toEqual(['pgd-4', 'fgsm', 'square-30']);
  let worst = 0;
  for (let i = 0; i < COUNT; i++)
    worst += perExample.attacks.every(({ survives }) => survives[i] === 1) ? 1 : 0;
  expect(result.worst_case).toEqual(clopperPearson(worst, COUNT, 0.95));
  expect(worst).toBeGreaterThan(0);
  result.attacks.forEach((attack, r) => {
    const found = perExample.attacks[r]!;
    expect(attack).toMatchObject({ scope: 'standalone', attacked: COUNT - WRONG });
    expect(attack.robust_accuracy.value).toBe(found.survives.filter((s) => s === 1).length / COUNT);
    expect(attack.robust_accuracy.value).toBeLessThan(result.clean_accuracy.value);
    expect(attack.forward_queries).toBe(found.forwardQueries.reduce((a, b) => a + b, 0));
    expect(attack.median_distance).toBeGreaterThan(0);
    expect(attack.median_distance).toBeLessThanOrEqual(Math.fround(threat.epsilon));
    for (let i = 0; i < COUNT; i++) {
      const wasWrong = perExample.cleanCorrect[i] === 0;
      expect(found.attacked[i]).toBe(wasWrong ? 0 : 1);
      expect(found.distance[i] === 0).toBe(wasWrong);
      if (found.survives[i] === 1) expect(found.distance[i]).toBe(Infinity);
    }
  });
  expect(result.attacks[2]!.gradient_queries).toBe(0);
  expect(result.indicators).toEqual({ softmax_output: false });
});

test('survivors: the same worst case for less', async () => {
  const alone = await evaluate();
  const { result } = await evaluate({ mode: 'survivors' });
  expect(result.worst_case).toEqual(alone.result.worst_case);
  expect(result.attacks[0]).toEqual({ ...alone.result.attacks[0], scope: 'survivors' });
  expect(result.attacks[1]!.attacked).toBe(Math.round(COUNT * result.attacks[0]!.robust_accuracy.value));
  expect(result.attacks[2]!.robust_accuracy).toEqual(result.worst_case);
  expect(result.attacks[2]!.forward_queries).toBeLessThan(alone.result.attacks[2]!.forward_queries);
});

test('certificates: what is proved is not attacked, and every verdict is the same', async () => {
  const tiny: ThreatModel = { ...threat, epsilon: 0.002 };
  const plain = await evaluate({ threat: tiny });
  const { result, perExample } = await evaluate({ threat: tiny, certify: true });
  expect(evaluationResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  const { certified_accuracy: certified, worst_case: worst } = result;
  expect(certified!.value).toBeGreaterThan(0);
  expect(certified!.value).toBeLessThanOrEqual(worst!.value);
  expect(worst).toEqual(plain.result.worst_case);
  perExample.attacks.forEach(({ survives, attacked }, i) => {
    expect(survives).toEqual(plain.perExample.attacks[i]!.survives);
    expect(attacked.reduce((sum, flag) => sum + flag, 0)).toBe(
      COUNT - WRONG - Math.round(COUNT * certified!.value),
    );
  });
});

test.each([
  ['L0', { norm: 'l0', epsilon: 3 }],
  ['another criterion', { criterion: { kind: 'top-k', k: 2 } }],
] as const)('certificates are refused for %s', async (_, change) => {
  await expect(
    evaluate({ threat: { ...threat, ...change }, certify: true, recipes: [] }),
  ).rejects.toMatchObject({
    code: 'TEMPER_ATTACK_PARAMETER',
  });
});

test('suites: own recipes only on what is left in the suite, others on everything; each suite with its version', async () => {
  const suite = { name: 'trial', version: '7', recipes };
  const other = { name: 'other', version: '1', recipes: [presetRecipe('bim-3')] };
  const alone = await evaluate();
  const { result, perExample } = await evaluate({ suites: [suite, other], recipes: [presetRecipe('pgd-6')] });
  expect(evaluationResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  expect(result.suites).toMatchObject([
    { name: 'trial', version: '7', recipes: ['pgd-4', 'fgsm', 'square-30'] },
    { name: 'other', version: '1', recipes: ['bim-3'] },
  ]);
  expect(result.suites![0]!.robust_accuracy).toEqual(alone.result.worst_case);
  expect(result.suites![1]!.robust_accuracy).toEqual(result.attacks[3]!.robust_accuracy);
  const scopes = result.attacks.map(({ scope, suite: name, attacked }) => [scope, name, attacked]);
  expect(scopes[0]).toEqual(['survivors', 'trial', COUNT - WRONG]);
  expect(scopes[3]).toEqual(['survivors', 'other', COUNT - WRONG]);
  expect(scopes[4]).toEqual(['standalone', undefined, COUNT - WRONG]);
  let worst = 0;
  for (let i = 0; i < COUNT; i++)
    worst += perExample.attacks.every(({ survives, attacked }) => attacked[i] === 0 || survives[i] === 1)
      ? perExample.cleanCorrect[i]!
      : 0;
  expect(result.worst_case!.value).toBe(worst / COUNT);
});

test('the first examples of more are the same examples', async () => {
  const whole = await evaluate();
  const part = await evaluate({ data: data.slice(0, 128) });
  expect(part.perExample.attacks[2]!.survives).toEqual(
    whole.perExample.attacks[2]!.survives.subarray(0, 128),
  );
  expect(part.result.data).toMatchObject({ name: 'toy:all', samples: 128 });
});

test('without recipes there is no worst case', async () => {
  const result = await evaluateModel({ pool: inProcess, model, data, recipes: [], threat, seed: 0 });
  expect(result).not.toHaveProperty('worst_case');
  expect(result.attacks).toEqual([]);
  evaluationResultSchema.parse(result);
});

test('nothing broken: no median; nothing left: nothing is attacked', async () => {
  const safe = await evaluate({ threat: { ...threat, epsilon: 1e-9 }, recipes: [recipes[0]!] });
  expect(safe.result.attacks[0]).not.toHaveProperty('median_distance');
  expect(safe.result.worst_case).toEqual(safe.result.clean_accuracy);
  const naked = await evaluate({ threat: { ...threat, epsilon: 1 }, mode: 'survivors' });
  expect(naked.result.attacks[2]).toMatchObject({ attacked: 0, forward_queries: 0 });
  expect(naked.result.worst_case).toMatchObject({ value: 0, lower: 0 });
});

test('progress counts every example once per stage', async () => {
  const seen: EvaluationProgress[] = [];
  await evaluate({ mode: 'survivors', onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)).toEqual({ stage: 'square-30', done: 4 * COUNT, total: 4 * COUNT });
  expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).sort((a, b) => a - b));
});

test('mistakes', async () => {
  await expect(evaluate({ data: data.slice(0, 0) })).rejects.toMatchObject({ code: 'TEMPER_STATS_EMPTY' });
  await expect(evaluate({ recipes: [recipes[0]!, recipes[0]!] })).rejects.toThrow('got "pgd-4" twice');
  await expect(evaluate({ threat: { ...threat, access: 'scores' } })).rejects.toMatchObject({
    code: 'TEMPER_ATTACK_ACCESS',
  });
});

test('attack and refine: distances shrink, queries include the bisection, disagreement shows', async () => {
  const { inputs, labels } = data.rows(Array.from({ length: 20 }, (_, i) => i));
  const ids = Array.from(labels, (_, i) => `sample-${i}`);
  const input = {
    model,
    recipe: recipes[0]!,
    inputs,
    labels,
    ids,
    threat: { ...threat, epsilon: 0.1 },
    seed: 1,
  };
  const refined = await inProcess.run(attackAndRefine, { ...input, bisectionSteps: 6 });
  const attacked = await inProcess.run(attackShard, input);
  expect(refined.success).toEqual(attacked.success);
  expect(refined.adversarial).toEqual(attacked.adversarial);
  refined.success.forEach((success, i) => {
    const steps = success === 1 && attacked.distance[i]! > 0 ? 6 : 0;
    expect(refined.forwardQueries[i]).toBe(attacked.forwardQueries[i]! + steps);
    if (steps > 0) expect(refined.refinedDistance[i]).toBeLessThanOrEqual(refined.distance[i]!);
    expect(refined.replicaClass[i] === labels[i]).toBe(i % (COUNT / WRONG) !== 0);
  });
  expect(refined.refinedDistance.some((d, i) => d < refined.distance[i]!)).toBe(true);
  expect(refined.distance[0]).toBe(0);
});

test('in compute processes the result does not depend on how many there are', async () => {
  const results = [];
  for (const workers of [1, 2]) {
    const pool = createPool({ engine: testEngine, workers, logger: silentLogger });
    try {
      results.push(await evaluate({ pool: pool.value }));
    } finally {
      await pool.stop();
    }
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[0]!.result).toEqual((await evaluate()).result);
}, 60_000);
