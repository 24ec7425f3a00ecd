import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { silentLogger } from '../../src/domain/logger.ts';
import { startBackend } from '../../src/engine/backend.ts';
import { checkGradients } from '../../src/engine/check-gradients.ts';
import { chooseEngine } from '../../src/engine/choose.ts';
import { createPool, defineTask } from '../../src/engine/pool.ts';
import { tf } from '../../src/engine/tf.ts';
import {
  expectConvolutionGradients,
  expectLikeCpu,
  normals,
  type Convolution,
} from '../unit/engine/compare.ts';
import { testEngine } from '../support/engine.ts';

// Processes start in half a second on a quiet machine, and in many on a busy one.
jest.setTimeout(60_000);

const isInstalled = existsSync(join(__dirname, '../../node_modules/@tensorflow/tfjs-node/package.json'));

// tfjs-node is optional: `npm run native` builds it where its own download fails. Who asks for it must get it.
(isInstalled || testEngine === 'tensorflow' ? describe : describe.skip)('the native engine', () => {
  beforeAll(() => startBackend('tensorflow'));

  it('is chosen without being asked for, and says why', async () => {
    expect(await chooseEngine()).toEqual({
      name: 'tensorflow',
      reason: 'Native TensorFlow: tfjs-node loads and its convolution gradient is right.',
    });
    expect(await chooseEngine({ forced: 'tensorflow' })).toMatchObject({ name: 'tensorflow' });
  });

  it('computes known gradients', async () => {
    await tf.setBackend('tensorflow');
    await checkGradients();
  });

  it('has the gradients of the cpu backend for images of any shape, stride and padding', async () => {
    const sides = fc.integer({ min: 4, max: 20 });
    const convolutions = fc.record({
      input: fc.tuple(fc.integer({ min: 1, max: 2 }), sides, sides, fc.integer({ min: 1, max: 4 })),
      taps: fc.integer({ min: 1, max: 4 }),
      filters: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: 5 }),
      pad: fc.constantFrom<'same' | 'valid'>('same', 'valid'),
    });
    await fc.assert(
      fc.asyncProperty(convolutions, async ({ input, taps, filters, stride, pad }) => {
        const filter: Convolution['filter'] = [taps, taps, input[3], filters];
        await expectConvolutionGradients('tensorflow', { input, filter, strides: [stride, stride], pad });
      }),
      { numRuns: 60 },
    );
  });

  it('has them for depthwise filters, smaller than their stride too', async () => {
    const sides = fc.integer({ min: 4, max: 12 });
    const shapes = fc.record({
      input: fc.tuple(fc.integer({ min: 1, max: 2 }), sides, sides, fc.integer({ min: 1, max: 3 })),
      taps: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      stride: fc.integer({ min: 1, max: 5 }),
      pad: fc.constantFrom<'same' | 'valid'>('same', 'valid'),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ input, taps, stride, pad }) => {
        const name = JSON.stringify([input, taps]);
        const data = [normals(`x${name}`, input), normals(`w${name}`, [...taps, input[3], 2])];
        await expectLikeCpu('tensorflow', data, (x, w) =>
          tf.grads((image, filter) =>
            tf.sum(tf.square(tf.depthwiseConv2d(image as tf.Tensor4D, filter as tf.Tensor4D, stride, pad))),
          )([x, w]),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('survives filters smaller than their stride, where TensorFlow writes outside its memory', async () => {
    const fixture = join(__dirname, '../fixtures/native-gaps.cjs');
    const { stdout } = await promisify(execFile)(process.execPath, [fixture]);
    expect(stdout).toBe('survived');
  });

  it('has the gradient of relu, and of a matrix product with it', async () => {
    await expectLikeCpu('tensorflow', [normals('x', [5, 7]), normals('w', [7, 4])], (x, w) =>
      tf.grads((input, weights) => tf.sum(tf.square(tf.relu(tf.matMul(input, weights)))))([x, w]),
    );
  });

  it('computes in a pool what WebAssembly computes, to rounding', async () => {
    const gradient = defineTask<object, Float32Array[]>(
      join(__dirname, '../fixtures/pool-task.cjs'),
      'gradient',
    );
    const piece = {
      inputs: normals('images', [8, 12, 12, 1]).values,
      shape: [8, 12, 12, 1],
      filter: normals('filter', [5, 5, 1, 8]).values,
    };
    const pools = (['tensorflow', 'wasm'] as const).map((engine) =>
      createPool({ engine, workers: 1, logger: silentLogger }),
    );
    const [native, wasm] = await Promise.all(pools.map(({ value }) => value.run(gradient, piece)));
    await Promise.all(pools.map(({ stop }) => stop()));
    native!.forEach((values, which) => {
      const largest = Math.max(...wasm![which]!.map(Math.abs));
      values.forEach((value, i) => expect(Math.abs(value - wasm![which]![i]!) / largest).toBeLessThan(1e-5));
    });
  });
});
