import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { presetRecipe } from '../../src/attacks/presets.ts';
import { loadMnist } from '../../src/data/mnist.ts';
import { createSlice, type DataSlice } from '../../src/data/slice.ts';
import { evaluateExamples, type EvaluateOptions } from '../../src/evaluation/evaluate.ts';
import { findSuite, suiteFor } from '../../src/evaluation/suites.ts';
import { createTargetRunner } from '../../src/evaluation/task-runner.ts';
import { hashArtifact, type ModelArtifact } from '../../src/models/artifact.ts';
import { buildNetwork } from '../../src/models/network.ts';
import { replicaFrom, type Replica } from '../../src/models/replica.ts';
import { networkOf } from '../../bench/attacks/lib/networks.cjs';
import { startTestBackend, testEngine } from '../support/engine.ts';
import { readNpz } from '../support/read-npz.ts';

/**
 * The verdict of the reference AutoAttack on real models, image by image in three seeds, against ours. The reference's
 * answers are made by `node bench/attacks/run.mjs verdict`; no Python is needed here.
 */
const BENCH = join(__dirname, '../../bench/attacks');
const MODELS = ['standard', 'pgd', 'masked'] as const;
type Model = (typeof MODELS)[number];

interface Reference {
  readonly sha256: string;
  readonly norm: 'linf' | 'l2';
  readonly epsilon: number;
  /** For every seed a 1 for each image that was broken, or misread unchanged. */
  readonly broken: readonly string[];
  readonly clean: string;
}

/** WebAssembly is several times slower; what is computed is the same. */
const IMAGES = testEngine === 'tensorflow' ? 200 : 20;
const LOOKED_AT_FOR_MASKING = testEngine === 'tensorflow' ? 60 : 20;
/** Of the images that the reference breaks in every seed. One more is let through on few images: Square draws at random. */
const MOST_MISSED = 0.005;

function referenceOf(model: Model, norm: string): Reference {
  const path = join(BENCH, 'results', `reference-${model}-${norm}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Reference;
}

function artifactOf(model: Model): ModelArtifact {
  const file = join(BENCH, 'models', `${model === 'masked' ? 'standard' : model}.npz`);
  const { plan, weights } = networkOf(model, readNpz(file));
  return { ...buildNetwork(plan), weights };
}

/** Some of the test digits, in their order. */
async function digits(rows: readonly number[]): Promise<DataSlice> {
  const test = await loadMnist('test');
  const { inputs, labels } = test.rows(rows);
  const { inputShape, classes } = test;
  const store = { inputs, labels: Uint8Array.from(labels), inputShape, classes };
  return createSlice('mnist:test', store, Uint32Array.from(rows.keys()));
}

const optionsFor = async (
  replica: Replica,
  rows: readonly number[],
  { norm, epsilon }: Pick<Reference, 'norm' | 'epsilon'>,
): Promise<EvaluateOptions> => ({
  pool: createTargetRunner(replica, testEngine),
  model: { path: 'bench/attacks/models', sha256: '' },
  data: await digits(rows),
  threat: { norm, epsilon, range: [0, 1], access: 'gradients' },
  seed: 1,
  recipes: [],
});

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

beforeAll(startTestBackend);

const replicas = new Map<Model, Replica>();
async function replicaNamed(model: Model): Promise<Replica> {
  const found = replicas.get(model) ?? (await replicaFrom(artifactOf(model)));
  replicas.set(model, found);
  return found;
}
afterAll(() => {
  for (const replica of replicas.values()) replica.dispose();
});

describe.each(MODELS)('%s', (model) => {
  it.each(['linf', 'l2'] as const)(
    'AutoAttack breaks in %s what the reference always breaks',
    async (norm) => {
      const reference = referenceOf(model, norm);
      expect(hashArtifact(artifactOf(model))).toBe(reference.sha256);
      const always = range(IMAGES).filter((i) => reference.broken.every((bits) => bits[i] === '1'));
      expect(always.length).toBeGreaterThan(0);
      const options = await optionsFor(await replicaNamed(model), always, reference);
      const suites = [suiteFor(findSuite('autoattack-standard')!, { norm, classes: 10 })];
      const { result } = await evaluateExamples({ ...options, suites });
      const survivors = Math.round(result.worst_case!.value * always.length);
      expect(survivors).toBeLessThanOrEqual(Math.max(1, MOST_MISSED * always.length));
      // What is misread unchanged is so on both sides.
      const clean = always.filter((i) => reference.clean[i] === '1').length;
      expect(Math.round(result.clean_accuracy.value * always.length)).toBe(clean);
    },
    600_000,
  );

  it('is called masked only if it is', async () => {
    const options = await optionsFor(await replicaNamed(model), range(LOOKED_AT_FOR_MASKING), {
      norm: 'linf',
      epsilon: 0.3,
    });
    const { result } = await evaluateExamples({
      ...options,
      recipes: [presetRecipe('pgd-40')],
      masking: { examples: LOOKED_AT_FOR_MASKING, queries: 500, escalatedQueries: 2_000 },
    });
    expect(result.masking).toBe(model === 'masked' ? 'masked' : 'none');
  }, 600_000);
});
