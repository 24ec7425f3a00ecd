import fc from 'fast-check';
import { startBackend } from '../../../src/engine/backend.ts';
import { tf } from '../../../src/engine/tf.ts';
import {
  expectConvolutionGradients,
  expectLikeCpu,
  normals,
  on,
  type Compute,
  type Convolution,
  type Data,
} from './compare.ts';

beforeAll(() => startBackend('wasm'));

const side = fc.integer({ min: 1, max: 9 });
const smallSide = fc.integer({ min: 1, max: 5 });
const stride = fc.integer({ min: 1, max: 4 });
const pad = fc.constantFrom<'same' | 'valid'>('same', 'valid');

describe('gradients of a convolution', () => {
  it('equal those of the cpu backend for any shape, stride and padding', async () => {
    const convolutions = fc.record({
      input: fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.integer({ min: 1, max: 4 })),
      filter: fc.tuple(smallSide, smallSide, fc.integer({ min: 1, max: 5 })),
      strides: fc.tuple(stride, stride),
      pad,
    });
    await fc.assert(
      fc.asyncProperty(convolutions, async ({ input, filter: [height, width, filters], ...rest }) => {
        fc.pre(rest.pad === 'same' || (height <= input[1] && width <= input[2]));
        await expectConvolutionGradients('wasm', {
          input,
          filter: [height, width, input[3], filters],
          ...rest,
        });
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('equal them for paddings in numbers, even wider than the filter', async () => {
    await fc.assert(
      fc.asyncProperty(
        side,
        smallSide,
        stride,
        fc.integer({ min: 0, max: 6 }),
        async (size, taps, step, padding) => {
          await expectConvolutionGradients('wasm', {
            input: [2, size, size, 2],
            filter: [taps, taps, 2, 3],
            strides: [step, step],
            pad: padding,
          });
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  // Shapes that take each way through the kernels: one convolution for all phases, one for each, periods of many strides.
  it.each<Convolution>([
    { input: [3, 28, 28, 1], filter: [5, 5, 1, 16], strides: [2, 2], pad: 'same' },
    { input: [3, 14, 14, 16], filter: [5, 5, 16, 32], strides: [2, 2], pad: 'same' },
    { input: [2, 12, 12, 8], filter: [3, 3, 8, 8], strides: [1, 1], pad: 'same' },
    { input: [2, 16, 16, 3], filter: [5, 5, 3, 4], strides: [1, 1], pad: 'valid' },
    { input: [2, 16, 15, 3], filter: [3, 3, 3, 8], strides: [2, 2], pad: 1 },
    { input: [1, 9, 9, 2], filter: [2, 2, 2, 3], strides: [4, 4], pad: 'valid' },
    { input: [1, 1, 1, 1], filter: [1, 1, 1, 1], strides: [3, 3], pad: 'same' },
  ])(
    'equal them for $input by $filter, strides $strides, $pad',
    (convolution) => expectConvolutionGradients('wasm', convolution),
    30_000,
  );

  it('agree with differences of the forward pass', async () => {
    const data = [
      normals('x', [2, 6, 5, 2]),
      normals('w', [3, 3, 2, 4]),
      normals('m', [2, 3, 3, 4]),
    ] as const;
    const loss: Compute = (x, w, m) =>
      tf.sum(tf.mul(m, tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'same')));
    const [dx, dw] = await on('wasm', data, (x, w, m) =>
      tf.grads((image, kernel) => loss(image, kernel, m) as tf.Scalar)([x, w]),
    );
    for (const [which, gradient] of [dx!, dw!].entries()) {
      for (const index of [0, 7, gradient.length - 1]) {
        const difference = await centralDifference(data, which, index, loss);
        expect(gradient[index]).toBeCloseTo(difference, 2);
      }
    }
  });
});

/** (loss(x + h) − loss(x − h)) / 2h in one coordinate; the loss is linear in it, so h is large against rounding. */
async function centralDifference(
  data: readonly Data[],
  which: number,
  index: number,
  loss: Compute,
): Promise<number> {
  const moved = (step: number): Data[] =>
    data.map(({ values, shape }, i) => ({
      shape,
      values: i === which ? values.map((value, k) => (k === index ? value + step : value)) : values,
    }));
  const [[above], [below]] = [await on('wasm', moved(0.5), loss), await on('wasm', moved(-0.5), loss)];
  return above![0]! - below![0]!;
}

describe('matrix products', () => {
  it('equal those of the cpu backend with any operand transposed, in batches too', async () => {
    const size = fc.integer({ min: 1, max: 9 });
    const products = fc.record({
      batch: fc.constantFrom<number[]>([], [1], [3], [2, 2]),
      rows: size,
      inner: size,
      columns: size,
      turnLeft: fc.boolean(),
      turnRight: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(products, async ({ batch, rows, inner, columns, turnLeft, turnRight }) => {
        const name = JSON.stringify([batch, rows, inner, columns]);
        const left = normals(`a${name}`, [...batch, ...(turnLeft ? [inner, rows] : [rows, inner])]);
        const right = normals(`b${name}`, [...batch, ...(turnRight ? [columns, inner] : [inner, columns])]);
        await expectLikeCpu('wasm', [left, right], (a, b) => tf.matMul(a, b, turnLeft, turnRight));
      }),
      { numRuns: 100 },
    );
  });
});

describe('gradient of relu', () => {
  it('passes what a positive output passed, and nothing at zero', async () => {
    const x = { values: Float32Array.of(-2, -0, 0, 1e-30, 3), shape: [5] };
    const dy = { values: Float32Array.of(1, 2, 3, 4, -5), shape: [5] };
    const [gradient] = await on('wasm', [x, dy], (input, error) =>
      tf.grad((value) => tf.relu(value))(input, error),
    );
    expect(Array.from(gradient!, (value) => value + 0)).toEqual([0, 0, 0, 4, -5]);
  });

  it('stays what it was on a backend without a kernel of its own', async () => {
    const x = normals('relu', [3, 4]);
    await expectLikeCpu('wasm', [x], (input) => tf.grad((value) => tf.square(tf.relu(value)))(input));
  });
});

describe('gradient of a maximum over windows', () => {
  it('equals that of the cpu backend for any shape, stride and padding', async () => {
    const sizes = fc.record({
      input: fc.tuple(fc.integer({ min: 1, max: 2 }), side, side, fc.integer({ min: 1, max: 3 })),
      filter: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      pad,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ input, filter, strides, pad: padding }) => {
        fc.pre(padding === 'same' || (filter[0] <= input[1] && filter[1] <= input[2]));
        const info = tf.backend_util.computePool2DInfo(input, filter, strides, 1, padding);
        const name = JSON.stringify([input, filter, strides, padding]);
        await expectLikeCpu(
          'wasm',
          [normals(`x${name}`, input), normals(`dy${name}`, info.outShape)],
          (x, dy) => tf.grad((image) => tf.maxPool(image as tf.Tensor4D, filter, strides, padding))(x, dy),
        );
      }),
      { numRuns: 80 },
    );
  }, 30_000);

  it('gives the first of equal inputs everything', async () => {
    const x = { values: new Float32Array(16).fill(1), shape: [1, 4, 4, 1] };
    const [gradient] = await on('wasm', [x], (input) =>
      tf.grad((image) => tf.maxPool(image as tf.Tensor4D, 2, 2, 'valid'))(input),
    );
    expect(Array.from(gradient!)).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
  });
});

describe('clones', () => {
  it('live on when what they were cloned from is disposed', async () => {
    await tf.setBackend('wasm');
    const before = tf.memory().numDataBuffers;
    const original = tf.tensor1d([1, 2, 3]);
    const clone = tf.clone(original);
    original.dispose();
    expect(Array.from(clone.dataSync())).toEqual([1, 2, 3]);
    clone.dispose();
    expect(tf.memory().numDataBuffers).toBe(before);
  });

  it('do not see what happens to a variable that they were read from', async () => {
    await tf.setBackend('wasm');
    const [read, now] = tf.tidy(() => {
      const variable = tf.variable(tf.tensor1d([1, 2]));
      const clone = variable.clone();
      variable.assign(tf.tensor1d([5, 6]));
      const values = [Array.from(clone.dataSync()), Array.from(variable.dataSync())];
      variable.dispose();
      return values;
    });
    expect([read, now]).toEqual([
      [1, 2],
      [5, 6],
    ]);
  });
});

describe('a training step of a small network', () => {
  it('has the gradients of the cpu backend, weights and inputs', async () => {
    const data = [
      normals('images', [4, 12, 12, 1]),
      normals('w1', [5, 5, 1, 4]),
      normals('w2', [3, 3, 4, 8]),
      normals('w3', [72, 3]),
    ];
    const labels = [0, 2, 1, 1];
    await expectLikeCpu('wasm', data, (...inputs) =>
      tf.grads((x, w1, w2, w3) => {
        const first = tf.relu(tf.conv2d(x as tf.Tensor4D, tf.mul<tf.Tensor4D>(0.2, w1), 2, 'same'));
        const second = tf.relu(tf.conv2d(first, tf.mul<tf.Tensor4D>(0.2, w2), 2, 'same'));
        const logits = tf.matMul(tf.reshape(second, [4, 72]), w3);
        return tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(tf.oneHot(labels, 3), logits);
      })(inputs),
    );
  });
});
