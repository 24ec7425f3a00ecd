import { createRng } from '../../../src/domain/rng.ts';
import {
  attackDirection,
  objectiveValue,
  scoresNeeded,
  type Objective,
} from '../../../src/training/objective.ts';

const objectives: Objective[] = [
  { kind: 'clean' },
  { kind: 'pgd' },
  { kind: 'mixed', kl: 0.5, clean: 0.2 },
  { kind: 'mixed', kl: 0, clean: 0 },
  { kind: 'trades', beta: 3 },
];

function randomScores(name: string, scale = 3): Float32Array {
  const rng = createRng('scores', name);
  return Float32Array.from({ length: 12 }, () => scale * rng.normal());
}

const labels = Int32Array.of(2, 0, 3);

function scoresFor(objective: Objective, scale = 3) {
  const needed = scoresNeeded(objective);
  return {
    adversarial: needed.adversarial ? randomScores('adversarial', scale) : undefined,
    clean: needed.clean ? randomScores('clean', scale) : undefined,
  };
}

test.each(objectives)('the derivative of %j equals finite differences', (objective) => {
  const scores = scoresFor(objective);
  const value = objectiveValue(objective, scores, labels);
  for (const part of ['adversarial', 'clean'] as const) {
    const given = scores[part];
    if (given === undefined) continue;
    given.forEach((score, i) => {
      const at = (moved: number): number => {
        const copy = Float32Array.from(given);
        copy[i] = moved;
        return objectiveValue(objective, { ...scores, [part]: copy }, labels).sum;
      };
      const [above, below] = [Math.fround(score + 2 ** -8), Math.fround(score - 2 ** -8)];
      expect(value[part]![i]).toBeCloseTo((at(above) - at(below)) / (above - below), 4);
    });
  }
});

test.each(objectives)('examples do not feel each other in %j', (objective) => {
  const scores = scoresFor(objective);
  const whole = objectiveValue(objective, scores, labels);
  let sum = 0;
  for (let row = 0; row < 3; row++) {
    const cut = (values: Float32Array | undefined) => values?.subarray(4 * row, 4 * row + 4);
    const alone = objectiveValue(
      objective,
      { adversarial: cut(scores.adversarial), clean: cut(scores.clean) },
      labels.subarray(row, row + 1),
    );
    sum += alone.sum;
    expect(alone.adversarial).toEqual(cut(whole.adversarial));
    expect(alone.clean).toEqual(cut(whole.clean));
  }
  expect(whole.sum).toBeCloseTo(sum, 9);
});

test.each(objectives)('scores of thousands overflow nothing in %j', (objective) => {
  const value = objectiveValue(objective, scoresFor(objective, 5000), labels);
  expect(Number.isFinite(value.sum)).toBe(true);
  expect((value.adversarial ?? value.clean)!.every(Number.isFinite)).toBe(true);
});

test('the divergence is zero, and flat, where attacked and clean scores agree', () => {
  const same = randomScores('same');
  const trades = objectiveValue({ kind: 'trades', beta: 5 }, { adversarial: same, clean: same }, labels);
  const clean = objectiveValue({ kind: 'clean' }, { clean: same }, labels);
  expect(trades.sum).toBeCloseTo(clean.sum, 9);
  trades.adversarial!.forEach((value) => expect(value).toBeCloseTo(0, 7));
});

test('the attack goes along the gradient of cross-entropy, row by row', () => {
  const scores = { adversarial: randomScores('a'), clean: undefined };
  const direction = attackDirection({ kind: 'mixed', kl: 1, clean: 1 }, scores, labels);
  const gradient = objectiveValue({ kind: 'pgd' }, scores, labels).adversarial!;
  direction.forEach((value, i) => {
    const scale = -gradient[4 * (i >> 2) + labels[i >> 2]!]!;
    expect(value * scale).toBeCloseTo(gradient[i]!, 5);
  });
});

test('for trades it goes along the gradient of the divergence from the clean scores', () => {
  const scores = { adversarial: randomScores('a'), clean: randomScores('c') };
  const direction = attackDirection({ kind: 'trades', beta: 9 }, scores, labels);
  expect(direction).toEqual(objectiveValue({ kind: 'trades', beta: 1 }, scores, labels).adversarial);
});

test('a row that is as sure as can be still says where uphill is', () => {
  const scores = { adversarial: Float32Array.of(3000, 0, -5), clean: undefined };
  const direction = attackDirection({ kind: 'pgd' }, scores, Int32Array.of(0));
  expect(direction[0]).toBe(-1);
  expect(direction[1]).toBeCloseTo(1 / (1 + Math.exp(-5)), 6);
});
