/**
 * Writes the outcomes that a demo's sidecar folded, in the order of its fold log, as the fixture of the calibration:
 *   npm run build && node scripts/proofs/export-outcomes.mjs demo/out/work > test/calibration/outcomes.json
 *
 * Only versions that were judged by a baseline: the hardened one, the careless update and the retrained one. Kept is what
 * the judge looked at: event id, event time (seconds since the first) and loss; no input and no label.
 */
import { resolve } from 'node:path';
import { systemClock } from '../../dist/src/domain/clock.js';
import { silentLogger } from '../../dist/src/domain/logger.js';
import { openStore } from '../../dist/src/store/store.js';

const VERSIONS = ['2', '3', '4'];

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('expected the work folder of a demo, as in demo/out/work');
const running = await openStore({
  database: 'temper',
  embedded: { directory: resolve(folder, 'store'), idleSeconds: 5 },
  migrate: false,
  clock: systemClock,
  logger: silentLogger,
});
const rows = await running.value.readFoldLog('digits', 1, 100_000);
await running.stop();

const observations = rows
  .map(({ payload }) => JSON.parse(payload))
  .filter(({ kind, lane }) => kind === 'observation' && lane === 'sentinel');
const firstMs = Math.min(...observations.map(({ eventTimeMs }) => eventTimeMs));
const outcomesOf = (version) => {
  const own = observations.filter((entry) => entry.version === version);
  return own.map(({ eventId, eventTimeMs, recipes: [{ lossLower, lossUpper }] }) => {
    if (lossLower !== lossUpper) throw new Error(`expected an outcome of ${eventId}, got none`);
    // Four digits: a loss is a bisected distance, which is no more precise.
    return [eventId, (eventTimeMs - firstMs) / 1000, Number(lossUpper.toFixed(4))];
  });
};
const lines = (outcomes) => outcomes.map((outcome) => `    ${JSON.stringify(outcome)}`).join(',\n');
const versions = VERSIONS.map((version) => `  "${version}": [\n${lines(outcomesOf(version))}\n  ]`);
const recipe = `  "recipe": ${JSON.stringify(observations[0].recipes[0].recipe)}`;
process.stdout.write(`{\n${[recipe, ...versions].join(',\n')}\n}\n`);
