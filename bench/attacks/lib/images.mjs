/** Test digits as a file that the peers read. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpz } from '../../../dist/src/protocols/npz.js';
import { CACHE } from './places.mjs';
import { writeWhole } from './files.mjs';
import { testDigits } from './ours.mjs';

/** @returns path of an .npz with `inputs` [count, 28, 28, 1] and `labels` [count] */
export async function imagesFile(count) {
  const path = join(CACHE, `images-${count}.npz`);
  if (existsSync(path)) return path;
  const { inputs, labels } = await testDigits(0, count);
  writeWhole(
    path,
    encodeNpz({ inputs: { data: inputs, shape: [count, 28, 28, 1] }, labels: { data: labels } }),
  );
  return path;
}
