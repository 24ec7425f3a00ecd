import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AppError } from '../domain/errors.ts';
import { childEnvironment } from './child-environment.ts';
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
/** Characters of the probe's complaint that go into the reason. */
const MOST_QUOTED = 200;
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
  if (!isInstalled('@tensorflow/tfjs-node/package.json')) return 'tfjs-node is not installed';
  const probe = compiledPath(__filename).replace(/choose\.js$/, 'native-probe.js');
  const env = childEnvironment();
  try {
    await run(process.execPath, [probe], { timeout: PROBE_TIMEOUT_MS, env });
    return undefined;
  } catch (caught) {
    return describeFailure(caught as ProbeFailure); // execFile rejects with nothing else
  }
}

function isInstalled(file: string): boolean {
  try {
    require.resolve(file);
    return true;
  } catch {
    return false;
  }
}

/** What execFile adds to its error. */
interface ProbeFailure extends Error {
  readonly stderr?: string;
  /** Whether it was ended because of the timeout. */
  readonly killed?: boolean;
  readonly signal?: string | null;
}

function describeFailure({ stderr = '', killed, signal, message }: ProbeFailure): string {
  if (killed === true) return `tfjs-node did not compute a gradient within ${PROBE_TIMEOUT_MS / 1000} s`;
  if (typeof signal === 'string') return `tfjs-node ended the process that loaded it (${signal})`;
  const said = stderr.trim() === '' ? message : stderr.trim();
  return `tfjs-node does not work here (${said.replace(/\s+/g, ' ').slice(0, MOST_QUOTED)})`;
}
