import { startBackend } from '../../src/engine/backend.ts';
import type { EngineName } from '../../src/engine/choose.ts';

/**
 * The engine that numeric tests run on: `TEMPER_ENGINE` (`wasm` or `tensorflow`), WebAssembly by default. Continuous
 * integration runs them once on each.
 */
export const testEngine: EngineName = process.env['TEMPER_ENGINE'] === 'tensorflow' ? 'tensorflow' : 'wasm';

/** For `beforeAll`. */
export const startTestBackend = (): Promise<void> => startBackend(testEngine);
