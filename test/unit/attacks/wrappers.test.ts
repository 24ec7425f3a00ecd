import { behindDefence } from '../../../src/attacks/defended.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import type { Parameter } from '../../../src/domain/recipe.ts';
import { createRng } from '../../../src/domain/rng.ts';
import type { GradientTarget } from '../../../src/domain/target.ts';
import { attackBatch } from '../../../src/evaluation/attack-batch.ts';
import { networkTarget, ownLabels, randomInputs, randomWeights } from '../../support/network-target.ts';

const FEATURES = 12;
const COUNT = 24;
const network = networkTarget(randomWeights({ features: FEATURES, hidden: 10, classes: 4 }, 5), [FEATURES]);
const INPUTS = randomInputs(COUNT, FEATURES, 2);
const IDS = Array.from({ length: COUNT }, (_, i) => String(i));

async function broken(target: GradientTarget, parameters: Record<string, Parameter>): Promise<number> {
  const found = await attackBatch({
    recipe: parseRecipe({ name: 'x', attack: 'pgd', parameters }),
    target,
    inputs: INPUTS,
    labels: await ownLabels(network, INPUTS),
    ids: IDS,
    threat: { norm: 'linf', epsilon: 0.08, range: [0, 1], access: 'gradients' },
    seed: 4,
  });
  return found.success.reduce((sum, flag) => sum + flag, 0);
}

describe('around a defence (BPDA)', () => {
  const levels = 64;
  const round = (x: number): number => Math.round(x * levels) / levels;
  /** Rounding has the derivative 0 almost everywhere; the exact gradient says nothing. */
  const exact = behindDefence(network, {
    apply: ({ inputs }) => inputs.map(round),
    pullBack: (gradient) => gradient.map(() => 0),
  });
  const around = behindDefence(network, { apply: ({ inputs }) => inputs.map(round) });

  test('scores are those of the defended model', async () => {
    const batch = { inputs: INPUTS, count: COUNT, rows: Int32Array.from(IDS.keys()) };
    expect(await around.scores(batch)).toEqual(await network.scores({ ...batch, inputs: INPUTS.map(round) }));
  });

  test('an attack past a defence whose gradient is 0 breaks about what it breaks without the defence', async () => {
    const parameters = { steps: 20, start: 'origin' };
    const bare = await broken(network, parameters);
    expect(bare).toBeGreaterThan(COUNT / 3);
    expect(await broken(exact, parameters)).toBeLessThan(bare / 3);
    expect(await broken(around, parameters)).toBeGreaterThan(0.8 * bare);
  });
});

test('expectation over transformations finds its way through noise that hides single gradients', async () => {
  /** Gradients that are mostly noise; answers are clean, so that only the direction is hidden. */
  const noisy = (): GradientTarget => {
    const rng = createRng('gradient noise');
    return {
      ...network,
      async gradient(batch, loss) {
        const answer = await network.gradient(batch, loss);
        const size = Math.sqrt(answer.gradient.reduce((sum, g) => sum + g * g, 0) / answer.gradient.length);
        return { ...answer, gradient: answer.gradient.map((g) => g + 6 * size * rng.normal()) };
      },
    };
  };
  const parameters = { steps: 5, relativeStep: 0.25, start: 'origin' };
  const single = await broken(noisy(), parameters);
  const averaged = await broken(noisy(), { ...parameters, draws: 60 });
  expect(averaged).toBeGreaterThan(single + 2);
});

test('a temperature revives the gradients of scores that are a thousand times too large', async () => {
  const scale = 1000;
  const loud: GradientTarget = {
    ...network,
    async scores(batch) {
      return (await network.scores(batch)).map((z) => scale * z);
    },
    gradient: async (batch, loss) => {
      const answer = await network.gradient(batch, (scores, given) => {
        const { values, derivative } = loss(
          scores.map((z) => scale * z),
          given,
        );
        // A float32 softmax: what is below its smallest normal number is lost on the way back.
        return { values, derivative: derivative.map((d) => (Math.abs(d) < 1e-30 ? 0 : scale * d)) };
      });
      return { ...answer, scores: answer.scores.map((z) => scale * z) };
    },
  };
  const parameters = { steps: 20, start: 'origin' };
  const masked = await broken(loud, parameters);
  const bare = await broken(network, parameters);
  expect(masked).toBeLessThan(bare / 2);
  expect(await broken(loud, { ...parameters, temperature: scale })).toBe(bare);
  expect(await broken(loud, { ...parameters, temperature: 'auto' })).toBeGreaterThan(0.9 * bare);
  expect(await broken(loud, { ...parameters, loss: 'margin' })).toBeGreaterThan(0.9 * bare);
});
