import { startBackend } from '../../../src/engine/backend.ts';
import { checkGradients } from '../../../src/engine/check-gradients.ts';
import { tf } from '../../../src/engine/tf.ts';

describe('startBackend', () => {
  it('starts once, silently, and stays with its engine', async () => {
    const warn = jest.spyOn(console, 'warn');
    await Promise.all([startBackend('wasm'), startBackend('wasm')]);
    expect(tf.getBackend()).toBe('wasm');
    await expect(startBackend('tensorflow')).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_UNAVAILABLE',
      message: 'this process already computes with wasm, not tensorflow',
    });
    tf.tensor1d([1]).dispose();
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('has vector instructions: without them every time that the documents promise is wrong', () => {
    expect(tf.env().getBool('WASM_HAS_SIMD_SUPPORT')).toBe(true);
  });
});

describe('checkGradients', () => {
  it('passes on an engine that computes, and leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    await checkGradients();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names what came out of one that does not', async () => {
    const stock = tf.getKernel('Conv2DBackpropFilter', 'wasm');
    tf.unregisterKernel('Conv2DBackpropFilter', 'wasm');
    tf.registerKernel({ ...stock, kernelFunc: () => tf.zeros([2, 2, 1, 1]) });
    await expect(checkGradients()).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_UNAVAILABLE',
      message: "expected a convolution's filter gradient of 37, 47, 67, 77, got 0, 0, 0, 0",
    });
  });
});
