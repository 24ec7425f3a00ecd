// A real model server on loopback, serving an ONNX file: `node scripts/services/model-server.mjs KIND FILE [NAME]` with KIND
// mlserver, kserve or triton. Prints one line of JSON when it is ready, {"kind","rest","grpc"}, and ends with whoever
// started it: when its standard input closes, or on a signal. Installs what it needs on first use.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pythonEnvironment } from './python-environment.mjs';

/** How many ports a server wants; the first two are REST and gRPC. Triton runs only in Debian's own Python. */
const KINDS = {
  mlserver: { ports: 3 },
  kserve: { ports: 2 },
  triton: { ports: 3, python: '/usr/bin/python3' },
};
const START_MS = 90_000;
const STOP_MS = 10_000;
const LOG_CHARACTERS = 8_000;

const [, , kind, file, name = 'digits'] = process.argv;
const settings = KINDS[kind];
if (settings === undefined || file === undefined) {
  console.error(`usage: node scripts/services/model-server.mjs ${Object.keys(KINDS).join('|')} FILE [NAME]`);
  process.exit(2);
}

const interpreter = await pythonEnvironment(kind, {
  python: settings.python,
  log: (line) => console.error(line),
});
const ports = await freePorts(settings.ports);
const script = fileURLToPath(new URL(`python/${kind}_onnx.py`, import.meta.url));
// A process group of its own: Triton starts processes too.
const server = spawn(interpreter, [script, file, name, ...ports.map(String)], {
  stdio: ['ignore', 'pipe', 'pipe'],
  detached: true,
  env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONUNBUFFERED: '1' },
});
let log = '';
for (const stream of [server.stdout, server.stderr])
  stream.on('data', (chunk) => (log = (log + chunk).slice(-LOG_CHARACTERS)));
let isStopping = false;
server.once('exit', (code, signal) => {
  if (!isStopping) console.error(`${kind} ended with ${code ?? signal}:\n${log}`);
  process.exit(isStopping ? 0 : 1);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
process.stdin.resume().once('end', stop);

const [rest, grpc] = ports.map((port) => `http://127.0.0.1:${port}`);
await ready(`${rest}/v2/models/${name}/ready`);
console.log(JSON.stringify({ kind, rest, grpc }));

async function ready(url) {
  const giveUpAt = performance.now() + START_MS;
  while (performance.now() < giveUpAt) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (response?.ok) return;
    await sleep(100);
  }
  console.error(`${kind} was not ready within ${START_MS / 1000} s:\n${log}`);
  await stop();
  process.exit(1);
}

async function stop() {
  if (isStopping) return;
  isStopping = true;
  signalGroup('SIGTERM');
  await sleep(STOP_MS, undefined, { ref: false });
  signalGroup('SIGKILL');
}

function signalGroup(signal) {
  try {
    process.kill(-server.pid, signal);
  } catch {
    // It has ended already.
  }
}

/** Held open together, so that they differ. */
async function freePorts(count) {
  const held = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(held.map((each) => once(each, 'listening')));
  const found = held.map((each) => each.address().port);
  await Promise.all(held.map((each) => new Promise((resolve) => each.close(resolve))));
  return found;
}
