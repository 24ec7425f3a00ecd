/**
 * Measurement of what the explorer promises: on robust models its portfolio finds at least 0.3 points more than
 * autoattack-standard at no more than a quarter of its compute.
 *
 *   node scripts/proofs/explorer.mjs --models a,b,c --epsilon 0.3 [--samples 1000] [--search-samples 1000] [--candidates 27]
 *     [--generations 4] [--rows 64] [--engine tensorflow] [--out proofs]
 *
 * It searches on mnist:validation and measures on mnist:test, with other draws: nothing that decided is measured on.
 * Compute is counted in forward passes, a backward pass as two, summed over the examples; time is reported beside it and
 * means something on a quiet machine only. Resumable: trials and results are kept in the folder of --out.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({
  options: {
    models: { type: 'string' },
    norm: { type: 'string', default: 'linf' },
    epsilon: { type: 'string', default: '0.3' },
    samples: { type: 'string', default: '1000' },
    'search-samples': { type: 'string', default: '1000' },
    candidates: { type: 'string', default: '27' },
    generations: { type: 'string', default: '4' },
    rows: { type: 'string', default: '64' },
    'portfolio-compute': { type: 'string', default: '2900' },
    engine: { type: 'string' },
    out: { type: 'string', default: 'proofs' },
  },
});
if (given.models === undefined) throw new Error('--models: expected folders of models, separated by commas');

/** Points more that the portfolio has to find, and the share of the compute that it may take. */
const BARS = { points: 0.3, compute: 0.25 };
const BACKWARD = 2;
const TEMPER = 'dist/src/cli/main.js';
const engine = given.engine === undefined ? [] : ['--engine', given.engine];

mkdirSync(given.out, { recursive: true });
const models = given.models.split(',').map((folder) => measure(folder));
const proof = {
  passed: models.length >= 3 && models.every(({ passed }) => passed),
  date: new Date().toISOString().slice(0, 10),
  machine: {
    processor: cpus()[0].model,
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  settings: given,
  bars: BARS,
  models,
};
writeFileSync(join(given.out, 'explorer.json'), `${JSON.stringify(proof, null, 2)}\n`);
for (const { model, standard, portfolio, points, compute, passed } of models)
  console.log(
    `${model}: autoattack-standard leaves ${percent(standard.value)}, the portfolio ${percent(portfolio.value)} (${points.toFixed(2)} points more found) at ${percent(compute)} of its compute: ${passed ? 'holds' : 'missed'}`,
  );
process.exitCode = proof.passed ? 0 : 1;

function measure(folder) {
  const name = basename(folder);
  const pack = join(given.out, `explorer-${name}.json`);
  const adversary = ['--norm', given.norm, '--epsilon', given.epsilon];
  if (!existsSync(pack))
    temper('explore', '-m', folder, '-d', 'mnist:validation', '-n', given['search-samples'], ...adversary, ...engine, [
      ['--candidates', given.candidates],
      ['--generations', given.generations],
      ['--rows', given.rows],
      ['--portfolio-compute', given['portfolio-compute']],
      ['--seed', '1'],
      ['--output', pack],
    ]);
  const evaluate = (suite, ...more) => {
    const file = join(given.out, `explorer-${name}-${suite}.result.json`);
    const data = ['-d', 'mnist:test', '-n', given.samples];
    if (!existsSync(file))
      temper('evaluate', '-m', folder, ...data, ...adversary, ...engine, '-a', suite, '--seed', '2', '--json', file, more);
    return JSON.parse(readFileSync(file, 'utf8'));
  };
  const standard = evaluate('autoattack-standard');
  const portfolio = evaluate('explored', '--recipes', pack);
  const points = 100 * (standard.worst_case.value - portfolio.worst_case.value);
  const compute = computeOf(portfolio) / computeOf(standard);
  return {
    model: name,
    clean: standard.clean_accuracy,
    standard: standard.worst_case,
    portfolio: portfolio.worst_case,
    points,
    compute,
    seconds: { standard: secondsOf(standard), portfolio: secondsOf(portfolio) },
    recipes: portfolio.attacks.map(({ recipe, id, robust_accuracy, forward_queries, gradient_queries }) => ({
      recipe,
      id,
      left: robust_accuracy.value,
      forward_queries,
      gradient_queries,
    })),
    passed: points >= BARS.points && compute <= BARS.compute,
  };
}

function computeOf({ attacks }) {
  return attacks.reduce((sum, attack) => sum + attack.forward_queries + BACKWARD * attack.gradient_queries, 0);
}

function secondsOf({ attacks }) {
  return attacks.reduce((sum, { seconds }) => sum + seconds, 0);
}

function temper(...args) {
  execFileSync(process.execPath, [TEMPER, ...args.flat(2)], { stdio: ['ignore', 'inherit', 'inherit'] });
}

function percent(share) {
  return `${(100 * share).toFixed(2)} %`;
}
