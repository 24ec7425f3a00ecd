/** The Python side: an environment of its own, and a process that answers questions line by line. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { CACHE, PYTHON } from './places.mjs';
import { writeWhole } from './files.mjs';

const VENV = join(CACHE, 'venv');
const INTERPRETER = join(VENV, 'bin', 'python');

/** Makes the environment unless it is there with these very requirements. */
export function setupPeers() {
  const wanted = ['requirements.txt', 'requirements-alone.txt'].map((file) => join(PYTHON, file));
  const stamp = wanted.map((file) => readFileSync(file, 'utf8')).join('\n');
  const mark = join(VENV, 'requirements.stamp');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === stamp) return;
  if (!existsSync(INTERPRETER)) must(process.env.PYTHON ?? 'python3', ['-m', 'venv', VENV]);
  const install = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check'];
  must(INTERPRETER, [...install, '-r', wanted[0]]);
  // What these declare to need is either here already or not needed for what they are asked.
  must(INTERPRETER, [...install, '--no-deps', '-r', wanted[1]]);
  must(INTERPRETER, [join(PYTHON, 'serve.py'), '--check']);
  writeWhole(mark, stamp);
}

function must(program, args) {
  const { status } = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, ...QUIET } });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`);
}

/** Threads that wait do so asleep: an actively spinning pool steals the core from whoever is measured next. */
const QUIET = { OMP_WAIT_POLICY: 'PASSIVE', KMP_BLOCKTIME: '0', PYTHONUNBUFFERED: '1' };

/**
 * Starts `serve.py`. `ask(op, options)` runs one of its operations and gives what it returns; one at a time.
 * @param threads of the tensor library; by default one per core
 */
export function startPeers({ threads } = {}) {
  const child = spawn(INTERPRETER, [join(PYTHON, 'serve.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...QUIET,
      ...(threads === undefined ? {} : { TEMPER_PEER_THREADS: String(threads) }),
    },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (op, options = {}) => {
    child.stdin.write(`${JSON.stringify({ op, ...options })}\n`);
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the peers ended while they were asked for ${op}`);
      // Libraries print as they like; only what carries this mark is an answer.
      if (!value.startsWith('@@')) continue;
      const answer = JSON.parse(value.slice(2));
      if (answer.error !== undefined) throw new Error(`${op}: ${answer.error}`);
      return answer.result;
    }
  };
  return { ask, stop: () => child.stdin.end() };
}
