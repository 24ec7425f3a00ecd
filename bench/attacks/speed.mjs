/**
 * Speed, side by side: the same weights, images and cores, everybody in turn in every round, so that a machine that is
 * slower for a while is so for all. Figures are medians over the rounds; ratios are medians of the ratios within a round.
 * Writes results/speed.json and results/speed.md.
 */
import { join } from 'node:path';
import { parseRecipe } from '../../dist/src/attacks/recipe.js';
import { BENCH, RESULTS } from './lib/places.mjs';
import { machine, median, readJson, resultPath, writeJson, writeWhole } from './lib/files.mjs';
import { imagesFile } from './lib/images.mjs';
import { prepareModels } from './lib/models.mjs';
import {
  bareGradients,
  suiteRecipes,
  suiteShard,
  testDigits,
  threatOf,
  timedAttack,
  withPool,
} from './lib/ours.mjs';
import { formatTables } from './speed-tables.mjs';

const IMAGES = 100;
const SUITE_IMAGES = 200;
/** So small that nothing is broken: all sides make all their steps on all images. */
const TINY = 1e-4;
const STEPS = 40;
const SQUARE_QUERIES = 300;
const DECISION_IMAGES = 20;
const DECISION_QUERIES = 2500;
const SUITE_THREAT = { norm: 'linf', epsilon: 0.3 };
const ENGINES = ['tensorflow', 'wasm'];

const SECTIONS = {
  pgd: measurePgd,
  square: measureSquare,
  decisions: measureDecisions,
  suite: measureSuite,
  overhead: measureOverhead,
};

/** @param options repeats: rounds; attacks: sections by name; engines of ours; all by default */
export async function runSpeed(peers, { repeats, attacks = Object.keys(SECTIONS), engines = ENGINES }) {
  const refs = await prepareModels();
  const file = await imagesFile(SUITE_IMAGES);
  const place = resultPath('speed');
  const report = { ...readJson(place), machine: machine(), peers: await peers.ask('versions') };
  await withPool({ engine: 'tensorflow' }, (native) =>
    withPool({ engine: 'wasm' }, async (wasm) => {
      const side = { peers, refs, file, repeats, pools: { tensorflow: native, wasm }, engines };
      for (const name of attacks) {
        report[name] = await SECTIONS[name](side);
        writeJson(place, report);
        console.error(`${name}: done`);
      }
    }),
  );
  const text = formatTables(report);
  writeWhole(join(RESULTS, 'speed.md'), text);
  console.log(text);
}

/** Rounds of every contestant in turn, each round beginning with another one; the first round warms up and does not count. */
async function interleave(contestants, repeats) {
  const names = Object.keys(contestants);
  const rounds = [];
  for (let round = 0; round <= repeats; round++) {
    const found = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length];
      found[name] = await contestants[name]();
    }
    if (round > 0) rounds.push(Object.fromEntries(names.map((name) => [name, found[name]])));
  }
  return rounds;
}

/** Medians of a figure by contestant, and of its ratio to ours on the native engine. */
function summarise(rounds, key) {
  return Object.fromEntries(
    Object.keys(rounds[0]).map((name) => [
      name,
      {
        [key]: Number(median(rounds.map((round) => round[name][key])).toPrecision(4)),
        cpu_seconds: Number(median(rounds.map((round) => round[name].cpu_seconds)).toPrecision(4)),
        ours_to_this: Number(
          median(rounds.map((round) => round['temper tensorflow'][key] / round[name][key])).toPrecision(4),
        ),
        rounds: rounds.map((round) => Number(round[name][key].toPrecision(4))),
      },
    ]),
  );
}

async function measurePgd({ peers, refs, file, repeats, pools, engines }) {
  const images = { model: refs.madry.path, images: file, count: IMAGES, epsilon: TINY, steps: STEPS };
  const rate = (answer) => ({ ...answer, image_steps_per_second: (IMAGES * STEPS) / answer.seconds });
  const contestants = oursOn({ pools, engines }, async (pool) =>
    rate(await ourAttack(pool, refs.madry, pgdRecipe(STEPS))),
  );
  for (const peer of ['raw', 'raw-channels-last', 'foolbox', 'art', 'torchattacks'])
    contestants[peer] = async () => rate(await peers.ask('speed', { peer, attack: 'pgd', ...images }));
  return summarise(await interleave(contestants, repeats), 'image_steps_per_second');
}

async function measureSquare({ peers, refs, file, repeats, pools, engines }) {
  const work = {
    attack: 'square',
    model: refs.pgd.path,
    images: file,
    count: IMAGES,
    epsilon: TINY,
    steps: SQUARE_QUERIES,
  };
  const contestants = oursOn({ pools, engines }, async (pool) => {
    const recipe = parseRecipe({ name: 'square', attack: 'square', parameters: { queries: SQUARE_QUERIES } });
    const answer = await ourAttack(pool, refs.pgd, recipe);
    return { ...answer, queries_per_second: answer.queries / answer.seconds };
  });
  for (const peer of ['reference', 'torchattacks'])
    contestants[peer] = async () => {
      const answer = await peers.ask('speed', { peer, ...work });
      return { ...answer, queries_per_second: (IMAGES * SQUARE_QUERIES) / answer.seconds };
    };
  return summarise(await interleave(contestants, repeats), 'queries_per_second');
}

async function measureDecisions({ peers, refs, file, repeats, pools, engines }) {
  const work = {
    model: refs.pgd.path,
    images: file,
    first: 0,
    last: DECISION_IMAGES,
    attack: 'hop-skip-jump',
  };
  const recipe = parseRecipe({
    name: 'hsj',
    attack: 'hop-skip-jump',
    parameters: { queries: DECISION_QUERIES },
  });
  const contestants = oursOn({ pools, engines }, async (pool) => {
    const answer = await ourAttack(pool, refs.pgd, recipe, {
      count: DECISION_IMAGES,
      threat: threatOf('l2', 2),
    });
    return { ...answer, seconds_per_image: answer.seconds / DECISION_IMAGES };
  });
  contestants.foolbox = async () => {
    const { seconds, rows } = await peers.ask('decisions', { ...work, budgets: [DECISION_QUERIES] });
    return { cpu_seconds: seconds, seconds_per_image: seconds / rows.length };
  };
  return summarise(await interleave(contestants, Math.min(repeats, 3)), 'seconds_per_image');
}

async function measureSuite({ peers, refs, file, repeats, pools }) {
  const { norm, epsilon } = SUITE_THREAT;
  const contestants = {};
  const verdicts = {};
  const ours = (label, pool, suite) => {
    contestants[label] = async () => {
      const answer = await ourSuite(pool, refs.pgd, { suite, threat: threatOf(norm, epsilon) });
      verdicts[label] = answer.broken;
      return answer;
    };
  };
  ours('temper tensorflow', pools.tensorflow, 'autoattack-standard');
  ours('temper-fast tensorflow', pools.tensorflow, 'temper-fast');
  for (const [label, channels_last] of [
    ['reference', false],
    ['reference channels-last', true],
  ])
    contestants[label] = async () => {
      const asked = {
        model: refs.pgd.path,
        images: file,
        count: SUITE_IMAGES,
        norm,
        epsilon,
        seed: 1,
        channels_last,
      };
      const answer = await peers.ask('autoattack_seconds', asked);
      verdicts[label] = [...answer.broken].filter((bit) => bit === '1').length;
      return answer;
    };
  const rounds = await interleave(contestants, Math.min(repeats, 2));
  return { images: SUITE_IMAGES, broken: verdicts, ...summarise(rounds, 'seconds') };
}

const OVERHEADS = [
  ['pgd', 'linf', { steps: STEPS }],
  ['pgd', 'l2', { steps: STEPS }],
  ['pgd', 'l1', { steps: STEPS }],
  ['apgd-ce', 'linf', { steps: STEPS }],
  ['apgd-ce', 'l2', { steps: STEPS }],
  ['apgd-ce', 'l1', { steps: STEPS }],
];

/** CPU seconds of one worker with an attack, above those of as many bare gradients of as many rows. */
async function measureOverhead({ refs, repeats, pools }) {
  const table = [];
  const count = 128;
  for (const name of ['madry', 'pgd'])
    for (const [attack, norm, parameters] of OVERHEADS) {
      const recipe = parseRecipe({ name: attack, attack, parameters });
      const work = await ownAnswers(pools.tensorflow, refs[name], 0, count);
      const rounds = await interleave(
        {
          attack: async () => {
            const threat = threatOf(norm, TINY);
            const answer = await pools.tensorflow.run(timedAttack, {
              model: refs[name],
              recipe,
              ...work,
              threat,
              seed: 1,
            });
            return { cpu: answer.cpuSeconds };
          },
          bare: async () => {
            const answer = await pools.tensorflow.run(bareGradients, {
              model: refs[name],
              ...work,
              gradients: STEPS,
              forwards: 2,
            });
            return { cpu: answer.cpuSeconds };
          },
        },
        Math.max(repeats, 5),
      );
      const overhead = median(rounds.map(({ attack: own, bare }) => own.cpu / bare.cpu)) - 1;
      table.push({ model: name, attack, norm, overhead: Number(overhead.toFixed(4)) });
      console.error(JSON.stringify(table.at(-1)));
    }
  return table;
}

const pgdRecipe = (steps) =>
  parseRecipe({ name: `pgd-${steps}`, attack: 'pgd', parameters: { steps, relativeStep: 1 / 30 } });

function oursOn({ pools, engines }, work) {
  return Object.fromEntries(engines.map((engine) => [`temper ${engine}`, () => work(pools[engine])]));
}

/** Labels are the model's own answers, so that nothing is broken before it is attacked. */
const answers = new Map();
async function ownAnswers(pool, model, first, last) {
  const key = `${model.sha256} ${first} ${last}`;
  if (!answers.has(key)) {
    const digits = await testDigits(first, last);
    const scoreShard = {
      modulePath: join(BENCH, '../../dist/src/evaluation/tasks.js'),
      exportName: 'runScoreShard',
    };
    const scores = await pool.run(scoreShard, { model, inputs: digits.inputs, count: last - first });
    const classes = scores.length / (last - first);
    const labels = Int32Array.from({ length: last - first }, (_, i) => {
      const row = scores.subarray(i * classes, (i + 1) * classes);
      return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
    });
    answers.set(key, { ...digits, labels });
  }
  return answers.get(key);
}

/** One recipe on some images, cut into as many shards as the pool has workers. */
async function ourAttack(pool, model, recipe, { count = IMAGES, threat = threatOf('linf', TINY) } = {}) {
  const shards = await Promise.all(
    cut(count, pool.size).map(([first, last]) => ownAnswers(pool, model, first, last)),
  );
  const started = performance.now();
  const found = await Promise.all(
    shards.map((digits) => pool.run(timedAttack, { model, recipe, ...digits, threat, seed: 1 })),
  );
  const seconds = (performance.now() - started) / 1000;
  const queries = found.reduce(
    (sum, { found: { forwardQueries } }) => sum + forwardQueries.reduce((a, b) => a + b, 0),
    0,
  );
  return { seconds, cpu_seconds: found.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0), queries };
}

async function ourSuite(pool, model, { suite, threat }) {
  const recipes = suiteRecipes(suite, threat.norm);
  const shards = await Promise.all(
    cut(SUITE_IMAGES, pool.size).map(([first, last]) => testDigits(first, last)),
  );
  const started = performance.now();
  const found = await Promise.all(
    shards.map((digits) => pool.run(suiteShard, { model, recipes, ...digits, threat, seed: 1 })),
  );
  return {
    seconds: (performance.now() - started) / 1000,
    cpu_seconds: found.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    broken: found.reduce((sum, { brokenBy }) => sum + brokenBy.filter((by) => by >= 0).length, 0),
  };
}

function cut(count, parts) {
  const at = (part) => Math.round((part * count) / parts);
  return Array.from({ length: parts }, (_, part) => [at(part), at(part + 1)]);
}
