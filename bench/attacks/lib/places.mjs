/** Where the benchmark keeps things. Only `results` and `models` are part of the project; the rest is made again at need. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BENCH = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const ROOT = resolve(BENCH, '../..');
/** Ignored by git: the Python environment, models as folders, images, and answers of chunks that are done. */
export const CACHE = process.env.TEMPER_BENCH_CACHE ?? join(ROOT, '.cache', 'bench-attacks');
export const RESULTS = join(BENCH, 'results');
export const WEIGHTS = join(BENCH, 'models');
export const PYTHON = join(BENCH, 'python');
