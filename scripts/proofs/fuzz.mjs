/**
 * Proof that no message harms the decoders: `npm run proof:fuzz` sends a million mutated ones through them, in as many
 * processes as there are cores, each with a seed of its own (`TEMPER_FUZZ_MESSAGES` and `TEMPER_FUZZ_SEED` change both).
 * The counts per outcome go to proofs/fuzz.json. The test is the one that `npm test` runs at a smaller size.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

const messages = Number(process.env.TEMPER_FUZZ_MESSAGES ?? 1_000_000);
const seed = process.env.TEMPER_FUZZ_SEED ?? '0';
const shards = availableParallelism();
const folder = mkdtempSync(join(tmpdir(), 'temper-fuzz-'));

const results = await Promise.all(Array.from({ length: shards }, (_, shard) => run(shard)));
rmSync(folder, { recursive: true });
const proof = {
  passed: results.every(({ code }) => code === 0),
  messages: sum(results.map(({ counts }) => counts?.messages ?? 0)),
  seed,
  outcomes: sumEach(results.map(({ counts }) => counts?.outcomes ?? {})),
  perFormat: sumEach(results.map(({ counts }) => counts?.perFormat ?? {})),
  longestMs: Math.max(...results.map(({ counts }) => counts?.longestMs ?? Infinity)),
  growthBytes: Math.max(...results.map(({ counts }) => counts?.growthBytes ?? Infinity)),
};
writeFileSync('proofs/fuzz.json', `${JSON.stringify(proof, undefined, 2)}\n`);
process.stdout.write(`${JSON.stringify(proof, undefined, 2)}\n`);
process.exitCode = proof.passed ? 0 : 1;

/** One jest process; the last shard takes what does not divide. */
function run(shard) {
  const share = Math.floor(messages / shards);
  const path = join(folder, `${shard}.json`);
  const env = {
    ...process.env,
    TEMPER_FUZZ_MESSAGES: String(shard === shards - 1 ? messages - share * (shards - 1) : share),
    TEMPER_FUZZ_SEED: `${seed}-${shard}`,
    TEMPER_FUZZ_RESULT: path,
  };
  const args = ['node_modules/jest/bin/jest.js', '--selectProjects', 'unit', '--', 'test/unit/ingest/fuzz'];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('exit', (code) => {
      let counts;
      try {
        counts = JSON.parse(readFileSync(path, 'utf8'));
      } catch {
        counts = undefined; // the test ended before it could count: its own output says why
      }
      resolve({ code, counts });
    });
  });
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function sumEach(records) {
  const totals = {};
  for (const record of records)
    for (const [key, value] of Object.entries(record)) totals[key] = (totals[key] ?? 0) + value;
  return Object.fromEntries(Object.entries(totals).sort(([, a], [, b]) => b - a));
}
