// Python environments of the project's own: pinned packages in a folder of the user's cache, made once and found again.
// The folder's name holds the hash of what is in it, so that another list of packages is another environment.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'temper', 'python');
const LISTS = fileURLToPath(new URL('python/', import.meta.url));
const GIVE_UP_MS = 600_000;

/**
 * The interpreter of the environment with the packages of `python/<name>.txt`, made if it is not there.
 * Fails with the installer's words when it cannot be made.
 *
 * @param {string} name
 * @param {{ python?: string, log?: (line: string) => void }} options python: the interpreter that the environment is of
 * @returns {Promise<string>} path of its interpreter
 */
export async function pythonEnvironment(name, { python = 'python3', log = () => {} } = {}) {
  const list = join(LISTS, `${name}.txt`);
  const version = await run(python, ['--version']);
  const hash = createHash('sha256')
    .update(`${python} ${version}`)
    .update(await readFile(list))
    .digest('hex')
    .slice(0, 12);
  const folder = join(CACHE, `${name}-${hash}`);
  const interpreter = join(folder, 'bin', 'python');
  // Written last: a folder without it was never finished.
  const done = join(folder, 'DONE');
  if (existsSync(done)) return interpreter;
  await mkdir(CACHE, { recursive: true });
  const release = await lock(`${folder}.lock`);
  try {
    if (existsSync(done)) return interpreter;
    log(`installing the packages of ${name}.txt into ${folder}`);
    await rm(folder, { recursive: true, force: true });
    await run(python, ['-m', 'venv', folder]);
    await run(interpreter, ['-m', 'pip', 'install', '--quiet', '--no-input', '--no-deps', '-r', list]);
    await writeFile(done, '');
    return interpreter;
  } finally {
    await release();
  }
}

/** Resolves to what the program wrote; rejects with what it complained about. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err] = [[], []];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.once('error', (cause) => reject(new Error(`${program} cannot be started`, { cause })));
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${Buffer.concat(err)}`));
    });
  });
}

/** One maker at a time; who died while making is overtaken. */
async function lock(file) {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(`${process.pid}`);
      await handle.close();
      return () => rm(file, { force: true });
    } catch (caught) {
      if (caught.code !== 'EEXIST') throw caught;
    }
    const owner = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (owner > 0 && !isAlive(owner)) await rm(file, { force: true });
    if (performance.now() > giveUpAt) throw new Error(`${file} is held by process ${owner}`);
    await sleep(200);
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
