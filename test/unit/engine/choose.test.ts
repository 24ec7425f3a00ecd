import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chooseEngine } from '../../../src/engine/choose.ts';

const isNativeInstalled = existsSync(
  join(__dirname, '../../../node_modules/@tensorflow/tfjs-node/package.json'),
);

describe('chooseEngine', () => {
  it('takes WebAssembly without trying anything when asked to', async () => {
    expect(await chooseEngine({ forced: 'wasm' })).toEqual({
      name: 'wasm',
      reason: 'WebAssembly, because TEMPER_ENGINE asks for it.',
    });
  });

  it.each(['gpu', 'WASM', ' '])('refuses an engine that does not exist (%p)', async (forced) => {
    await expect(chooseEngine({ forced })).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_UNAVAILABLE',
      message: `expected TEMPER_ENGINE to be tensorflow or wasm, got "${forced}"`,
    });
  });

  const withoutNative = isNativeInstalled ? it.skip : it;
  withoutNative('says why it falls back, and refuses when the native engine is asked for', async () => {
    for (const forced of [undefined, '']) {
      expect(await chooseEngine({ forced })).toEqual({
        name: 'wasm',
        reason: 'WebAssembly, because tfjs-node is not installed.',
      });
    }
    await expect(chooseEngine({ forced: 'tensorflow' })).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_UNAVAILABLE',
      message:
        'expected tfjs-node to work because TEMPER_ENGINE asks for tensorflow, but tfjs-node is not installed; ' +
        'build it with: npm run native',
    });
  });
});
