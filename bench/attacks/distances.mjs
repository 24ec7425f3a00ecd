/**
 * Attacks that look for the nearest adversarial, at convergence: the median distance of ours is at most 2 % above the best
 * of Foolbox and adversarial-library; those by decisions are no worse than Foolbox after equally many queries.
 */
import { join } from 'node:path';
import { parseRecipe } from '../../dist/src/attacks/recipe.js';
import { CACHE } from './lib/places.mjs';
import { machine, median, readJson, writeJson, writeTable } from './lib/files.mjs';
import { imagesFile } from './lib/images.mjs';
import { prepareModels } from './lib/models.mjs';
import { testDigits, threatOf, timedAttack, withPool } from './lib/ours.mjs';

const MOST_ABOVE = 1.02;
const SHARD = 25;

/** Steps at which more steps gain nothing that matters, for both sides alike. */
const MINIMUM_NORM = [
  {
    attack: 'cw',
    ours: { steps: 1000, stepSize: 0.05 },
    peers: [
      ['foolbox', { steps: 1000, stepsize: 0.05, binary_search_steps: 9 }],
      ['adversarial-library', { max_iterations: 1000, learning_rate: 0.05, num_binary_search_steps: 9 }],
    ],
  },
  {
    attack: 'ddn',
    ours: { steps: 1000 },
    peers: [
      ['foolbox', { steps: 1000 }],
      ['adversarial-library', { steps: 1000, levels: null }],
    ],
  },
  {
    attack: 'fmn',
    ours: { steps: 1000 },
    peers: [
      ['foolbox', { steps: 1000 }],
      ['adversarial-library', { steps: 1000 }],
    ],
  },
  {
    attack: 'fab',
    ours: { steps: 100 },
    peers: [['adversarial-library', { n_iter: 100 }]],
  },
  {
    attack: 'deepfool',
    ours: { steps: 100 },
    peers: [
      ['foolbox', { steps: 100 }],
      ['adversarial-library', { steps: 100, overshoot: 0.02 }],
    ],
  },
];

const DECISIONS = [
  { attack: 'hop-skip-jump', norm: 'l2' },
  { attack: 'hop-skip-jump', norm: 'linf' },
  { attack: 'boundary', norm: 'l2' },
];
const BUDGETS = [1000, 2500, 5000];

export async function runMinimumNorm(peers, { images, models = ['standard', 'pgd'], attacks }) {
  const chosen = MINIMUM_NORM.filter(({ attack }) => attacks === undefined || attacks.includes(attack));
  return runAll(peers, { images, models, result: 'min-norm', works: chosen, compareOne: compareMinimum });
}

export async function runDecisions(peers, { images, models = ['standard', 'pgd'], attacks }) {
  const chosen = DECISIONS.filter(({ attack }) => attacks === undefined || attacks.includes(attack));
  return runAll(peers, { images, models, result: 'decisions', works: chosen, compareOne: compareDecisions });
}

async function runAll(peers, { images, models, result, works, compareOne }) {
  const refs = await prepareModels(models);
  const file = await imagesFile(images);
  const facts = { machine: machine(), peers: await peers.ask('versions') };
  const key = ({ model, attack, norm, queries }) => [model, attack, norm, queries].join();
  await withPool({}, async (pool) => {
    for (const work of works)
      for (const name of models) {
        const lines = await compareOne({ peers, pool, file, images }, { name, ref: refs[name] }, work);
        writeTable(result, lines, key, facts);
        for (const line of lines) console.log(JSON.stringify(line));
      }
  });
}

async function compareMinimum(side, model, { attack, norm = 'l2', ours, peers }) {
  const theirs = {};
  for (const [library, options] of peers) {
    const asked = { library, attack, options, norm };
    const answer = await remembered('minimum_norm', model, { images: side.images, asked }, () =>
      side.peers.ask('minimum_norm', {
        model: model.ref.path,
        images: side.file,
        first: 0,
        last: side.images,
        ...asked,
      }),
    );
    theirs[library] = {
      median: median(answer.distances.map(finite)),
      found: answer.distances.filter((distance) => distance !== null).length,
      seconds: answer.seconds,
    };
  }
  const own = await attackAll(side, model, { recipe: { attack, parameters: ours }, norm });
  const best = Math.min(...Object.values(theirs).map((peer) => peer.median));
  const ratio = own.median / best;
  return [
    {
      model: model.name,
      attack,
      norm,
      images: side.images,
      median: own.median,
      found: own.found,
      seconds: own.seconds,
      peers: theirs,
      ratio,
      passed: ratio <= MOST_ABOVE,
    },
  ];
}

async function compareDecisions(side, model, { attack, norm }) {
  const asked = { attack, norm, budgets: BUDGETS };
  const answer = await remembered('decisions', model, { images: side.images, asked }, () =>
    side.peers.ask('decisions', {
      model: model.ref.path,
      images: side.file,
      first: 0,
      last: side.images,
      ...asked,
    }),
  );
  const lines = [];
  for (const queries of BUDGETS) {
    const own = await attackAll(side, model, { recipe: { attack, parameters: { queries } }, norm });
    const theirs = answer.snapshots[queries].map(finite);
    const ratio = own.median / median(theirs);
    lines.push({
      model: model.name,
      attack,
      norm,
      queries,
      images: side.images,
      median: own.median,
      found: own.found,
      foolbox: median(theirs),
      foolbox_found: theirs.filter(isFinite).length,
      ratio,
      passed: ratio <= 1,
    });
  }
  return lines;
}

/** JSON has no infinity. */
const finite = (value) => (value === null ? Infinity : value);

async function remembered(kind, { name, ref }, about, ask) {
  const tag = JSON.stringify(about).replace(/[^a-z0-9]+/gi, '-');
  const place = join(CACHE, kind, `${name}-${ref.sha256.slice(0, 8)}${tag}.json`.slice(-200));
  const known = readJson(place);
  if (known !== undefined) return known;
  const answer = await ask();
  writeJson(place, answer);
  return answer;
}

/** Median distance over the images that are read right; one that was not found counts as infinitely far. */
async function attackAll({ pool, images }, { ref }, { recipe, norm }) {
  const parsed = parseRecipe({ name: recipe.attack, ...recipe });
  const starts = Array.from({ length: Math.ceil(images / SHARD) }, (_, i) => i * SHARD);
  const shards = await Promise.all(
    starts.map(async (first) => {
      const digits = await testDigits(first, Math.min(images, first + SHARD));
      // Epsilon decides on success only, not on where these attacks look.
      const threat = threatOf(norm, norm === 'linf' ? 0.3 : 2);
      return pool.run(timedAttack, {
        model: ref,
        recipe: parsed,
        ...digits,
        threat,
        seed: 1,
        stopsAtFirstSuccess: false,
      });
    }),
  );
  const distances = shards
    .flatMap(({ found }) => Array.from(found.distance))
    .filter((distance) => distance > 0);
  return {
    median: median(distances),
    found: distances.filter(isFinite).length,
    seconds: shards.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
