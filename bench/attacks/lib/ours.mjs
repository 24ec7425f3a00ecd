/** Our side: the project's compute pool, with tasks of the benchmark. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { silentLogger } from '../../../dist/src/domain/logger.js';
import { chooseEngine } from '../../../dist/src/engine/choose.js';
import { createPool } from '../../../dist/src/engine/pool.js';
import { loadMnist } from '../../../dist/src/data/mnist.js';
import { findSuite, suiteFor } from '../../../dist/src/evaluation/suites.js';
import { BENCH } from './places.mjs';

export const CLASSES = 10;
export const FEATURES = 784;
const TASKS = join(BENCH, 'lib', 'tasks.cjs');
createRequire(import.meta.url).resolve(TASKS);
const task = (exportName) => ({ modulePath: TASKS, exportName });
export const timedAttack = task('runTimedAttack');
export const suiteShard = task('runSuiteShard');
export const bareGradients = task('runBareGradients');

/** Uses a pool on one engine and stops it. */
export async function withPool({ engine = process.env.TEMPER_ENGINE, workers } = {}, use) {
  const { name } = await chooseEngine({ forced: engine });
  const pool = createPool({ engine: name, workers, logger: silentLogger });
  try {
    return await use(pool.value);
  } finally {
    await pool.stop();
  }
}

export const warningLogger = {
  ...silentLogger,
  info: (fields, message) => console.error(message, JSON.stringify(fields)),
  warn: (fields, message) => console.error(message, JSON.stringify(fields)),
};

/** The first test digits, in their own order. */
export async function testDigits(first, last) {
  const data = await loadMnist('test');
  const indexes = Array.from({ length: last - first }, (_, i) => first + i);
  return { ...data.rows(indexes), ids: indexes.map((index) => `mnist:test#${index}`) };
}

export const threatOf = (norm, epsilon) => ({ norm, epsilon, range: [0, 1], access: 'gradients' });

export function suiteRecipes(name, norm) {
  return suiteFor(findSuite(name), { norm, classes: CLASSES }).recipes;
}
