import { behindDefence } from '../../../src/attacks/defended.ts';
import { presetRecipe } from '../../../src/attacks/presets.ts';
import { createSlice } from '../../../src/data/slice.ts';
import { createRng } from '../../../src/domain/rng.ts';
import type { GradientTarget } from '../../../src/domain/target.ts';
import { evaluateModel, type EvaluateOptions } from '../../../src/evaluation/evaluate.ts';
import { inspect } from '../../../src/evaluation/indicators/inspect.ts';
import type { AttackedBatch } from '../../../src/evaluation/attack-batch.ts';
import { pairedLower } from '../../../src/evaluation/indicators/paired.ts';
import { lateGain } from '../../../src/evaluation/indicators/trace.ts';
import { evaluationResultSchema, type EvaluationResult } from '../../../src/evaluation/result.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';
import { createTargetRunner } from '../../../src/evaluation/task-runner.ts';
import { testEngine } from '../../support/engine.ts';

const SHAPE = [5, 5, 1] as const;
const FEATURES = 25;
const CLASSES = 4;
const COUNT = 60;
const network = networkTarget(randomWeights({ features: FEATURES, hidden: 12, classes: CLASSES }, 3), SHAPE);
const INPUTS = randomInputs(COUNT, FEATURES, 8);

async function check(
  target: GradientTarget,
  given: Partial<EvaluateOptions> = {},
): Promise<EvaluationResult> {
  // A fifth is misread, as in life.
  const labels = Uint8Array.from(await ownLabels(network, INPUTS), (label, i) =>
    i % 5 === 0 ? (label + 1) % CLASSES : label,
  );
  const store = { inputs: INPUTS, labels, inputShape: SHAPE, classes: CLASSES };
  const result = await evaluateModel({
    pool: createTargetRunner(target, testEngine),
    model: { path: 'a target', sha256: '0' },
    data: createSlice(
      'toy:all',
      store,
      Uint32Array.from({ length: COUNT }, (_, i) => i),
    ),
    recipes: [presetRecipe('pgd-20')],
    threat: { norm: 'linf', epsilon: 0.06, range: [0, 1], access: 'gradients' },
    seed: 2,
    masking: { examples: COUNT, queries: 150, escalatedQueries: 600 },
    ...given,
  });
  return evaluationResultSchema.parse(JSON.parse(JSON.stringify(result)));
}

/** Scores and gradients after a function of one row of scores, with its derivative. */
function mapped(
  map: (scores: Float32Array) => Float32Array,
  pullBack: (derivative: Float32Array, mapped: Float32Array) => Float32Array,
): GradientTarget {
  const mapAll = (scores: Float32Array): Float32Array => eachRow(scores, map);
  return {
    inputShape: SHAPE,
    classes: CLASSES,
    scores: async (batch) => mapAll(await network.scores(batch)),
    async gradient(batch, loss) {
      let outer = new Float32Array();
      const { losses, gradient } = await network.gradient(batch, (scores, given) => {
        outer = Float32Array.from(mapAll(scores));
        const { values, derivative } = loss(outer, given);
        return {
          values,
          derivative: eachRow(derivative, (row, at) => pullBack(row, outer.subarray(at, at + CLASSES))),
        };
      });
      return { scores: outer, losses, gradient };
    },
  };
}

function eachRow(
  values: Float32Array,
  change: (row: Float32Array, at: number) => Float32Array,
): Float32Array {
  const changed = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += CLASSES)
    changed.set(change(values.subarray(at, at + CLASSES), at), at);
  return changed;
}

const times = (factor: number) => (row: Float32Array) => row.map((x) => factor * x);
const loud = mapped(times(1000), times(1000));

const probabilities = mapped(
  (scores) => {
    const most = Math.max(...scores);
    const sum = scores.reduce((total, z) => total + Math.exp(z - most), 0);
    return scores.map((z) => Math.exp(z - most) / sum);
  },
  (derivative, p) => {
    const mean = derivative.reduce((total, d, k) => total + d * p[k]!, 0);
    return derivative.map((d, k) => p[k]! * (d - mean));
  },
);

test('an honest network raises nothing', async () => {
  const result = await check(network);
  expect(result.masking).toBe('none');
  expect(result.masking_evidence).toMatchObject({ examples: 48, raised: [] });
  expect(result.masking_evidence).not.toHaveProperty('escalated');
  expect(result.indicators).toMatchObject({
    softmax_output: false,
    randomised: false,
    zero_margin_gradient: 0,
    label_leak: false,
    unbounded_attack_fails: false,
    silent_success: 0,
  });
  expect(result.indicators!.incomplete_optimisation).toBeLessThan(0.1);
  expect(result.indicators!.black_box_beats_white_box).toBeLessThanOrEqual(0);
  // The check looks at the same attack on the same examples.
  expect(result.masking_evidence!.white_box!.value * 48).toBeCloseTo(
    result.attacks[0]!.robust_accuracy.value * COUNT,
    9,
  );
});

test('scores a thousand times too large: cross-entropy is blind, harder attacks with gradients are not', async () => {
  const honest = await check(network);
  const result = await check(loud);
  // What would be reported without the check is far too good.
  expect(result.worst_case!.value).toBeGreaterThan(honest.worst_case!.value + 0.2);
  expect(result.masking).toBe('caution');
  expect(result.indicators).toMatchObject({
    zero_margin_gradient: 0,
    softmax_output: false,
    unbounded_attack_fails: true,
  });
  expect(result.masking_evidence!.raised).toContain('unbounded_attack_fails');
  const { escalated, white_box } = result.masking_evidence!;
  expect(escalated!.white_box!.value).toBeLessThan(white_box!.value - 0.2);
  expect(escalated!.white_box!.value).toBeLessThanOrEqual(honest.masking_evidence!.white_box!.value);
});

test.each(['pgd-40x2', 'apgd-ce-30', 'apgd-margin-30', 'bim-20', 'mi-fgsm-10', 'apgd-t-20'])(
  'an honest network raises nothing under %s either',
  async (name) => {
    const { indicators, masking_evidence } = await check(network, { recipes: [presetRecipe(name)] });
    expect(masking_evidence!.raised).toEqual([]);
    expect(indicators).toMatchObject({ silent_success: 0 });
    expect(indicators!.incomplete_optimisation).toBeLessThan(0.4);
  },
);

test('steps too small to arrive: incomplete', async () => {
  const slow = presetRecipe('pgd?steps=10&relativeStep=0.01&start=origin');
  const { indicators, masking_evidence, masking } = await check(network, { recipes: [slow] });
  expect(indicators!.incomplete_optimisation).toBeGreaterThan(0.9);
  expect(masking_evidence!.raised).toContain('incomplete_optimisation');
  expect(masking).not.toBe('none');
  // One recipe that arrives is enough.
  const both = await check(network, { recipes: [slow, presetRecipe('pgd-20')] });
  expect(both.masking_evidence!.raised).not.toContain('incomplete_optimisation');
});

test('an attack that forgets what it has passed: silent successes', async () => {
  const honest = createTargetRunner(network, testEngine);
  const forgetful: typeof honest = {
    engine: testEngine,
    async run(task, input) {
      const output = await honest.run(task, input);
      if (task.exportName !== 'runAttackShard') return output;
      const batch = output as AttackedBatch; // by the name of the task
      return { ...batch, success: batch.success.fill(0) } as typeof output;
    },
  };
  const { indicators, masking_evidence } = await check(network, { pool: forgetful });
  expect(indicators!.silent_success).toBeGreaterThan(0.2);
  expect(masking_evidence!.raised).toContain('silent_success');
});

test.each<[number[], number]>([
  [[], 0],
  [[-1], 0],
  [[-2, -1], 1],
  [[-1, -1, -1], 0],
  [Array.from({ length: 21 }, (_, i) => i), 0.1],
  [Array.from({ length: 100 }, (_, i) => 1 - 0.5 ** i), 0],
  [[-Infinity, -2, -1, -1, -1, -1], 0],
])('late gain, case %#', (margins, expected) => expect(lateGain(margins)).toBeCloseTo(expected));

test('an attack that does not saturate sees through large scores: nothing but the blind control is raised', async () => {
  const result = await check(loud, { recipes: [presetRecipe('apgd-margin-30')] });
  expect(result.masking_evidence!.raised).not.toContain('black_box_beats_white_box');
  expect(result.masking).not.toBe('masked');
});

test('probabilities instead of logits: caution', async () => {
  const result = await check(probabilities);
  expect(result.indicators!.softmax_output).toBe(true);
  expect(result.masking_evidence!.raised).toContain('softmax_output');
  expect(result.masking).toBe('caution');
});

test('a defence that shatters gradients: masked', async () => {
  const result = await check(
    behindDefence(network, {
      apply: ({ inputs }) => inputs.map((x) => Math.round(200 * x) / 200),
      pullBack: (gradient) => gradient.map(() => 0),
    }),
  );
  expect(result.indicators!.zero_margin_gradient).toBe(1);
  expect(result.masking_evidence!.raised).toContain('zero_margin_gradient');
  expect(result.masking_evidence!.escalated!.advantage_lower).toBeGreaterThan(0.02);
  expect(result.masking).toBe('masked');
});

test('gradients that point the wrong way: FGSM with true labels helps the model', async () => {
  // tanh of a small multiple of Σ(x − ½): bright or dark, so that one long step does what its gradient says.
  const straight = networkTarget(
    { w1: [Array<number>(FEATURES).fill(0.01)], b1: [-0.005 * FEATURES], w2: [[1], [-1]], b2: [0, 0] },
    SHAPE,
  );
  const wrongWay: GradientTarget = {
    ...straight,
    async gradient(batch, loss) {
      const answer = await straight.gradient(batch, loss);
      return { ...answer, gradient: answer.gradient.map((g) => -g) };
    },
  };
  const labels = (await ownLabels(straight, INPUTS)).map((label, i) => (i % 2 === 0 ? label : 1 - label));
  const leak = async (target: GradientTarget): Promise<number> => {
    const threat = { norm: 'linf', epsilon: 0.5, range: [0, 1], access: 'gradients' } as const;
    const { fgsmCorrect, cleanCorrect } = await inspect(target, { inputs: INPUTS, labels, threat });
    return pairedLower(fgsmCorrect, cleanCorrect, 0.95);
  };
  expect(await leak(wrongWay)).toBeGreaterThan(0);
  expect(await leak(straight)).toBeLessThan(0);
});

test('answers at random are seen', async () => {
  const rng = createRng('jitter');
  const result = await check({
    ...network,
    scores: async (batch) => (await network.scores(batch)).map((z) => z + 0.01 * rng.normal()),
  });
  expect(result.indicators!.randomised).toBe(true);
  expect(result.masking_evidence!.raised).toContain('randomised');
  expect(result.masking).not.toBe('none');
});

test('suspicion without a black-box attack for the norm cannot be cleared: masked', async () => {
  const given = { threat: { norm: 'l1', epsilon: 0.5, range: [0, 1], access: 'gradients' } as const };
  const honest = await check(network, given);
  expect(honest.masking_evidence!.raised).toEqual([]);
  const result = await check(probabilities, given);
  const couldEscalate = result.masking_evidence!.escalated !== undefined;
  expect(result.masking).toBe(couldEscalate ? 'caution' : 'masked');
});

test('it is not looked for where gradients are not granted', async () => {
  const blind = await check(network, {
    recipes: [presetRecipe('square-20')],
    threat: { norm: 'linf', epsilon: 0.06, range: [0, 1], access: 'scores' },
  });
  expect(blind).not.toHaveProperty('masking');
});

describe('paired lower limits', () => {
  const flags = (...runs: [flag: number, count: number][]): Uint8Array =>
    Uint8Array.from(runs.flatMap(([flag, count]) => Array.from({ length: count }, () => flag)));

  test('equal flags: at most 0; ten of a hundred only in the first: above 0', () => {
    expect(pairedLower(flags([1, 100]), flags([1, 100]), 0.95)).toBeLessThanOrEqual(0);
    const lower = pairedLower(flags([1, 100]), flags([0, 10], [1, 90]), 0.95);
    expect(lower).toBeGreaterThan(0);
    expect(lower).toBeLessThan(0.1);
  });

  test('the limit is above the true difference in at most 5 % of draws', () => {
    const rng = createRng('paired coverage');
    let wrong = 0;
    const runs = 1500;
    for (let run = 0; run < runs; run++) {
      const draws = Array.from({ length: 80 }, () => rng.uniform());
      // Only first: 12 %; only second: 4 %; both: half of all.
      const first = Uint8Array.from(draws, (u) => Number(u < 0.12 || u > 0.5));
      const second = Uint8Array.from(draws, (u) => Number((u >= 0.12 && u < 0.16) || u > 0.5));
      wrong += Number(pairedLower(first, second, 0.95) > 0.08);
    }
    expect(wrong / runs).toBeLessThan(0.05);
  });
});
