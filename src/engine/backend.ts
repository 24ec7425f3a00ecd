import { dirname, sep } from 'node:path';
import { AppError, toError } from '../domain/errors.ts';
import type { EngineName } from './choose.ts';
import { tf } from './tf.ts';

let started: { name: EngineName; ready: Promise<void> } | undefined;

/**
 * Makes an engine the backend of this process. Idempotent; a process has one engine for its whole life.
 * @throws {AppError} TEMPER_ENGINE_UNAVAILABLE
 */
export async function startBackend(name: EngineName): Promise<void> {
  if (started !== undefined && started.name !== name) {
    throw new AppError(
      'TEMPER_ENGINE_UNAVAILABLE',
      `this process already computes with ${started.name}, not ${name}`,
    );
  }
  started ??= { name, ready: start(name) };
  await started.ready;
}

async function start(name: EngineName): Promise<void> {
  tf.enableProdMode();
  try {
    await (name === 'wasm' ? startWasm() : startNative());
  } catch (caught) {
    throw new AppError(
      'TEMPER_ENGINE_UNAVAILABLE',
      `the ${name} engine does not start: ${toError(caught).message}`,
      {
        cause: caught,
      },
    );
  }
}

async function startWasm(): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm')) + sep);
  await tf.setBackend('wasm');
  // After the backend has set its own kernels up: ours call some of them.
  const { registerWasmKernels } = await import('./kernels/wasm.ts');
  registerWasmKernels();
}

async function startNative(): Promise<void> {
  await import('./node-polyfill.ts');
  // TensorFlow's greeting goes to stderr; its warnings and errors still do.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
  // Optional and often absent: a name that the compiler does not resolve needs no types.
  const native = '@tensorflow/tfjs-node';
  await import(native);
  const { registerNativeKernels } = await import('./kernels/native.ts');
  registerNativeKernels();
  await tf.setBackend('tensorflow');
}
