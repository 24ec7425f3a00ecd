import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lengthIn } from '../../../src/attacks/minimum-norm/lengths.ts';
import {
  createHyperplaneProjection,
  type HyperplaneNorm,
} from '../../../src/attacks/minimum-norm/hyperplane.ts';
import { parseRecipe } from '../../../src/attacks/recipe.ts';
import type { Parameter } from '../../../src/domain/recipe.ts';
import type { Batch, GradientTarget } from '../../../src/domain/target.ts';
import type { Norm } from '../../../src/domain/threat-model.ts';
import { attackBatch, type AttackedBatch } from '../../../src/evaluation/attack-batch.ts';
import { linearTarget, networkTarget, type NetworkWeights } from '../../support/network-target.ts';

type Points = readonly (readonly number[])[];

interface Linear {
  readonly weights: number[][];
  readonly biases: number[];
  readonly inputs: number[][];
  readonly labels: number[];
  readonly distances: Readonly<Record<HyperplaneNorm, number[]>>;
}

interface Golden {
  readonly projections: readonly {
    readonly norm: HyperplaneNorm;
    readonly point: number[];
    readonly normal: number[];
    readonly rise: number;
    readonly length: number;
    readonly move?: number[];
  }[];
  /** Two classes, and four. */
  readonly linear: readonly [Linear, Linear];
  readonly paths: {
    readonly network: NetworkWeights;
    readonly inputs: number[][];
    readonly labels: number[];
    readonly ddn: readonly Points[];
    readonly fmn: Readonly<Record<Norm, readonly Points[]>>;
    readonly deepfool: Readonly<Record<'linf' | 'l2', readonly Points[]>>;
    readonly fab: { readonly l2: readonly Points[] };
    readonly fabTargeted: { readonly l2: readonly Points[] };
    readonly ead: readonly Points[];
    readonly carliniWagner: readonly { readonly asked: Points; readonly constants: number[] }[];
  };
}

const golden = JSON.parse(readFileSync(join(__dirname, 'minimum-norm.json'), 'utf8')) as Golden;

interface Task {
  readonly attack: string;
  readonly norm: Norm;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly target: GradientTarget;
  readonly inputs: number[][];
  readonly labels: number[];
}

function run({ attack, norm, parameters, target, inputs, labels }: Task): Promise<AttackedBatch> {
  return attackBatch({
    recipe: parseRecipe({ name: attack, attack, parameters }),
    target,
    inputs: Float32Array.from(inputs.flat()),
    labels: Int32Array.from(labels),
    ids: labels.map((_, i) => String(i)),
    threat: { norm, epsilon: 1e-3, range: [0, 1], access: 'gradients' },
    seed: 1,
  });
}

describe('moves onto a hyperplane inside the range are the shortest', () => {
  test.each(golden.projections.map((one, i) => [`${one.norm} ${i}`, one] as const))(
    '%s',
    (_, { norm, point, normal, rise, length, move }) => {
      const into = new Float64Array(point.length);
      const features = point.length;
      createHyperplaneProjection(norm, { features, range: [0, 1] })(into, {
        point: Float32Array.from(point),
        normal: Float32Array.from(normal),
        rise,
      });
      expect(Math.abs(lengthIn(norm, into) - length)).toBeLessThan(1e-7);
      const reached = into.reduce((sum, d, j) => sum + d * normal[j]!, 0);
      const most = point.reduce(
        (sum, x, j) => sum + (normal[j]! * rise > 0 ? 1 - x : x) * Math.abs(normal[j]!),
        0,
      );
      expect(Math.abs(Math.abs(reached) - Math.min(Math.abs(rise), most))).toBeLessThan(1e-7);
      into.forEach((d, j) => {
        expect(point[j]! + d >= -1e-7 && point[j]! + d <= 1 + 1e-7).toBe(true);
        if (move !== undefined) expect(Math.abs(d - move[j]!)).toBeLessThan(1e-6);
      });
    },
  );
});

describe('linear classifiers, whose nearest adversarials inside the range are known', () => {
  const [two, four] = golden.linear;

  /** How much farther than the nearest adversarial what was found lies, as a share, ascending. */
  async function excess(
    { weights, biases, inputs, labels, distances }: Linear,
    task: Pick<Task, 'attack' | 'parameters'> & { readonly norm: HyperplaneNorm },
  ): Promise<number[]> {
    const found = await run({ ...task, target: linearTarget(weights, biases), inputs, labels });
    const shares = distances[task.norm].map((exact, i) => found.distance[i]! / exact - 1);
    return shares.sort((a, b) => a - b);
  }

  const cases: [
    attack: string,
    norm: HyperplaneNorm,
    parameters: Record<string, Parameter>,
    within: number,
  ][] = [
    ['fab', 'linf', { steps: 30 }, 0.01],
    ['fab', 'l2', { steps: 30 }, 0.01],
    ['fab', 'l1', { steps: 30 }, 0.01],
    ['fab-t', 'linf', { steps: 30 }, 0.01],
    ['fab-t', 'l2', { steps: 30 }, 0.01],
    ['fab-t', 'l1', { steps: 30 }, 0.01],
    ['fmn', 'linf', { steps: 200 }, 0.01],
    ['fmn', 'l2', { steps: 200 }, 0.01],
    ['fmn', 'l1', { steps: 200 }, 0.01],
    ['ddn', 'l2', { steps: 300, adaptation: 0.02 }, 0.02],
    ['cw', 'l2', { steps: 400, firstConstant: 0.01 }, 0.02],
    // The squared length is part of its objective, so its optimum is not the nearest in l1.
    ['ead', 'l1', { steps: 500, firstConstant: 0.01, stepSize: 0.02, sparsity: 0.02 }, 0.25],
  ];

  test.each(cases)('two classes: %s in %s', async (attack, norm, parameters, within) => {
    const shares = await excess(two, { attack, norm, parameters });
    expect(shares[0]).toBeGreaterThan(-1e-5);
    expect(shares.at(-1)).toBeLessThan(within);
  });

  // What follows the margin alone, or chooses between classes without looking at the range, may end at another class than
  // the nearest.
  test.each(cases.filter(([attack]) => attack !== 'ddn'))(
    'four classes: %s in %s',
    async (attack, norm, parameters, within) => {
      const shares = await excess(four, { attack, norm, parameters });
      expect(shares[0]).toBeGreaterThan(-1e-5);
      expect(shares.at(attack === 'fab-t' ? -1 : -3)).toBeLessThan(within);
    },
  );

  test.each(['linf', 'l2'] as const)('DeepFool in %s overshoots by 2 %% and 1e-4', async (norm) => {
    const { weights, biases, inputs, labels, distances } = two;
    const target = linearTarget(weights, biases);
    const found = await run({ attack: 'deepfool', norm, parameters: {}, target, inputs, labels });
    distances[norm].forEach((exact, i) => {
      expect(found.distance[i]).toBeGreaterThan(exact - 1e-6);
      expect(found.distance[i]).toBeLessThan(1.02 * (exact + 3e-4));
    });
  });
});

describe('the points that are asked for, step by step', () => {
  const { network, inputs, labels, ...paths } = golden.paths;
  const features = inputs[0]!.length;

  /** What each example was asked at, in order; gradients and scores, or one of them. */
  async function pathsOf(
    task: Pick<Task, 'attack' | 'norm' | 'parameters'>,
    kinds: readonly ('gradient' | 'scores')[] = ['gradient', 'scores'],
  ): Promise<Points[]> {
    const bare = networkTarget(network, [features]);
    const asked: number[][][] = labels.map(() => []);
    let isClean = true;
    const note = (kind: 'gradient' | 'scores', { inputs: points, rows, count }: Batch): void => {
      if (!isClean && kinds.includes(kind))
        for (let i = 0; i < count; i++)
          asked[rows[i]!]!.push(Array.from(points.subarray(i * features, (i + 1) * features)));
      isClean = false;
    };
    const target: GradientTarget = {
      ...bare,
      scores(batch) {
        note('scores', batch);
        return bare.scores(batch);
      },
      gradient(batch, loss) {
        note('gradient', batch);
        return bare.gradient(batch, loss);
      },
    };
    await run({ ...task, target, inputs, labels });
    return asked.map(distinct);
  }

  /** Without immediate repetitions: of gradients for several classes at one point, and of paths that stand still. */
  function distinct(points: Points): Points {
    return points.filter((point, i) => point.some((x, j) => x !== points[i - 1]?.[j]));
  }

  function expectPaths(found: readonly Points[], golden: readonly Points[]): void {
    const expected = golden.map(distinct);
    expect(found.map((points) => points.length)).toEqual(expected.map((points) => points.length));
    found.forEach((points, row) =>
      points.forEach((point, step) =>
        point.forEach((x, j) => expect(Math.abs(x - expected[row]![step]![j]!)).toBeLessThan(1e-5)),
      ),
    );
  }

  test('DDN', async () => {
    expectPaths(await pathsOf({ attack: 'ddn', norm: 'l2', parameters: { steps: 12 } }), paths.ddn);
  });

  test.each(['linf', 'l2', 'l1', 'l0'] as const)('FMN in %s', async (norm) => {
    expectPaths(
      await pathsOf({ attack: 'fmn', norm, parameters: { steps: 14, stepSize: 1 } }),
      paths.fmn[norm],
    );
  });

  test.each(['linf', 'l2'] as const)('DeepFool in %s', async (norm) => {
    const parameters = { steps: 20 };
    expectPaths(await pathsOf({ attack: 'deepfool', norm, parameters }), paths.deepfool[norm]);
  });

  test('FAB', async () => {
    const task = { norm: 'l2', parameters: { steps: 8 } } as const;
    expectPaths(await pathsOf({ ...task, attack: 'fab' }, ['scores']), paths.fab.l2);
    const targeted = await pathsOf({ ...task, attack: 'fab-t' }, ['scores']);
    // Three other classes one after another; the golden path is that of the second.
    expectPaths(
      targeted.map((points) => points.slice(8, 16)),
      paths.fabTargeted.l2,
    );
  });

  test('EAD: points of gradients and of scores in turn', async () => {
    const found = await pathsOf({
      attack: 'ead',
      norm: 'l1',
      parameters: {
        steps: 6,
        searches: 3,
        stepSize: 0.1,
        firstConstant: 0.5,
        sparsity: 0.02,
        abortEarly: false,
      },
    });
    expectPaths(found, paths.ead);
  });

  test('C&W: iterates of all rounds, and with them the constants', async () => {
    const found = await pathsOf({
      attack: 'cw',
      norm: 'l2',
      parameters: {
        steps: 6,
        searches: 4,
        stepSize: 0.1,
        firstConstant: 0.3,
        confidence: 0.05,
        abortEarly: false,
      },
    });
    expectPaths(
      found,
      paths.carliniWagner.map(({ asked }) => asked),
    );
    const tried = new Set(paths.carliniWagner.map(({ constants }) => String(constants)));
    expect(tried.size).toBeGreaterThan(2);
  });
});
