import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadData } from '../../../src/data/dataset.ts';
import { createSlice, type DataSlice } from '../../../src/data/slice.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { createRng } from '../../../src/domain/rng.ts';
import { createPool } from '../../../src/engine/pool.ts';
import { tf } from '../../../src/engine/tf.ts';
import { hashArtifact } from '../../../src/models/artifact.ts';
import { buildNetwork } from '../../../src/models/network.ts';
import { trainingConfigSchema } from '../../../src/training/config.ts';
import {
  trainAdversarially,
  trainClean,
  type TrainingDeps,
  type TrainingOptions,
  type TrainingProgress,
} from '../../../src/training/train.ts';
import { measureAccuracy } from '../../../src/training/validation.ts';
import { forgetNetworks } from '../../../src/training/worker-model.ts';
import { inProcessPool } from './in-process-pool.ts';
import { testEngine } from '../../support/engine.ts';

jest.setTimeout(60_000);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-training-'));
});
afterEach(() => rm(directory, { recursive: true }));
afterAll(() => forgetNetworks());

/**
 * Two classes of 4×4 pictures. The first pixel tells the class loudly, but falsely in a tenth of the pictures; the others
 * whisper it, all in all more truly, so quietly that an epsilon of 0.08 drowns them. Clean training listens to both.
 */
function whispers(count: number, name: string): DataSlice {
  const rng = createRng('whispers', name);
  const labels = Uint8Array.from({ length: count }, () => rng.below(2));
  const inputs = Uint8Array.from({ length: 16 * count }, (_, i) => {
    const side = labels[i >> 4] === 1 ? 1 : -1;
    if (i % 16 === 0) return 255 * (0.5 + 0.25 * (rng.uniform() < 0.1 ? -side : side));
    return 255 * (0.5 + 0.04 * side + 0.2 * (rng.uniform() - 0.5));
  });
  const store = { inputs, labels, inputShape: [4, 4, 1], classes: 2 };
  return createSlice(
    'whispers',
    store,
    Uint32Array.from({ length: count }, (_, i) => i),
  );
}

function options(config: object = {}, more: Partial<TrainingOptions> = {}): TrainingOptions {
  return {
    model: buildNetwork({
      name: 'small',
      inputShape: [4, 4, 1],
      seed: 1,
      layers: [
        { kind: 'flatten' },
        { kind: 'dense', units: 12, activation: 'relu' },
        { kind: 'dense', units: 2, activation: 'linear' },
      ],
    }),
    clean: whispers(100, 'train'),
    validation: whispers(60, 'validation'),
    threat: { norm: 'linf', epsilon: 0.05, range: [0, 1] },
    config: trainingConfigSchema.parse({ epochs: 4, batch: 16, averaging: 0.9, epsilonFactor: 1, ...config }),
    seed: 5,
    ...more,
  };
}

let now = 0;
const deps = (more: Partial<TrainingDeps> = {}): TrainingDeps => ({
  pool: inProcessPool(),
  clock: { nowMs: () => (now += 250) },
  logger: silentLogger,
  ...more,
});

test('the same options give the same weights, another seed gives others', async () => {
  const first = await trainAdversarially(options(), deps());
  const second = await trainAdversarially(options(), deps());
  const other = await trainAdversarially(options({}, { seed: 6 }), deps());
  expect(hashArtifact(second.model)).toBe(hashArtifact(first.model));
  expect(second.history).toEqual(first.history);
  expect(hashArtifact(other.model)).not.toBe(hashArtifact(first.model));
});

test('a training killed in any epoch ends with the very weights of an undisturbed one', async () => {
  const config = { attack: { start: 'carried' }, curriculum: { kind: 'adaptive', rampEnd: 0.8 } };
  const undisturbed = await trainAdversarially(options(config), deps());
  for (const killAfter of [1, 14, 23]) {
    const folder = join(directory, String(killAfter));
    let pieces = 0;
    const dying = inProcessPool(({ exportName }) => {
      if (exportName === 'trainPiece' && ++pieces > 2 * killAfter) throw new Error('killed');
    });
    await expect(
      trainAdversarially(options(config), deps({ pool: dying, checkpointDirectory: folder })),
    ).rejects.toThrow('killed');
    let steps = 0;
    const resumed = await trainAdversarially(
      options(config),
      deps({ checkpointDirectory: folder, onProgress: () => steps++ }),
    );
    expect(hashArtifact(resumed.model)).toBe(hashArtifact(undisturbed.model));
    expect(resumed.history).toEqual(undisturbed.history);
    expect(steps).toBe(24 - 6 * Math.floor(killAfter / 6));
  }
});

test('a finished training is not done again, one with other options does not take up its state', async () => {
  const first = await trainAdversarially(options(), deps({ checkpointDirectory: directory }));
  const idle = inProcessPool(() => {
    throw new Error('nothing is left to compute');
  });
  const again = await trainAdversarially(options(), deps({ pool: idle, checkpointDirectory: directory }));
  expect(again).toEqual(first);
  const other = await trainAdversarially(options({ batch: 20 }), deps({ checkpointDirectory: directory }));
  expect(hashArtifact(other.model)).not.toBe(hashArtifact(first.model));
});

test('one worker process and two give the same bytes', async () => {
  const hashes: string[] = [];
  for (const workers of [1, 2]) {
    const pool = createPool({ engine: testEngine, workers, logger: silentLogger });
    try {
      const { model } = await trainAdversarially(
        options({ epochs: 2, pieces: 3 }),
        deps({ pool: pool.value }),
      );
      hashes.push(hashArtifact(model));
    } finally {
      await pool.stop();
    }
  }
  const here = await trainAdversarially(options({ epochs: 2, pieces: 3 }), deps());
  expect(hashes).toEqual([hashArtifact(here.model), hashArtifact(here.model)]);
});

test.each([
  ['carried', { attack: { start: 'carried' } }],
  ['random', { attack: { start: 'random', steps: 3, reach: 1.5 } }],
  ['mixed', { objective: { kind: 'mixed' } }],
  ['trades', { objective: { kind: 'trades' } }],
])('training under attack beats clean training under attack (%s)', async (_name, config) => {
  const threat = { norm: 'linf', epsilon: 0.08, range: [0, 1] } as const;
  const given = options(
    { ...config, epochs: 20, learningRate: 0.03, weightDecay: 0 },
    { threat, clean: whispers(200, 'train') },
  );
  const [hard, clean] = [await trainAdversarially(given, deps()), await trainClean(given, deps())];
  const attack = { ...threat, steps: 20, reach: 2.5 };
  const test = { data: whispers(400, 'test'), attack, seed: 0 };
  const measure = (model: typeof hard.model) => measureAccuracy(inProcessPool(), model, test);
  const [robust, fragile] = [await measure(hard.model), await measure(clean.model)];
  expect(robust.robust).toBeGreaterThan(fragile.robust + 0.15);
  expect(robust.robust).toBeGreaterThan(0.85);
  expect(fragile.clean).toBeGreaterThan(0.85);
});

test('stored adversarial rows are learnt as they are', async () => {
  const flipped = createSlice(
    'flipped',
    {
      inputs: new Float32Array(40 * 16).fill(1),
      labels: new Uint8Array(40).fill(1),
      inputShape: [4, 4, 1],
      classes: 2,
    },
    Uint32Array.from({ length: 40 }, (_, i) => i),
  );
  const { model, history } = await trainAdversarially(options({ epochs: 6 }, { stored: flipped }), deps());
  const { clean } = await measureAccuracy(inProcessPool(), model, {
    data: flipped,
    attack: undefined,
    seed: 0,
  });
  expect(clean).toBe(1);
  expect(history).toHaveLength(6);
});

test('L2 balls are trained with random starts, and refuse carried ones', async () => {
  const threat = { norm: 'l2', epsilon: 0.1, range: [0, 1] } as const;
  await expect(trainAdversarially(options({}, { threat }), deps())).rejects.toMatchObject({
    code: 'TEMPER_CONFIG_INVALID',
  });
  const { history } = await trainAdversarially(
    options({ attack: { start: 'random', steps: 2 }, epochs: 8, learningRate: 0.02 }, { threat }),
    deps(),
  );
  expect(history.at(-1)!.robustAccuracy).toBeGreaterThan(0.5);
});

test('frozen layers stay as they are, and one that does not exist is named', async () => {
  const given = options({ epochs: 1, frozenLayers: ['dense_2'] });
  const { model } = await trainAdversarially(given, deps());
  expect(model.weights.subarray(0, 204)).toEqual(given.model.weights.subarray(0, 204));
  expect(model.weights.subarray(204)).not.toEqual(given.model.weights.subarray(204));
  await expect(trainAdversarially(options({ frozenLayers: ['dense_9'] }), deps())).rejects.toMatchObject({
    code: 'TEMPER_CONFIG_INVALID',
    message: expect.stringMatching(/dense_9; the model's layers with weights are dense_2, dense_3/) as string,
  });
});

test('patience ends a training that gets no better, and the best epoch is kept', async () => {
  // A rate so high that weights run away from the good start they were given.
  const { model } = await trainClean(options({ epochs: 8 }), deps());
  const { history, bestEpoch, stoppedEarly, ...result } = await trainClean(
    options(
      {
        epochs: 30,
        learningRate: 0.9,
        averaging: 0,
        schedule: { kind: 'constant' },
        validation: { fromShare: 0, patience: 3 },
      },
      { model },
    ),
    deps(),
  );
  expect(stoppedEarly).toBe(true);
  expect(history).toHaveLength(bestEpoch + 3);
  const best = Math.max(...history.map(({ robustAccuracy }) => robustAccuracy ?? 0));
  expect(history[bestEpoch - 1]!.robustAccuracy).toBe(best);
  const measured = await measureAccuracy(inProcessPool(), result.model, {
    data: whispers(60, 'validation'),
    attack: undefined,
    seed: 0,
  });
  expect(measured.clean).toBe(best);
});

test('a loss that is not finite ends the training with its place and a remedy', async () => {
  const schedule = { kind: 'constant' };
  const wild = options({ epochs: 40, learningRate: 1, weightDecay: 1, schedule });
  const weights = wild.model.weights.map((value) => value * 1e25);
  await expect(
    trainAdversarially({ ...wild, model: { ...wild.model, weights } }, deps()),
  ).rejects.toMatchObject({
    code: 'TEMPER_TRAINING_DIVERGED',
    message: expect.stringMatching(/step 1 of 240.*Lower the learning rate/) as string,
  });
});

test('progress tells epoch, step, epsilon, loss and the time left; an interruption is resumable', async () => {
  const seen: TrainingProgress[] = [];
  const abort = new AbortController();
  const onProgress = (progress: TrainingProgress): void => {
    seen.push(progress);
    if (progress.step === 20) abort.abort();
  };
  await expect(
    trainAdversarially(options(), deps({ onProgress, signal: abort.signal })),
  ).rejects.toMatchObject({
    code: 'TEMPER_INTERRUPTED',
  });
  expect(seen).toHaveLength(20);
  expect(seen[0]).toMatchObject({ epoch: 1, epochs: 4, step: 1, steps: 24, robustAccuracy: undefined });
  expect(seen[19]).toMatchObject({
    epoch: 4,
    step: 20,
    epsilon: 0.05,
    robustAccuracy: expect.any(Number) as number,
  });
  expect(seen[19]!.secondsLeft).toBeGreaterThan(0);
  expect(seen.every(({ epsilon }, i) => i === 0 || epsilon >= seen[i - 1]!.epsilon)).toBe(true);
});

test('no row is refused', async () => {
  await expect(trainAdversarially(options({}, { clean: whispers(0, 'none') }), deps())).rejects.toMatchObject(
    {
      code: 'TEMPER_DATA_NOT_FOUND',
    },
  );
});

test('no tensor is left over by a training', async () => {
  await trainAdversarially(options({ epochs: 1 }), deps());
  const before = tf.memory().numTensors;
  await trainAdversarially(options({ epochs: 1 }), deps());
  expect(tf.memory().numTensors).toBe(before);
});

test('a small network learns real digits, and resists a small attack better than a clean one', async () => {
  const digits = await loadData('mnist:train');
  const threat = { norm: 'linf', epsilon: 0.1, range: [0, 1] } as const;
  const given: TrainingOptions = {
    model: buildNetwork({
      name: 'digits-small',
      inputShape: [28, 28, 1],
      seed: 0,
      layers: [
        { kind: 'convolution', filters: 6, kernel: 5, stride: 4, activation: 'relu' },
        { kind: 'flatten' },
        { kind: 'dense', units: 10, activation: 'linear' },
      ],
    }),
    clean: digits.slice(0, 800),
    validation: (await loadData('mnist:validation')).slice(0, 100),
    threat,
    config: trainingConfigSchema.parse({ epochs: 6, batch: 16, averaging: 0.95 }),
    seed: 0,
  };
  const [hard, plain] = [await trainAdversarially(given, deps()), await trainClean(given, deps())];
  const test = {
    data: (await loadData('mnist:test')).slice(0, 150),
    attack: { ...threat, steps: 10, reach: 2.5 },
    seed: 0,
  };
  const robust = await measureAccuracy(inProcessPool(), hard.model, test);
  const fragile = await measureAccuracy(inProcessPool(), plain.model, test);
  expect(robust.clean).toBeGreaterThan(0.75);
  expect(robust.robust).toBeGreaterThan(fragile.robust + 0.15);
});
