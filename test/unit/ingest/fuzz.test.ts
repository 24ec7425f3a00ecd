/**
 * Mutated messages through every decoder: no crash, no hang, bounded memory, each with an event or a reason. Some seconds
 * by default; TEMPER_FUZZ_MESSAGES says how many (the proof sends a million: scripts/proofs/fuzz.mjs), TEMPER_FUZZ_SEED
 * which, and TEMPER_FUZZ_RESULT where the counts go.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createRng } from '../../../src/domain/rng.ts';
import { createEventFormat } from '../../../src/ingest/create-format.ts';
import { EVENT_FORMAT_NAMES } from '../../../src/ingest/event-format.ts';
import type { DecodedEvent, EventFormatName } from '../../../src/ingest/event-format.ts';
import { DEAD_LETTER_REASONS, DROP_REASONS } from '../../../src/ingest/events.ts';
import type { FormatOptions } from '../../../src/ingest/format-options.ts';
import { mutate } from '../../support/mutate.ts';
import type { FuzzMessage } from '../../support/mutate.ts';

const MESSAGES = Number(process.env['TEMPER_FUZZ_MESSAGES'] ?? 5000);
const SEED = process.env['TEMPER_FUZZ_SEED'] ?? '0';
const MAX_BODY_BYTES = 256 * 1024;
/** No message may take longer, however slow the machine; a body of 64 KiB takes a few milliseconds. */
const LONGEST_MS = 2000;
/** Beyond what the first thousand messages left behind. */
const MOST_GROWTH_BYTES = 200 * 2 ** 20;

const OPTIONS: FormatOptions = {
  model: 'tiny',
  classes: 3,
  input: { shape: [2, 2], range: [-300, 300], scale: 1, offset: 0 },
  maxRowsPerEvent: 4,
  maxBodyBytes: MAX_BODY_BYTES,
  mapping: { input: 'p.x', id: 'm.id', prediction: 'r', label: 'truth[0]', time: 'm.at', model: 'm.model' },
};

type Seed = FuzzMessage & { readonly format: EventFormatName };

const ROW = [0, 0.25, 0.5, 1];
const AT = '2026-01-31T12:00:00Z';

/** Messages of other implementations, and those formats that are ours or nobody's. */
function corpusOf(): Seed[] {
  const golden = ['kserve', 'mlserver', 'prediction_log'].flatMap((file) => {
    const path = join(__dirname, `../../golden/protocols/${file}.json`);
    return JSON.parse(readFileSync(path, 'utf8')) as {
      format: EventFormatName;
      headers: Record<string, string>;
      key: string | null;
      value: string;
    }[];
  });
  const known = golden.map(({ format, headers, key, value }) => ({
    format,
    headers,
    key: key === null ? undefined : Buffer.from(key, 'base64'),
    value: Buffer.from(value, 'base64'),
  }));
  const own: [EventFormatName, unknown][] = [
    ['json-events', { id: 'a', time: AT, instances: [ROW], predictions: [[0, 1, 0]], version: 3 }],
    ['json-events', { id: 'a', time: AT, labels: [2, 1] }],
    ['json-mapped', { m: { id: 7, at: AT, model: 'tiny' }, p: { x: ROW }, r: [0, 1, 0], truth: [1] }],
    ['predict-bodies', { signature_name: 'serving_default', instances: [ROW, ROW] }],
    ['predict-bodies', { instances: [{ x: ROW, tag: 'a' }] }],
    ['predict-bodies', { inputs: { x: [ROW] } }],
    ['predict-bodies', { instances: [{ b64: 'AAEAAQ==' }] }],
    ['predict-bodies', { predictions: [{ p: [0, 1, 0], tag: 'a' }] }],
    ['predict-bodies', { outputs: [[0, 1, 0]] }],
  ];
  return [
    ...known,
    ...own.map(([format, body]) => ({
      format,
      headers: {},
      key: undefined,
      value: Buffer.from(JSON.stringify(body)),
    })),
  ];
}

function expectSound(event: DecodedEvent): void {
  const { rows = [], labels = [], response } = event;
  const isSound =
    event.eventId.length > 0 &&
    Number.isFinite(event.eventTimeMs) &&
    Number.isInteger(event.rowsBeyondLimit) &&
    event.rowsBeyondLimit >= 0 &&
    rows.length <= 4 &&
    rows.every((row) => row.length === 4 && row.every((value) => value >= -300 && value <= 300)) &&
    labels.every(({ row, label }) => row >= 0 && row < 4 && label >= 0 && label < 3) &&
    (response === undefined ||
      ('scores' in response
        ? response.scores.length <= 4 &&
          response.scores.every((row) => row.length === 3 && row.every(Number.isFinite))
        : response.classes.length <= 4 && response.classes.every((value) => value >= 0 && value < 3)));
  if (!isSound) throw new Error(`not a sound event: ${JSON.stringify(event)}`);
}

test(`${MESSAGES} mutated messages each become an event or a reason`, async () => {
  const corpus = corpusOf();
  const decoders = new Map(EVENT_FORMAT_NAMES.map((name) => [name, createEventFormat(name, OPTIONS)]));
  const reasons = new Set<string>([...DROP_REASONS, ...DEAD_LETTER_REASONS]);
  const outcomes: Record<string, number> = {};
  const perFormat: Record<string, number> = {};
  let longestMs = 0;
  let memoryAtStart = 0;
  let mostMemory = 0;
  for (let i = 0; i < MESSAGES; i++) {
    const rng = createRng('fuzz', SEED, i);
    const seed = corpus[rng.below(corpus.length)]!;
    const name =
      rng.below(10) === 0 ? EVENT_FORMAT_NAMES[rng.below(EVENT_FORMAT_NAMES.length)]! : seed.format;
    const { value, headers, key } = mutate(seed, corpus, rng);
    const format = decoders.get(name)!;
    const record = {
      offset: i,
      value,
      headers,
      ...(rng.below(8) === 0 ? {} : { timeMs: 1 }),
      ...(key === undefined ? {} : { key }),
    };
    const startedMs = performance.now();
    const identity = format.identify(record);
    const result = format.decode(record, identity, `kafka:seldon.ns.model.tiny.inputs/0/${i}`);
    longestMs = Math.max(longestMs, performance.now() - startedMs);
    if (result.kind === 'redirect') throw new Error('a redirect was not followed');
    if (result.kind === 'ok') expectSound(result.event);
    else if (!reasons.has(result.reason) || result.detail.length > 1000)
      throw new Error(JSON.stringify(result));
    const outcome = result.kind === 'ok' ? 'ok' : result.reason;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    perFormat[name] = (perFormat[name] ?? 0) + 1;
    if (i % 1000 === 999) {
      // As a source does between batches; only then are decompressors that failed let go.
      await new Promise(setImmediate);
      const now = process.memoryUsage().rss;
      if (memoryAtStart === 0) memoryAtStart = now;
      mostMemory = Math.max(mostMemory, now);
    }
  }
  const result = {
    messages: MESSAGES,
    seed: SEED,
    outcomes,
    perFormat,
    longestMs,
    growthBytes: mostMemory - memoryAtStart,
  };
  const path = process.env['TEMPER_FUZZ_RESULT'];
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(longestMs).toBeLessThan(LONGEST_MS);
  expect(result.growthBytes).toBeLessThan(MOST_GROWTH_BYTES);
  // A fuzzer that everything stops at the door proves nothing: many must get through, and most reasons must be reached.
  expect(outcomes['ok']! / MESSAGES).toBeGreaterThan(0.05);
  expect(Object.keys(outcomes).length).toBeGreaterThan(14);
}, 3_600_000);
