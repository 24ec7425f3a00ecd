import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AppError, toError } from '../domain/errors.ts';
import { compiledPath } from './compiled-path.ts';

export const ENGINE_NAMES = ['tensorflow', 'wasm'] as const;
/** `tensorflow`: TensorFlow's native library through tfjs-node. `wasm`: WebAssembly with kernels of our own. */
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface EngineChoice {
  readonly name: EngineName;
  /** A sentence for people: why this one. */
  readonly reason: string;
}

const PROBE_TIMEOUT_MS = 60_000;
const run = promisify(execFile);

/**
 * Chooses the compute engine. The native one only after a convolution's gradient came out right in a child process: a
 * broken native library ends the process that loads it, and some installations load but compute nothing.
 *
 * @throws {AppError} TEMPER_ENGINE_UNAVAILABLE when the forced engine does not work, or has no such name
 */
export async function chooseEngine(options: { forced?: string | undefined } = {}): Promise<EngineChoice> {
  const { forced } = options;
  if (forced === 'wasm') return { name: 'wasm', reason: 'WebAssembly, because TEMPER_ENGINE asks for it.' };
  if (forced !== undefined && forced !== '' && forced !== 'tensorflow') {
    throw new AppError(
      'TEMPER_ENGINE_UNAVAILABLE',
      `expected TEMPER_ENGINE to be ${ENGINE_NAMES.join(' or ')}, got "${forced}"`,
    );
  }
  const failure = await probeNative();
  if (failure === undefined) {
    return {
      name: 'tensorflow',
      reason: 'Native TensorFlow: tfjs-node loads and its convolution gradient is right.',
    };
  }
  if (forced === 'tensorflow') {
    throw new AppError(
      'TEMPER_ENGINE_UNAVAILABLE',
      `expected tfjs-node to work because TEMPER_ENGINE asks for tensorflow, but ${failure}; build it with: npm run native`,
    );
  }
  return { name: 'wasm', reason: `WebAssembly, because ${failure}.` };
}

/** @returns why the native engine cannot be used; undefined when it can */
async function probeNative(): Promise<string | undefined> {
  try {
    await run(process.execPath, [compiledPath(__filename).replace(/choose\.js$/, 'native-probe.js')], {
      timeout: PROBE_TIMEOUT_MS,
    });
    return undefined;
  } catch (caught) {
    return describeFailure(caught);
  }
}

function describeFailure(caught: unknown): string {
  const text = (caught as { stderr?: string }).stderr ?? '';
  if (text.includes("Cannot find module '@tensorflow/tfjs-node'")) return 'tfjs-node is not installed';
  const line = text.split('\n').find((candidate) => /error/i.test(candidate)) ?? toError(caught).message;
  return `tfjs-node does not work here (${line.trim().slice(0, 200)})`;
}
