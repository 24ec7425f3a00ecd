/**
 * The models that everything is measured on, as folders that both sides read:
 *   standard  trained on clean digits;
 *   pgd       trained adversarially, Linf 0.3;
 *   masked    `standard` behind a filter that makes pixels black or white, steep enough to have no gradient almost anywhere;
 *   madry     the network of Madry et al. with fresh weights: for speed, where weights do not matter.
 * The weights of the first two are files of the project; without the files they are trained again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadMnist } from '../../../dist/src/data/mnist.js';
import { systemClock } from '../../../dist/src/domain/clock.js';
import { writeArtifact } from '../../../dist/src/models/artifact.js';
import { buildNetwork, madryNetwork } from '../../../dist/src/models/network.js';
import { encodeNpz } from '../../../dist/src/protocols/npz.js';
import { trainingConfigSchema } from '../../../dist/src/training/config.js';
import { trainAdversarially } from '../../../dist/src/training/train.js';
import networks from './networks.cjs';
import { CACHE, WEIGHTS } from './places.mjs';
import { readJson, readNpz, writeJson, writeWhole } from './files.mjs';
import { warningLogger, withPool } from './ours.mjs';

const { networkOf } = networks;
export const MODELS = ['standard', 'pgd', 'masked'];

const RANGE = [0, 1];
const TRAININGS = {
  standard: {
    objective: { kind: 'clean' },
    epochs: 4,
    learningRate: 0.003,
    attack: { start: 'random' },
    averaging: 0.99,
    validation: { rows: 500, fromShare: 1 },
  },
  pgd: {
    objective: { kind: 'mixed' },
    epochs: 14,
    learningRate: 0.006,
    averaging: 0.998,
    curriculum: { kind: 'linear', rampEnd: 0.3 },
  },
};

/** Path and hash of every model; what is missing is made. */
export async function prepareModels(names = [...MODELS, 'madry']) {
  const refs = {};
  for (const name of names) refs[name] = await prepareModel(name);
  return refs;
}

async function prepareModel(name) {
  const folder = join(CACHE, 'models', name);
  const known = readJson(`${folder}.json`);
  if (known !== undefined && existsSync(join(folder, 'model.json'))) return known;
  const ref = await writeArtifact(folder, await artifactOf(name));
  writeJson(`${folder}.json`, ref);
  return ref;
}

async function artifactOf(name) {
  if (name === 'madry') return madryNetwork({ seed: 1 });
  const { plan, weights } = networkOf(name, await trainedArrays(name === 'masked' ? 'standard' : name));
  return { ...buildNetwork(plan), weights };
}

async function trainedArrays(name) {
  const file = join(WEIGHTS, `${name}.npz`);
  const { plan } = networkOf(name, {});
  if (!existsSync(file)) await train(name, buildNetwork(plan), file);
  return readNpz(file);
}

const fileName = ({ name }) => name.replace('/', '_');

async function train(name, model, file) {
  const { model: found, history } = await withPool({}, async (pool) =>
    trainAdversarially(
      {
        model,
        clean: await loadMnist('train'),
        validation: await loadMnist('validation'),
        threat: { norm: 'linf', epsilon: 0.3, range: RANGE },
        config: trainingConfigSchema.parse(TRAININGS[name]),
        seed: 1,
      },
      { pool, clock: systemClock, logger: warningLogger, checkpointDirectory: join(CACHE, 'training', name) },
    ),
  );
  console.error(`${name}: trained`, JSON.stringify(history.at(-1)));
  let at = 0;
  const arrays = Object.fromEntries(
    found.weightSpecs.map((spec) => {
      const size = spec.shape.reduce((product, side) => product * side, 1);
      const data = found.weights.slice(at, at + size);
      at += size;
      return [fileName(spec), { data, shape: spec.shape }];
    }),
  );
  writeWhole(file, encodeNpz(arrays));
}
