import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { halving } from '../../../src/attacks/schedules/halving.ts';
import { checkpoints } from '../../../src/attacks/schedules/checkpoints.ts';
import type { AttackSession } from '../../../src/attacks/attack.ts';
import { createLoopState } from '../../../src/attacks/loop/state.ts';
import type { GradientAttack } from '../../../src/attacks/loop/parts.ts';
import { runGradientAttack } from '../../../src/attacks/loop/run.ts';
import { crossEntropy, targetedCrossEntropy } from '../../../src/attacks/losses/cross-entropy.ts';
import {
  differenceOfLogits,
  targetedDifferenceOfLogits,
} from '../../../src/attacks/losses/difference-of-logits.ts';
import { margin, targetedMargin } from '../../../src/attacks/losses/margin.ts';
import { createBall } from '../../../src/attacks/norms/create-ball.ts';
import { constant } from '../../../src/attacks/schedules/constant.ts';
import { windowShare, windowSide } from '../../../src/attacks/square/windows.ts';
import { ascend } from '../../../src/attacks/steps/ascend.ts';
import { inertial } from '../../../src/attacks/steps/inertial.ts';
import type { Norm } from '../../../src/domain/threat-model.ts';
import { createJudge } from '../../../src/domain/criterion.ts';
import { createRng } from '../../../src/domain/rng.ts';
import { networkTarget, type NetworkWeights } from '../../support/network-target.ts';

interface LossGolden {
  value: number;
  derivative: number[];
}

interface Golden {
  losses: ({ scores: number[]; label: number; target: number } & Record<
    'ce' | 'margin' | 'dlr' | 'ceTargeted' | 'marginTargeted' | 'dlrTargeted',
    LossGolden
  >)[];
  checkpoints: Record<string, number[]>;
  halving: { steps: number; losses: number[][]; sizes: number[][] }[];
  windows: { height: number; width: number; index: number; side: number; stretchedShare: number }[];
  projections: {
    norm: Norm;
    epsilon: number;
    originals: number[][];
    points: number[][];
    projected: number[][];
    gradients: number[][];
    normalised: number[][];
  }[];
  attacks: {
    network: NetworkWeights;
    originals: number[][];
    labels: number[];
    logits: number[][];
    runs: {
      norm: Norm;
      epsilon: number;
      start: number[][];
      pgd: number[][];
      apgd: number[][];
      apgdBest: number[];
      apgdSizes: number[];
    }[];
  };
}

// Made by make_golden.py beside this file.
const golden = JSON.parse(readFileSync(join(__dirname, 'golden.json'), 'utf8')) as Golden;

const flat = (matrix: readonly (readonly number[])[]): Float32Array => Float32Array.from(matrix.flat());
const rowsOf = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) {
    const allowed = tolerance * Math.max(1, Math.abs(expected[i]!));
    if (!(Math.abs(found[i]! - expected[i]!) <= allowed))
      throw new Error(`value ${i}: expected ${expected[i]!}, got ${found[i]!}`);
  }
}

describe('losses', () => {
  const LOSSES = {
    ce: crossEntropy,
    margin,
    dlr: differenceOfLogits,
    ceTargeted: targetedCrossEntropy,
    marginTargeted: targetedMargin,
    dlrTargeted: targetedDifferenceOfLogits,
  } as const;

  test.each(Object.keys(LOSSES) as (keyof typeof LOSSES)[])(
    '%s has the value and derivative of numpy',
    (name) => {
      for (const example of golden.losses) {
        const scores = Float32Array.from(example.scores);
        const loss = LOSSES[name]({
          classes: scores.length,
          labels: Int32Array.of(example.label),
          targets: Int32Array.of(example.target),
        });
        const { values, derivative } = loss(scores, {
          inputs: new Float32Array(),
          count: 1,
          rows: rowsOf(1),
        });
        expectClose(values, [example[name].value], 1e-6);
        expectClose(derivative, example[name].derivative, 2e-6);
      }
    },
  );
});

describe('schedules', () => {
  test('checkpoints of the reference', () => {
    expect(checkpoints(100)).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
    for (const [steps, expected] of Object.entries(golden.checkpoints))
      expect(checkpoints(Number(steps))).toEqual(expected);
  });

  test.each(golden.halving)('step sizes follow the reference on given losses, $steps steps', (trace) => {
    const count = trace.losses[0]!.length;
    const session = {
      features: 1,
      threat: { norm: 'linf', epsilon: 0.5, range: [0, 1], access: 'gradients' },
    } as unknown as AttackSession; // the schedule reads nothing else
    const state = createLoopState(session, rowsOf(count), 0);
    const schedule = halving({ relativeSize: 2, rho: 0.75 })(state, trace.steps);
    trace.losses.forEach((losses, iteration) => {
      state.losses.set(losses);
      schedule.observe(iteration);
      if (iteration > 0) expect(Array.from(schedule.sizes)).toEqual(trace.sizes[iteration - 1]);
    });
  });

  test('Square windows', () => {
    for (const { height, width, index, side, stretchedShare } of golden.windows) {
      expect(windowSide(windowShare(index, 0.8), { height, width, channels: 1 })).toBe(side);
      expect(windowShare(index, 0.8, 20_000)).toBe(stretchedShare);
    }
  });
});

describe('norms', () => {
  test.each(golden.projections)('$norm ball of $epsilon', (example) => {
    const { norm, epsilon } = example;
    const features = example.originals[0]!.length;
    const ball = createBall(norm, { originals: flat(example.originals), features, epsilon, range: [0, 1] });
    const count = example.points.length;
    const values = flat(example.points);
    ball.project({ values, rows: rowsOf(count), count });
    expectClose(values, example.projected.flat(), 2e-7);
    const gradients = flat(example.gradients);
    ball.normalise(gradients, count);
    expectClose(gradients, example.normalised.flat(), 2e-7);
  });
});

describe('whole attacks on a small smooth network', () => {
  const { network, originals, labels, logits, runs } = golden.attacks;
  const features = originals[0]!.length;
  const target = networkTarget(network, [features]);

  /** A session that settles nobody, and keeps what the last call was asked. */
  async function lastIterate(
    { norm, epsilon, start }: Golden['attacks']['runs'][number],
    parts: Pick<GradientAttack, 'steps' | 'step' | 'schedule'>,
  ): Promise<Float32Array> {
    let last = new Float32Array();
    const spied = {
      ...target,
      scores: (batch: Parameters<typeof target.scores>[0]) => {
        last = batch.inputs.slice();
        return target.scores(batch);
      },
    };
    const range = [0, 1] as const;
    const session: AttackSession = {
      target: spied,
      features,
      originals: flat(originals),
      labels: Int32Array.from(labels),
      cleanScores: flat(logits),
      threat: { norm, epsilon, range, access: 'gradients' },
      ball: createBall(norm, { originals: flat(originals), features, epsilon, range }),
      feasible: () => undefined,
      judge: createJudge({ classes: target.classes, labels: Int32Array.from(labels) }),
      isLive: () => true,
      nearest: () => Infinity,
      liveRows: () => rowsOf(originals.length),
      rng: (example) => createRng(example),
    };
    await runGradientAttack(session, {
      ...parts,
      restarts: 1,
      start: ({ x }) => x.set(flat(start)),
      loss: (subject) => crossEntropy({ labels: subject.labels, classes: subject.target.classes }),
      processing: [],
    });
    return last;
  }

  test('the network is the one of the golden values', async () => {
    const scores = await target.scores({ inputs: flat(originals), count: originals.length, rows: rowsOf(6) });
    expectClose(scores, logits.flat(), 1e-6);
  });

  test.each(runs)('PGD in $norm ends where numpy ends', async (run) => {
    const found = await lastIterate(run, { steps: 10, step: ascend, schedule: constant(0.25) });
    expectClose(found, run.pgd.flat(), 2e-6);
  });

  test.each(runs)('APGD in $norm ends where numpy ends', async (run) => {
    const found = await lastIterate(run, {
      steps: 40,
      step: inertial(0.75),
      schedule: halving({ relativeSize: 2, rho: 0.75 }),
    });
    expectClose(found, run.apgd.flat(), 1e-4);
  });
});
