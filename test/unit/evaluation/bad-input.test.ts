import type { AttackDefinition } from '../../../src/attacks/attack.ts';
import { ATTACKS, findAttack } from '../../../src/attacks/catalogue.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { featureCount, type GradientTarget } from '../../../src/domain/target.ts';
import type { Norm, ThreatModel } from '../../../src/domain/threat-model.ts';
import { attackBatch, type AttackBatchOptions } from '../../../src/evaluation/attack-batch.ts';
import {
  networkTarget,
  ownLabels,
  randomInputs,
  randomWeights,
  type CountingTarget,
} from '../../support/network-target.ts';
import { quickRecipe } from '../../support/quick-recipes.ts';

const SHAPE = [4, 5, 1];
const FEATURES = featureCount(SHAPE);
const COUNT = 6;
const EPSILON: Readonly<Record<Norm, number>> = { linf: 0.15, l2: 0.6, l1: 2, l0: 4 };
const INPUTS = randomInputs(COUNT, FEATURES, 3);

const networkOf = (classes: number): CountingTarget =>
  networkTarget(randomWeights({ features: FEATURES, hidden: 10, classes }, 7), SHAPE);
const network = networkOf(5);

/** Attacks that live on a target alone, those with limits of their own included, in every norm that they know. */
const EVERY = [...ATTACKS, findAttack('spatial')].flatMap((attack) =>
  (attack.norms.length === 0 ? (['linf'] as const) : attack.norms).map(
    (norm) => [attack.name, norm, attack] as const,
  ),
);

const threatOf = (norm: Norm, given: Partial<ThreatModel> = {}): ThreatModel => ({
  norm,
  epsilon: EPSILON[norm],
  range: [0, 1],
  access: 'gradients',
  ...given,
});

async function run(
  attack: AttackDefinition,
  given: Pick<AttackBatchOptions, 'threat'> & Partial<AttackBatchOptions>,
): ReturnType<typeof attackBatch> {
  const target = given.target ?? network;
  const count = given.labels?.length ?? COUNT;
  const recipe =
    attack.name === 'spatial' ? { name: 's', attack: 'spatial', parameters: {} } : quickRecipe(attack);
  return attackBatch({
    recipe: {
      ...recipe,
      parameters: { ...recipe.parameters, ...(attack.name === 'spatial' ? SPATIAL : {}) },
    },
    target,
    inputs: INPUTS.slice(0, count * FEATURES),
    labels: await ownLabels(networkOf(target.classes), INPUTS.slice(0, count * FEATURES)),
    ids: Array.from({ length: count }, (_, i) => `example-${i}`),
    seed: 1,
    ...given,
  });
}
const SPATIAL = { turns: 3, shifts: 3, degrees: 30, pixels: 1, search: 'grid', draws: 10 };

/** What any outcome has to be, whatever was given. */
function expectSound(found: Awaited<ReturnType<typeof attackBatch>>): void {
  expect(found.adversarial.every(Number.isFinite)).toBe(true);
  expect(found.distance.every((d) => d >= 0)).toBe(true);
  found.success.forEach((success, i) => {
    if (success === 1) expect(Number.isFinite(found.distance[i])).toBe(true);
  });
}

describe.each(EVERY)('%s in %s', (_, norm, attack) => {
  const threat = threatOf(norm);

  test('zero gradients: it ends, and what it reports is misread', async () => {
    const flat: GradientTarget = {
      ...network,
      async gradient(batch, loss) {
        const answer = await network.gradient(batch, loss);
        return { ...answer, gradient: new Float32Array(answer.gradient.length) };
      },
    };
    const found = await run(attack, { threat, target: flat });
    expectSound(found);
    const labels = await ownLabels(network, INPUTS);
    const after = await ownLabels(network, found.adversarial);
    found.success.forEach((success, i) => {
      if (success === 1) expect(after[i]).not.toBe(labels[i]);
    });
  });

  test('NaN away from the examples: it ends, and NaN is no success', async () => {
    const isKnown = (inputs: Float32Array, i: number): boolean =>
      Array.from({ length: COUNT }, (__, row) => row).some((row) =>
        inputs.subarray(i * FEATURES, (i + 1) * FEATURES).every((x, j) => x === INPUTS[row * FEATURES + j]),
      );
    const poison = (
      values: Float32Array,
      { inputs, count }: { inputs: Float32Array; count: number },
    ): Float32Array => {
      const width = values.length / count;
      return values.map((x, at) => (isKnown(inputs, Math.floor(at / width)) ? x : NaN));
    };
    const sick: GradientTarget = {
      ...network,
      scores: async (batch) => poison(await network.scores(batch), batch),
      async gradient(batch, loss) {
        const answer = await network.gradient(batch, (scores, given) => loss(poison(scores, batch), given));
        return {
          scores: poison(answer.scores, batch),
          losses: poison(answer.losses, batch),
          gradient: poison(answer.gradient, batch),
        };
      },
    };
    const found = await run(attack, { threat, target: sick });
    expectSound(found);
    expect(Array.from(found.success)).toEqual(Array(COUNT).fill(0));
  });

  test.each([2, 3])('%i classes: it works, or says how many it needs', async (classes) => {
    try {
      expectSound(await run(attack, { threat, target: networkOf(classes) }));
    } catch (caught) {
      expect(caught).toMatchObject({ code: 'TEMPER_ATTACK_PARAMETER' });
      expect((caught as AppError).message).toMatch(/needs at least (3|4) classes, the model has/);
    }
  });

  test('epsilon 0: nothing is tried, and only what is misread already counts', async () => {
    if (attack.limits === 'own') return;
    const labels = await ownLabels(network, INPUTS);
    labels[1] = (labels[1]! + 1) % 5;
    const found = await run(attack, { threat: { ...threat, epsilon: 0 }, labels });
    expect(Array.from(found.success)).toEqual([0, 1, 0, 0, 0, 0]);
    expect(found.forwardQueries.every((queries) => queries <= 1)).toBe(true);
  });

  test('an empty batch is an empty result, and nobody is asked', async () => {
    const target = networkOf(5);
    const found = await run(attack, { threat, target, labels: new Int32Array() });
    expect(found.success).toHaveLength(0);
    expect(target.asked.every(({ rows }) => rows.length === 0)).toBe(true);
  });

  test('a batch of one finds what it finds among others', async () => {
    const labels = await ownLabels(network, INPUTS);
    const [all, one] = [
      await run(attack, { threat }),
      await run(attack, { threat, labels: labels.slice(0, 1) }),
    ];
    expect(one.success[0]).toBe(all.success[0]);
    expect(one.distance[0]).toBe(all.distance[0]);
    expect(one.forwardQueries[0]).toBe(all.forwardQueries[0]);
  });

  test('all misread already: each counts at distance 0, and nothing is attacked', async () => {
    const labels = (await ownLabels(network, INPUTS)).map((label) => (label + 1) % 5);
    const found = await run(attack, { threat, labels });
    expect(Array.from(found.success)).toEqual(Array(COUNT).fill(1));
    expect(Array.from(found.distance)).toEqual(Array(COUNT).fill(0));
    expect(found.gradientQueries.every((queries) => queries === 0)).toBe(true);
    expect(found.forwardQueries.every((queries) => queries === 1)).toBe(true);
  });

  test('an endpoint that fails half-way: the error comes through as it is, once', async () => {
    const counting = networkOf(5);
    await run(attack, { threat, target: counting });
    const most = counting.asked.length;
    let left = Math.floor(most / 2);
    let failures = 0;
    const failing =
      <A extends unknown[], R>(ask: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        if (left-- > 0) return ask(...args);
        failures++;
        throw new AppError('TEMPER_TARGET_UNREACHABLE', 'no answer', { retryable: true });
      };
    const target: GradientTarget = {
      ...network,
      scores: failing((batch) => network.scores(batch)),
      gradient: failing((batch, loss) => network.gradient(batch, loss)),
    };
    if (most < 2) return;
    await expect(run(attack, { threat, target })).rejects.toMatchObject({
      code: 'TEMPER_TARGET_UNREACHABLE',
      retryable: true,
    });
    expect(failures).toBe(1);
  });

  test('a budget of two questions is kept, and ends it', async () => {
    const found = await run(attack, { threat: { ...threat, queryBudget: 2 } });
    expectSound(found);
    found.forwardQueries.forEach((queries) => expect(queries).toBeLessThanOrEqual(2));
  });
});
