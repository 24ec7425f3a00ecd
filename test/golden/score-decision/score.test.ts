import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBall } from '../../../src/attacks/norms/create-ball.ts';
import { cosineBasis, ringOrder } from '../../../src/attacks/score/bases.ts';
import type { Climb } from '../../../src/attacks/score/climb.ts';
import { createEstimate, type StepRule } from '../../../src/attacks/score/estimated.ts';
import { adamRule, plateauRule } from '../../../src/attacks/score/step-rules.ts';
import { createRng } from '../../../src/domain/rng.ts';

type SmallNorm = 'linf' | 'l2';

interface Golden {
  readonly waves: readonly {
    readonly image: readonly [number, number];
    readonly u: number;
    readonly v: number;
    readonly values: number[];
  }[];
  readonly estimates: readonly {
    readonly centre: number[];
    readonly base: number;
    readonly points: number[][];
    readonly losses: number[];
    readonly gradient: number[];
  }[];
  readonly plateau: readonly {
    readonly norm: SmallNorm;
    readonly gradients: number[][];
    readonly losses: number[];
    readonly points: number[][];
  }[];
  readonly adam: readonly {
    readonly norm: SmallNorm;
    readonly size: number;
    readonly gradients: number[][];
    readonly points: number[][];
  }[];
}

const golden = JSON.parse(readFileSync(join(__dirname, 'score.json'), 'utf8')) as Golden;

test.each(golden.waves)('wave $u, $v of $image', ({ image: [height, width], u, v, values }) => {
  const basis = cosineBasis({ height, width, channels: 2 }, { first: 4, stride: 2 });
  const point = new Float32Array(2 * height * width);
  basis.add(point, (u * width + v) * 2 + 1, 3);
  values.forEach((value, k) => {
    expect(point[2 * k]).toBe(0);
    expect(point[2 * k + 1]).toBeCloseTo(3 * value, 6);
  });
  expect(basis.peak((u * width + v) * 2)).toBeCloseTo(Math.max(...values.map(Math.abs)), 6);
});

test('low frequencies come first, each direction once', () => {
  const image = { height: 7, width: 5, channels: 2 };
  const order = ringOrder(image, { first: 2, stride: 3 }, createRng('rings'));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 70 }, (_, k) => k));
  const ring = (direction: number): number => {
    const pixel = Math.floor(direction / 2);
    const frequency = Math.max(Math.floor(pixel / 5), pixel % 5);
    return frequency < 2 ? 0 : frequency < 5 ? 1 : 2;
  };
  const rings = order.map(ring);
  expect(rings).toEqual([...rings].sort((a, b) => a - b));
});

test.each(golden.estimates.map((one, i) => [i, one] as const))('estimate %i', (_, given) => {
  const estimate = createEstimate(given.centre.length);
  estimate.centre(given.base, Float32Array.from(given.centre));
  given.points.forEach((point, b) => estimate.add(given.losses[b]!, Float32Array.from(point)));
  estimate.add(NaN, new Float32Array(given.centre.length));
  estimate.gradient().forEach((value, j) => expect(value).toBeCloseTo(given.gradient[j]!, 5));
});

/** What a rule needs of a climb: an epsilon of 1. */
function climb(norm: SmallNorm, features: number): Climb {
  const ball = createBall(norm, {
    originals: new Float32Array(features),
    features,
    epsilon: 1,
    range: [-9, 9],
  });
  return {
    original: new Float32Array(features),
    features,
    image: { height: 1, width: features, channels: 1 },
    norm,
    epsilon: 1,
    range: [-9, 9],
    rng: createRng('rule'),
    firstLoss: 0,
    project: () => undefined,
    normalise: (gradient) => ball.normalise(gradient, 1),
  };
}

function follow(rule: StepRule, gradients: number[][], losses: number[], points: number[][]): void {
  const point = new Float32Array(gradients[0]!.length);
  gradients.forEach((gradient, t) => {
    rule.step(point, Float32Array.from(gradient), losses[t]!);
    point.forEach((value, j) => expect(Math.abs(value - points[t]![j]!)).toBeLessThan(2e-6));
  });
}

test.each(golden.plateau)('momentum and plateaus in $norm', ({ norm, gradients, losses, points }) => {
  const options = { relativeStep: 0.06, leastStep: 0.01, decay: 0.9, plateau: 5, drop: 2 };
  follow(plateauRule(climb(norm, 4), options), gradients, losses, points);
});

test.each(golden.adam)('Adam in $norm', ({ norm, size, gradients, points }) => {
  follow(
    adamRule(climb(norm, 4), size),
    gradients,
    gradients.map(() => 0),
    points,
  );
});
