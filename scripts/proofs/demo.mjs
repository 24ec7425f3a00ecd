/**
 * Proof of what the demo promises, at full size: `npm run proof:demo`, on the engine that TEMPER_ENGINE names.
 *
 * Plays it twice with the same seed and checks the bars and that both plays come to the same figures. Resumable: a play
 * that has its summary is not played again (`--fresh` forgets them). The result, with the machine, goes to
 * proofs/demo-<engine>.json. Run it on a quiet machine: time and memory are measured.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { isDeepStrictEqual } from 'node:util';

const engine = process.env.TEMPER_ENGINE ?? 'wasm';
/** Seconds that the whole of `npm ci && npm run demo` may take; installing takes some of it. */
const SECONDS = { wasm: 480, tensorflow: 240 }[engine];
if (SECONDS === undefined) throw new Error(`TEMPER_ENGINE: expected wasm or tensorflow, got ${engine}`);
const INSTALL_SECONDS = engine === 'wasm' ? 40 : 0;

const folders = [1, 2].map((play) => `demo/proof-${engine}-${play}`);
if (process.argv.includes('--fresh'))
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
const [first, second] = folders.map(play);

const last = first.versions.at(-1);
const bars = {
  seconds: { value: first.seconds, most: SECONDS - INSTALL_SECONDS },
  ...(engine === 'wasm' && { peak_memory_gib: { value: first.peak_memory_bytes / 2 ** 30, most: 3 } }),
  clean_accuracy: { value: last.clean_accuracy.value, least: 0.97 },
  robust_accuracy: { value: last.robust_accuracy.value, least: 0.75 },
  robust_accuracy_inputs: { value: last.robust_accuracy.n, least: 1000 },
  samples_until_alarm: { value: first.alarm?.samples_since_change ?? Infinity, most: 60 },
  cause_is_model_changed: { value: Number(first.alarm?.cause === 'model_changed'), least: 1 },
  recovered: { value: Number(first.recovered), least: 1 },
  same_figures_twice: { value: Number(isDeepStrictEqual(figures(first), figures(second))), least: 1 },
};
const failed = Object.entries(bars).filter(
  ([, { value, most = Infinity, least = -Infinity }]) => !(value >= least && value <= most),
);
const proof = {
  passed: failed.length === 0,
  engine,
  date: new Date().toISOString().slice(0, 10),
  machine: {
    processor: cpus()[0].model,
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  bars,
  versions: first.versions,
  counts: first.counts,
};
writeFileSync(`proofs/demo-${engine}.json`, `${JSON.stringify(proof, null, 2)}\n`);
for (const [name, { value, most, least }] of Object.entries(bars))
  console.log(`${name}: ${value} (${most === undefined ? `at least ${least}` : `at most ${most}`})`);
console.log(failed.length === 0 ? 'all bars hold' : `missed: ${failed.map(([name]) => name).join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function play(folder) {
  const summary = `${folder}/summary.json`;
  if (!existsSync(summary)) {
    const { status } = spawnSync(process.execPath, ['dist/src/cli/main.js', 'demo', '--out', folder], {
      stdio: 'inherit',
      env: { ...process.env, TEMPER_ENGINE: engine },
    });
    if (status !== 0) throw new Error(`the demo ended with ${status}; its files are in ${folder}`);
  }
  return JSON.parse(readFileSync(summary, 'utf8'));
}

/** What must be the same in both plays: everything but time and memory. */
function figures({ versions, baseline_risk, alarm, recovered, counts }) {
  return { versions, baseline_risk, alarm, recovered, counts };
}
