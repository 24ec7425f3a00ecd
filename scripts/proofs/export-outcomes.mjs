/**
 * Writes the losses that a demo's sidecar folded, in the order of its fold log, as the fixture of the calibration:
 *   node scripts/proofs/export-outcomes.mjs demo/out/work > test/calibration/outcomes.json
 *
 * Only losses are kept, per version of the model: no input, no id.
 */
import { resolve } from 'node:path';
import { systemClock } from '../../dist/src/domain/clock.js';
import { silentLogger } from '../../dist/src/domain/logger.js';
import { openStore } from '../../dist/src/store/store.js';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('expected the work folder of a demo, as in demo/out/work');
const running = await openStore({
  database: 'temper',
  embedded: { directory: resolve(folder, 'store'), idleSeconds: 5 },
  migrate: false,
  clock: systemClock,
  logger: silentLogger,
});
const versions = {};
for (const { kind, payload } of await running.value.readFoldLog('digits', 1, 100_000)) {
  const entry = typeof payload === 'string' ? JSON.parse(payload) : payload;
  if (kind !== 'observation' || entry.lane !== 'sentinel') continue;
  // Four digits: a loss is a bisected distance, which is no more precise.
  (versions[entry.version] ??= []).push(Number(entry.recipes[0].lossUpper.toFixed(4)));
}
await running.stop();
process.stdout.write(`${JSON.stringify(versions)}\n`);
