// Proof that probing is not felt: a served model of capacity N, an independent client that measures its p99 with probing on
// and off in interleaved pairs, in random order within a pair. Bar: the upper 95 % limit of the ratio on/off is at most
// 1.05, at the default settings of served.loadGuard, with a prober that always wants more.
//
//   npm run build && node scripts/proofs/load-guard.mjs [--pairs 40] [--seconds 5] [--load 0.5] [--json FILE]
//
// Three processes: the reference model server, the prober, and this one, the client. Only meaningful on a quiet machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const BAR = 1.05;
const WARM_UP_MS = 500;
const BODY = JSON.stringify({
  instances: [Array.from({ length: 28 }, () => Array.from({ length: 28 }, () => [0.5]))],
});
const load = createRequire(import.meta.url);
const built = (path) => load(`../../dist/src/${path}`);


if (process.argv[2] === 'prober') await probe(process.argv[3]);
else process.exitCode = await prove();

/** Asks for ever, with default settings, while it is told `on`. */
async function probe(url) {
  const { createServedModel } = built('models/served.js');
  const { servedConfigSchema } = built('models/config.js');
  const { silentLogger } = built('domain/logger.js');
  const { systemClock } = built('domain/clock.js');
  const served = createServedModel({
    config: servedConfigSchema.parse({ url, model: 'digits' }),
    inputShape: [28, 28, 1],
    classes: 10,
    clock: systemClock,
    logger: silentLogger,
    probeKey: 'proof',
  });
  let isOn = false;
  createInterface(process.stdin)
    .on('line', (line) => {
      isOn = line === 'on';
      console.log(JSON.stringify(served.counters()));
    })
    .once('close', () => process.exit(0));
  const inputs = new Float32Array(32 * 784).fill(0.5);
  for (;;) {
    if (!isOn) await sleep(5);
    else await served.predict(inputs.subarray(0, 784), 1).catch(() => sleep(50));
  }
}

async function prove() {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '40' },
      seconds: { type: 'string', default: '5' },
      load: { type: 'string', default: '0.5' },
      json: { type: 'string' },
    },
  });
  const [pairs, seconds, share] = [values.pairs, values.seconds, values.load].map(Number);
  const folder = mkdtempSync(join(tmpdir(), 'temper-guard-'));
  const children = [];
  try {
    const url = await startServer(folder, children);
    const prober = spawn(process.execPath, [fileURLToPath(import.meta.url), 'prober', url], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(prober);
    const counters = createInterface(prober.stdout)[Symbol.asyncIterator]();
    const say = async (word) => {
      prober.stdin.write(`${word}\n`);
      return JSON.parse((await counters.next()).value);
    };
    const capacityHz = await capacityOf(url);
    const rateHz = share * capacityHz;
    // Lets the guard find its sizes.
    await say('on');
    await sleep(3_000);
    const measured = [];
    for (let pair = 0; pair < pairs; pair++) {
      const order = Math.random() < 0.5 ? ['on', 'off'] : ['off', 'on'];
      const found = {};
      for (const word of order) {
        const before = await say(word);
        await sleep(WARM_UP_MS);
        found[word] = await p99Of(url, rateHz, 1000 * seconds);
        if (word === 'on') found.probes = (await say('on')).queries - before.queries;
      }
      measured.push(found);
      console.error(
        `pair ${pair + 1}/${pairs}: off ${found.off.toFixed(2)} ms, on ${found.on.toFixed(2)} ms, ${found.probes} rows probed`,
      );
    }
    return report({ measured, capacityHz, rateHz, seconds }, values.json);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startServer(folder, children) {
  const { writeArtifact } = built('models/artifact.js');
  const { digitsNetwork } = built('models/network.js');
  const { createRegistry } = built('models/registry.js');
  const { systemClock } = built('domain/clock.js');
  const directory = join(folder, 'first');
  const { sha256 } = await writeArtifact(directory, digitsNetwork({ seed: 1 }));
  const registry = createRegistry({ directory: join(folder, 'models'), clock: systemClock, owner: 'proof' });
  const { hash: candidate } = await registry.addCandidate({ model: 'digits', source: { directory }, sha256 });
  await registry.promote({ model: 'digits', candidate, actor: 'proof', reason: 'proof', override: true });
  const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
  const args = [
    main,
    'serve',
    '--registry',
    join(folder, 'models'),
    '--model',
    'digits',
    '--port',
    '0',
    '--engine',
    'wasm',
  ];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(server);
  const { value } = await createInterface(server.stdout)[Symbol.asyncIterator]().next();
  return new URL(value).origin;
}

async function ask(url, agent) {
  const startMs = performance.now();
  const sent = request(`${url}/v1/models/digits:predict`, { method: 'POST', agent });
  sent.end(BODY);
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}`);
  return performance.now() - startMs;
}

/** Requests a second that eight askers get through. */
async function capacityOf(url) {
  const agent = new Agent({ keepAlive: true });
  const run = async (ms) => {
    const endMs = performance.now() + ms;
    let done = 0;
    const asker = async () => {
      while (performance.now() < endMs) {
        await ask(url, agent);
        done++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, asker));
    return (1000 * done) / ms;
  };
  await run(2_000);
  const found = await run(3_000);
  agent.destroy();
  return found;
}

/** Open loop: requests arrive by a Poisson process, whether or not the ones before were answered. */
async function p99Of(url, rateHz, ms) {
  const agent = new Agent({ keepAlive: true });
  const pending = [];
  const startMs = performance.now();
  for (let atMs = 0; atMs < ms; atMs += (-1000 * Math.log(1 - Math.random())) / rateHz) {
    const waitMs = startMs + atMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    pending.push(ask(url, agent));
  }
  const latencies = (await Promise.all(pending)).sort((a, b) => a - b);
  agent.destroy();
  return latencies[Math.floor(0.99 * latencies.length)];
}

function report({ measured, capacityHz, rateHz, seconds }, file) {
  const logs = measured.map(({ on, off }) => Math.log(on / off));
  const n = logs.length;
  const mean = logs.reduce((sum, value) => sum + value, 0) / n;
  const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  // Two-sided 95 % limits; the normal quantile widened for few pairs as Student's t is.
  const quantile = 1.96 * (1 + 1 / (4 * (n - 1)) + 1.96 ** 2 / (4 * (n - 1)));
  const half = (quantile * deviation) / Math.sqrt(n);
  const ratio = { value: Math.exp(mean), lower: Math.exp(mean - half), upper: Math.exp(mean + half) };
  const rows = measured.reduce((sum, { probes }) => sum + probes, 0);
  const result = {
    schema: 'temper/load-guard/1',
    cores: availableParallelism(),
    pairs: n,
    seconds,
    capacity_hz: Math.round(capacityHz),
    offered_hz: Math.round(rateHz),
    probed_rows_per_second: rows / (n * (seconds + WARM_UP_MS / 1000)),
    p99_ratio: ratio,
    bar: BAR,
    held: ratio.upper <= BAR,
    p99_ms: measured,
  };
  console.log(JSON.stringify(result, undefined, 2));
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`);
  return result.held ? 0 : 1;
}
