import { z } from 'zod';
import { AppError } from '../../domain/errors.ts';
import { sha256 } from '../../domain/hashing.ts';
import { hasGradient, type GradientTarget } from '../../domain/target.ts';
import { aidsOf } from '../aids.ts';
import {
  defineAttack,
  THREAT_CLASSES,
  type AttackAids,
  type AttackSession,
  type NamedArray,
} from '../attack.ts';
import { LOSS_NAMES } from '../losses/named.ts';
import { ENSEMBLE_MEANS } from '../transfer/ensemble.ts';
import { runTransfer } from '../transfer/transfer.ts';
import { addUniversal, trainUniversal } from '../transfer/universal.ts';

const reference = z.string().min(1).max(4_096);

/** Plays what another tool, model or day has made: each point is asked about once. */
export const precomputed = defineAttack({
  name: 'precomputed',
  summary: 'Plays adversarial inputs, or one perturbation for all, from a NumPy archive; each is asked once.',
  access: 'decisions',
  norms: ['linf', 'l2', 'l1', 'l0'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.transfer,
  parameters: z.strictObject({
    file: reference.describe(
      'Archive (.npz) with `inputs` and `adversarial`, row for row and of one shape: rows are found by the input; or with `perturbation`, which is added to every input.',
    ),
  }),
  async run(session, { file }) {
    const aids = aidsOf(session, 'precomputed');
    const arrays = await aids.arrays(file);
    const perturbation = arrays.get('perturbation');
    if (perturbation === undefined) await askAbout(session, await matched(session, { aids, file, arrays }));
    else
      await askAbout(session, everywhere(session, sized(perturbation, { file, features: session.features })));
  },
});

const count = (most: number, standard: number, what: string) =>
  z.int().min(1).max(most).default(standard).describe(`${what} Default ${standard}.`);

/** @see Moosavi-Dezfooli et al. (2017), CVPR, arXiv 1610.08401; Shafahi et al. (2020), AAAI, arXiv 1811.11304 */
export const universal = defineAttack({
  name: 'universal',
  summary: 'One perturbation for all inputs, trained on other data than it is tried on.',
  access: 'gradients',
  norms: ['linf', 'l2', 'l1'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.whiteBox,
  parameters: z.strictObject({
    data: z
      .string()
      .min(1)
      .describe(
        'Data set that it is trained on, e.g. mnist:train. None of the examples that it is tried on.',
      ),
    rows: count(100_000, 512, 'First so many rows of it, 1 to 100,000.'),
    epochs: count(1_000, 10, 'Passes over them, 1 to 1,000.'),
    batchSize: count(4_096, 64, 'Rows per step, 1 to 4,096.'),
    relativeStep: z
      .number()
      .positive()
      .max(10)
      .default(0.1)
      .describe('Step size as a multiple of epsilon, above 0 up to 10. Default 0.1.'),
    loss: z
      .enum(LOSS_NAMES)
      .default('margin')
      .describe('What is driven up: ce, margin, dlr, kl. Default margin.'),
    seed: z.int().min(0).default(0).describe('Seed of the order of the rows. Default 0.'),
  }),
  async run(session, { data, rows, ...training }) {
    const aids = aidsOf(session, 'universal');
    const target = withGradients(aids);
    const { threat } = session;
    const key = JSON.stringify(['universal', data, rows, training, threat]);
    const { perturbation } = await aids.once(key, async () =>
      trainUniversal({ ...(await aids.examples(data, rows)), ...training, target, threat }),
    );
    await askAbout(session, everywhere(session, perturbation));
  },
});

/** @see Liu et al. (2017), ICLR, arXiv 1611.02770; Dong et al. (2018), CVPR, arXiv 1710.06081 */
export const transfer = defineAttack({
  name: 'transfer',
  summary:
    'Runs an attack with gradients on other models, one or a few together, and asks about what it found once.',
  access: 'decisions',
  norms: ['linf', 'l2', 'l1'],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.transfer,
  parameters: z.strictObject({
    surrogates: reference.describe('Folders of the other models, separated by semicolons; at most three.'),
    recipe: z
      .string()
      .min(1)
      .default('mi-fgsm-10')
      .describe('Ready-made recipe that is run on them, of a kind with a fixed epsilon. Default mi-fgsm-10.'),
    mean: z
      .enum(ENSEMBLE_MEANS)
      .default('logits')
      .describe('What is averaged over them: logits, loss or probabilities. Default logits.'),
  }),
  async run(session, { surrogates, recipe, mean }) {
    const aids = aidsOf(session, 'transfer');
    const [inner, models] = await Promise.all([aids.attack(recipe), aids.surrogates(surrogates.split(';'))]);
    await askAbout(session, await runTransfer(session, { inner, models, mean }));
  },
});

/** Points by example, shape [examples, features], and which examples have one. */
interface Proposals {
  readonly points: Float32Array;
  readonly has: (example: number) => boolean;
}

async function askAbout(
  { target, features, liveRows }: AttackSession,
  { points, has }: Proposals,
): Promise<void> {
  const rows = liveRows().filter(has);
  if (rows.length === 0) return;
  const inputs = new Float32Array(rows.length * features);
  rows.forEach((row, i) => inputs.set(points.subarray(row * features, (row + 1) * features), i * features));
  await target.scores({ inputs, count: rows.length, rows });
}

function everywhere({ originals, threat }: AttackSession, perturbation: Float32Array): Proposals {
  return { points: addUniversal(perturbation, { inputs: originals, threat }), has: () => true };
}

async function matched(
  { originals, features, labels }: AttackSession,
  { aids, file, arrays }: { aids: AttackAids; file: string; arrays: ReadonlyMap<string, NamedArray> },
): Promise<Proposals> {
  const inputs = rowsIn(arrays, { name: 'inputs', file, features });
  const adversarial = rowsIn(arrays, { name: 'adversarial', file, features });
  if (inputs.length !== adversarial.length)
    throw shapeError(
      file,
      `as many values in inputs as in adversarial`,
      `${inputs.length} and ${adversarial.length}`,
    );
  const index = await aids.once(`rows of ${file}`, () => Promise.resolve(indexRows(inputs, features)));
  const points = originals.slice();
  const known = new Set<number>();
  labels.forEach((_, example) => {
    const row = index.get(rowKey(originals, example, features));
    if (row === undefined) return;
    known.add(example);
    points.set(adversarial.subarray(row * features, (row + 1) * features), example * features);
  });
  if (known.size === 0 && labels.length > 0)
    throw shapeError(file, 'inputs among which are those that are attacked', `none of ${labels.length}`);
  return { points, has: (example) => known.has(example) };
}

function indexRows(inputs: Float32Array, features: number): ReadonlyMap<string, number> {
  return new Map(
    Array.from({ length: inputs.length / features }, (_, row) => [rowKey(inputs, row, features), row]),
  );
}

function rowKey(values: Float32Array, row: number, features: number): string {
  // + 0 turns −0 into 0: equal inputs are one input.
  const own = values.subarray(row * features, (row + 1) * features).map((x) => x + 0);
  return sha256(new Uint8Array(own.buffer, own.byteOffset, own.byteLength));
}

function rowsIn(
  arrays: ReadonlyMap<string, NamedArray>,
  { name, file, features }: { name: string; file: string; features: number },
): Float32Array {
  const array = arrays.get(name);
  if (array === undefined || array.values.length % features !== 0)
    throw shapeError(
      file,
      `an array ${name} of rows of ${features} values`,
      array === undefined ? `only ${[...arrays.keys()].join(', ')}` : `the shape ${array.shape.join('×')}`,
    );
  return Float32Array.from(array.values);
}

function sized(array: NamedArray, { file, features }: { file: string; features: number }): Float32Array {
  if (array.values.length === features) return Float32Array.from(array.values);
  throw shapeError(file, `a perturbation of ${features} values`, `${array.values.length}`);
}

function shapeError(file: string, expected: string, got: string): AppError {
  return new AppError('TEMPER_ATTACK_SHAPE', `${file}: expected ${expected}, got ${got}`);
}

function withGradients({ target }: AttackAids): GradientTarget {
  if (hasGradient(target)) return target;
  throw new AppError(
    'TEMPER_ATTACK_ACCESS',
    'attack universal needs gradients, the target gives only scores',
  );
}
