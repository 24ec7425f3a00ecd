/**
 * Verdict proof: AutoAttack-standard of ours against the reference, in three seeds of it, on shared weights.
 *   - of the images that the reference breaks in all of three seeds, at most 0.5 % survive ours;
 *   - each example that only ours breaks is confirmed by the PyTorch twin.
 * Goes chunk by chunk; a chunk that was done is not done again. Results hold the reference's answer for every image, so
 * that a test can compare without Python.
 */
import { join } from 'node:path';
import { encodeNpz } from '../../dist/src/protocols/npz.js';
import { BENCH, CACHE } from './lib/places.mjs';
import { machine, readJson, resultPath, writeJson, writeTable, writeWhole } from './lib/files.mjs';
import { imagesFile } from './lib/images.mjs';
import { MODELS, prepareModels } from './lib/models.mjs';
import { suiteRecipes, suiteShard, testDigits, threatOf, withPool } from './lib/ours.mjs';

export const THREATS = [
  { norm: 'linf', epsilon: 0.3 },
  { norm: 'l2', epsilon: 2 },
];
const SEEDS = [1, 2, 3];
const OUR_SEED = 1;
const TWIN_IMAGES = 50;
const CHUNK = 200;
const MOST_MISSED = 0.005;
/** Of scores between model and twin, as a share of the largest. */
const TWIN_TOLERANCE = 1e-5;

/** @param options images, models, norms and suite, as the command line names them */
export async function runVerdict(peers, { images, models = MODELS, norms, suite = 'autoattack-standard' }) {
  const refs = await prepareModels(models);
  const file = await imagesFile(images);
  const threats = THREATS.filter(({ norm }) => norms === undefined || norms.includes(norm));
  for (const name of models) await checkTwin(peers, { name, ref: refs[name], file });
  const table = [];
  for (const threat of threats)
    for (const name of models) {
      const subject = { name, ref: refs[name], file, threat, images };
      const theirs = await referenceOf(peers, subject);
      const ours = await oursOf(subject, suite);
      const confirmed = await confirmOurs(peers, subject, ours);
      table.push(compare(subject, { theirs, ours, confirmed }));
      console.log(JSON.stringify(table.at(-1)));
    }
  writeTable(`verdict-${suite}`, table, ({ model, norm }) => `${model} ${norm}`, {
    suite,
    seeds: SEEDS,
    machine: machine(),
    peers: await peers.ask('versions'),
  });
}

async function checkTwin(peers, { name, ref, file }) {
  const scoreShard = { modulePath: tasksOf('evaluation/tasks.js'), exportName: 'runScoreShard' };
  const { inputs } = await testDigits(0, TWIN_IMAGES);
  const ours = await withPool({ workers: 1 }, (pool) =>
    pool.run(scoreShard, { model: ref, inputs, count: TWIN_IMAGES }),
  );
  const theirs = (
    await peers.ask('scores', { model: ref.path, images: file, first: 0, last: TWIN_IMAGES })
  ).flat();
  const largest = theirs.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
  const apart = ours.reduce((most, score, i) => Math.max(most, Math.abs(score - theirs[i])), 0) / largest;
  if (!(apart <= TWIN_TOLERANCE)) throw new Error(`${name}: the twin's scores differ by ${apart}`);
}

const tasksOf = (path) => join(BENCH, '../../dist/src', path);

function chunksOf(images) {
  const starts = Array.from({ length: Math.ceil(images / CHUNK) }, (_, i) => i * CHUNK);
  return starts.map((first) => ({ first, last: Math.min(images, first + CHUNK) }));
}

/** What the reference says in each seed, as strings of 0 and 1. */
async function referenceOf(peers, { name, ref, file, threat, images }) {
  const { norm, epsilon } = threat;
  const found = { clean: '', broken: SEEDS.map(() => ''), seconds: 0 };
  for (const chunk of chunksOf(images))
    for (const [index, seed] of SEEDS.entries()) {
      const place = chunkFile('reference', { name, ref, norm, chunk, tag: seed });
      let answer = readJson(place);
      if (answer === undefined) {
        answer = await peers.ask('reference', {
          model: ref.path,
          images: file,
          ...chunk,
          norm,
          epsilon,
          seed,
        });
        writeJson(place, answer);
        console.error(
          `reference ${name} ${norm} seed ${seed} images ${chunk.first}: ${answer.seconds.toFixed(1)} s`,
        );
      }
      found.broken[index] += answer.broken;
      found.seconds += answer.seconds / SEEDS.length;
      if (index === 0) found.clean += answer.clean;
    }
  writeReference({ name, norm, epsilon, images, ref }, found);
  return found;
}

/** A proof on fewer images does not overwrite one on more. */
function writeReference({ name, norm, epsilon, images, ref }, { clean, broken }) {
  const place = resultPath(`reference-${name}-${norm}`);
  const known = readJson(place);
  if (known !== undefined && known.sha256 === ref.sha256 && known.images > images) return;
  writeJson(place, { model: name, sha256: ref.sha256, norm, epsilon, images, seeds: SEEDS, clean, broken });
}

function chunkFile(kind, { name, ref, norm, chunk, tag }) {
  return join(
    CACHE,
    kind,
    `${name}-${ref.sha256.slice(0, 8)}-${norm}-${chunk.first}-${chunk.last}-${tag}.json`,
  );
}

async function oursOf({ name, ref, threat: { norm, epsilon }, images }, suite) {
  const recipes = suiteRecipes(suite, norm);
  const found = { brokenBy: [], adversarials: [], seconds: 0, forwards: 0, gradients: 0, recipes };
  await withPool({}, async (pool) => {
    const answers = await Promise.all(
      chunksOf(images).map(async (chunk) => {
        const place = chunkFile('ours', { name, ref, norm, chunk, tag: `${suite}-${pool.engine}` });
        const known = readJson(place);
        if (known !== undefined) return known;
        const answer = await attackChunk(pool, { ref, recipes, threat: threatOf(norm, epsilon), chunk });
        writeWhole(answer.adversarials, answer.archive);
        delete answer.archive;
        writeJson(place, answer);
        console.error(`ours ${name} ${norm} images ${chunk.first}: ${answer.seconds.toFixed(1)} s`);
        return answer;
      }),
    );
    for (const answer of answers) {
      found.brokenBy.push(...answer.brokenBy);
      found.adversarials.push({ first: answer.first, file: answer.adversarials });
      for (const key of ['seconds', 'forwards', 'gradients']) found[key] += answer[key];
    }
  });
  return found;

  async function attackChunk(pool, { ref: model, recipes: wanted, threat, chunk }) {
    const digits = await testDigits(chunk.first, chunk.last);
    const answer = await pool.run(suiteShard, { model, recipes: wanted, ...digits, threat, seed: OUR_SEED });
    const { brokenBy, adversarial, seconds, forwards, gradients } = answer;
    const index = Int32Array.from(Array.from(brokenBy.keys()).filter((i) => brokenBy[i] > 0));
    const features = adversarial.length / brokenBy.length;
    const inputs = new Float32Array(index.length * features);
    index.forEach((row, i) =>
      inputs.set(adversarial.subarray(row * features, (row + 1) * features), i * features),
    );
    const adversarials = chunkFile('ours', {
      name,
      ref,
      norm,
      chunk,
      tag: `${suite}-${pool.engine}`,
    }).replace('.json', '.npz');
    const archive = encodeNpz({
      index: { data: index },
      inputs: { data: inputs, shape: [index.length, 28, 28, 1] },
    });
    return {
      first: chunk.first,
      brokenBy: Array.from(brokenBy),
      adversarials,
      archive,
      seconds,
      forwards,
      gradients,
    };
  }
}

async function confirmOurs(peers, { ref, file, threat: { norm, epsilon } }, { adversarials }) {
  const confirmed = new Map();
  for (const { first, file: found } of adversarials) {
    const answer = await peers.ask('confirm', {
      model: ref.path,
      images: file,
      first,
      adversarials: found,
      norm,
      epsilon,
    });
    answer.index.forEach((image, i) => confirmed.set(image, answer.confirmed[i] === '1'));
  }
  return confirmed;
}

function compare({ name, threat, images }, { theirs, ours, confirmed }) {
  const all = Array.from({ length: images }, (_, i) => i);
  const always = all.filter((i) => theirs.broken.every((bits) => bits[i] === '1'));
  const ever = new Set(all.filter((i) => theirs.broken.some((bits) => bits[i] === '1')));
  const missed = always.filter((i) => ours.brokenBy[i] < 0);
  const onlyOurs = all.filter((i) => ours.brokenBy[i] > 0 && !ever.has(i));
  const unconfirmed = all.filter((i) => ours.brokenBy[i] > 0 && confirmed.get(i) !== true);
  const standing = (count) => Number((1 - count / images).toFixed(4));
  const share = always.length === 0 ? 0 : missed.length / always.length;
  return {
    model: name,
    ...threat,
    images,
    clean_accuracy: standing(images - [...theirs.clean].filter((bit) => bit === '1').length),
    reference_robust_accuracy: theirs.broken.map((bits) =>
      standing([...bits].filter((bit) => bit === '1').length),
    ),
    robust_accuracy: standing(ours.brokenBy.filter((by) => by >= 0).length),
    broken_by: countBy(ours.brokenBy, ours.recipes),
    broken_by_reference_in_all_seeds: always.length,
    of_these_survive_ours: missed.length,
    missed,
    only_ours: onlyOurs.length,
    unconfirmed,
    passed: share <= MOST_MISSED && unconfirmed.length === 0,
    reference_seconds: Number(theirs.seconds.toFixed(1)),
    seconds: Number(ours.seconds.toFixed(1)),
  };
}

function countBy(brokenBy, recipes) {
  const names = ['unchanged', ...recipes.map((recipe) => recipe.name)];
  return Object.fromEntries(names.map((name, i) => [name, brokenBy.filter((by) => by === i).length]));
}
