import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttackSession } from '../../../src/attacks/attack.ts';
import { findAttack } from '../../../src/attacks/catalogue.ts';
import { createLoopState } from '../../../src/attacks/loop/state.ts';
import { runGradientAttack } from '../../../src/attacks/loop/run.ts';
import { crossEntropy } from '../../../src/attacks/losses/cross-entropy.ts';
import { createBall } from '../../../src/attacks/norms/create-ball.ts';
import { createResize, type Placement } from '../../../src/attacks/processing/resize.ts';
import { translationKernel, type KernelName } from '../../../src/attacks/processing/translation.ts';
import { adaptiveSparsity } from '../../../src/attacks/schedules/adaptive-sparsity.ts';
import { normalStart } from '../../../src/attacks/starts/noise.ts';
import { sparseAscend } from '../../../src/attacks/steps/sparse-ascend.ts';
import { createJudge } from '../../../src/domain/criterion.ts';
import { createRng, type Rng } from '../../../src/domain/rng.ts';
import type { Batch } from '../../../src/domain/target.ts';
import type { Norm } from '../../../src/domain/threat-model.ts';
import { networkTarget } from '../../support/network-target.ts';

interface Network {
  w: number[][];
  b: number[];
  v: number[][];
}

interface Subject {
  network: Network;
  originals: number[][];
  labels: number[];
  epsilon: number;
  steps: number;
}

interface Golden {
  apgdL1: Subject & {
    start: number[][];
    plain: { last: number[][]; best: number[]; trace: { sizes: number[]; moved: number[] }[] };
    shrinking: { last: number[][]; best: number[] };
  };
  kernels: { kernel: KernelName; size: number; shape: number[]; image: number[]; smoothed: number[] }[];
  resizes: {
    shape: [number, number, number];
    placed: Placement;
    ground: number;
    image: number[];
    gradient: number[];
    applied: number[];
    pulledBack: number[];
  }[];
  sequences: Subject & {
    shape: number[];
    neighbours: number;
    noise: number[][][][];
    runs: Record<'ni' | 'si' | 'siWithoutLookAhead' | 'ti' | 'vmi', number[][]>;
  };
}

// Made by make_gradients.py beside this file.
const golden = JSON.parse(readFileSync(join(__dirname, 'gradients.json'), 'utf8')) as Golden;

const flat = (matrix: readonly (readonly number[])[]): Float32Array => Float32Array.from(matrix.flat());

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++)
    if (!(Math.abs(found[i]! - expected[i]!) <= tolerance * Math.max(1, Math.abs(expected[i]!))))
      throw new Error(`value ${i}: expected ${expected[i]!}, got ${found[i]!}`);
}

/** A session that settles nobody; `last` is what the target was asked for at last. */
function sessionOf(
  { network, originals, labels, epsilon }: Subject,
  { norm, shape, rng }: { norm: Norm; shape: readonly number[]; rng: AttackSession['rng'] },
): { session: AttackSession; last: () => Float32Array } {
  const rows = Int32Array.from(labels.keys());
  const features = originals[0]!.length;
  const target = networkTarget(
    { w1: network.w, b1: network.b, w2: network.v, b2: network.v.map(() => 0) },
    shape,
  );
  let last = new Float32Array();
  const scores = (batch: Batch): Promise<Float32Array> => {
    last = batch.inputs.slice();
    return target.scores(batch);
  };
  const range = [0, 1] as const;
  const session: AttackSession = {
    target: { ...target, scores },
    features,
    originals: flat(originals),
    labels: Int32Array.from(labels),
    cleanScores: new Float32Array(labels.length * target.classes),
    threat: { norm, epsilon, range, access: 'gradients' },
    ball: createBall(norm, { originals: flat(originals), features, epsilon, range }),
    feasible: () => undefined,
    judge: createJudge({ classes: target.classes, labels: Int32Array.from(labels) }),
    isLive: () => true,
    nearest: () => Infinity,
    liveRows: () => rows,
    rng,
  };
  return { session, last: () => last };
}

/** Draws that are given: `uniform` or `normal` hands them out in order. */
function given(draws: readonly number[]): Rng {
  let at = 0;
  const next = (): number => draws[at++]!;
  return { ...createRng('unused'), uniform: next, normal: next };
}

describe('APGD in L1', () => {
  const subject = golden.apgdL1;
  const rng: AttackSession['rng'] = (example) =>
    given(subject.start[example]!.map((x, j) => x - subject.originals[example]![j]!));
  const options = { norm: 'l1', shape: [subject.originals[0]!.length], rng } as const;

  test('step sizes and numbers of moved features follow the reference, and so does the path', async () => {
    const { session, last } = sessionOf(subject, options);
    const trace: { sizes: number[]; moved: number[] }[] = [];
    const interval = 0.04 * subject.steps;
    await runGradientAttack(session, {
      steps: subject.steps,
      restarts: 1,
      start: normalStart(1),
      loss: ({ labels, target: { classes } }) => crossEntropy({ labels, classes }),
      processing: [],
      step: sparseAscend({ share: 0.2, passOver: false }),
      schedule: (state, steps) => {
        const schedule = adaptiveSparsity(false)(state, steps);
        return {
          ...schedule,
          observe(iteration) {
            schedule.observe(iteration);
            if (iteration > 0 && iteration % interval === 0)
              trace.push({ sizes: [...schedule.sizes], moved: [...schedule.moved!] });
          },
        };
      },
    });
    expect(trace.length).toBe(subject.plain.trace.length);
    subject.plain.trace.forEach(({ sizes, moved }, check) => {
      expect(trace[check]!.moved).toEqual(moved);
      expectClose(trace[check]!.sizes, sizes, 1e-12);
    });
    expectClose(last(), subject.plain.last.flat(), 1e-4);
  });

  test.each([false, true])(
    'the definition ends where numpy ends, shrinking ball %p',
    async (shrinkingBall) => {
      const { session, last } = sessionOf(subject, options);
      await findAttack('apgd-ce').prepare({ steps: subject.steps, shrinkingBall })(session);
      const expected = shrinkingBall ? subject.shrinking : subject.plain;
      expectClose(last(), expected.last.flat(), 1e-4);
    },
  );
});

describe('processing', () => {
  test.each(golden.kernels)('$kernel kernel of $size', ({ kernel, size, shape, image, smoothed }) => {
    const session = { target: { inputShape: shape }, features: image.length } as unknown as AttackSession; // it reads no more
    const state = createLoopState(session, Int32Array.of(0, 1), 0);
    const { direct } = translationKernel({ kernel, size })(state);
    state.direction.set([...image, ...image.map((x) => 2 * x)]);
    direct!();
    expectClose(state.direction, [...smoothed, ...smoothed.map((x) => 2 * x)], 2e-6);
  });

  test.each(golden.resizes)('resized to $placed, and gradients back', (example) => {
    const [height, width, channels] = example.shape;
    const resize = createResize({ height, width, channels }, example.placed);
    const into = new Float32Array(example.image.length).fill(9);
    resize.apply(Float32Array.from(example.image), { into, ground: example.ground });
    expectClose(into, example.applied, 2e-6);
    resize.pullBack(Float32Array.from(example.gradient), into);
    expectClose(into, example.pulledBack, 2e-6);
  });
});

describe('whole sequences', () => {
  const subject = golden.sequences;
  const { steps, neighbours, epsilon } = subject;
  const noiseOf = (example: number): number[] =>
    subject.noise.flatMap((step) => step.flatMap((draw) => draw[example]!));

  test.each([
    ['ni', 'ni-fgsm', {}],
    ['si', 'si-fgsm', {}],
    ['siWithoutLookAhead', 'si-fgsm', { lookAhead: false }],
    ['ti', 'ti-fgsm', { kernelSize: 3 }],
    ['vmi', 'vmi-fgsm', { neighbours }],
  ] as const)('%s', async (name, attack, parameters) => {
    const { session, last } = sessionOf(subject, {
      norm: 'linf',
      shape: subject.shape,
      rng: (example) => given(noiseOf(example).map((x) => (x / (1.5 * epsilon) + 1) / 2)),
    });
    await findAttack(attack).prepare({ steps, ...parameters })(session);
    expectClose(last(), subject.runs[name].flat(), 1e-5);
  });

  test('the sequences differ', () => {
    const ends = Object.values(subject.runs).map((run) => JSON.stringify(run));
    expect(new Set(ends).size).toBe(ends.length);
  });
});
