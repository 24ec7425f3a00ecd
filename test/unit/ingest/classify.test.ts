import { createClassifier } from '../../../src/ingest/classify.ts';
import { createSampler } from '../../../src/ingest/sampling.ts';
import { NOON, recordOf, request, tinyFormat } from './streams.ts';

const PARTITION = { source: 'test:a', partition: 0 };
const all = createClassifier({ format: tinyFormat, sampler: { includes: () => true } });
const none = createClassifier({ format: tinyFormat, sampler: { includes: () => false } });

test.each([
  ['sampled', request('a')],
  ['sampled', request('a', { label: 1 })],
  ['label', { id: 'a', time: NOON, label: 1 }],
  ['label', { id: 'a', time: NOON, label: 1, predictions: [[0, 0, 1]] }],
  ['response', { id: 'a', time: NOON, predictions: [[0, 0, 1]] }],
  ['dropped', request('a', { model: 'cats' })],
  ['dead_letter', request('a', { instances: [[2, 0, 0, 0]] })],
])('%s: %j', (outcome, event) => {
  expect(all(recordOf(event), PARTITION).outcome).toBe(outcome);
});

test('what is not sampled is not parsed: a broken body behind a readable id makes no difference', () => {
  const broken = recordOf('{"id":"a","instances":[[not json at all');
  expect(none(broken, PARTITION)).toEqual({ outcome: 'skipped', reason: 'unsampled' });
  expect(all(broken, PARTITION)).toMatchObject({ outcome: 'dead_letter', reason: 'malformed_json' });
});

test('a record whose id cannot be read is always looked at', () => {
  expect(none(recordOf('{"time":'), PARTITION)).toMatchObject({ reason: 'malformed_json' });
  expect(none(recordOf(''), PARTITION)).toMatchObject({ outcome: 'dropped', reason: 'empty_record' });
  expect(none(recordOf({ id: {}, time: NOON, label: 1 }), PARTITION)).toMatchObject({ reason: 'bad_id' });
});

test('a request without an id is chosen by its position', () => {
  const asked: string[] = [];
  const sampler = { includes: (id: string) => asked.push(id) < 0 };
  createClassifier({ format: tinyFormat, sampler })(recordOf({ time: NOON, instances: [] }, 12), PARTITION);
  expect(asked).toEqual(['test:a/0/12']);
});

test('request, label and response of one event are chosen together', () => {
  const classify = createClassifier({ format: tinyFormat, sampler: createSampler({ rate: 0.3, key: 'k' }) });
  let chosen = 0;
  for (let i = 0; i < 300; i++) {
    const parts = [
      request(`e-${i}`),
      { time: NOON, label: 1, id: `e-${i}` },
      { predictions: [[0, 0, 1]], id: `e-${i}`, time: NOON },
    ];
    const skipped = parts.map((part) => classify(recordOf(part), PARTITION).outcome === 'skipped');
    expect(new Set(skipped).size).toBe(1);
    if (!skipped[0]) chosen++;
  }
  expect(chosen).toBeGreaterThan(50);
  expect(chosen).toBeLessThan(130);
});

test('probe traffic is skipped before sampling, by id or by header', () => {
  const seen: (string | undefined)[] = [];
  const classify = createClassifier({
    format: tinyFormat,
    sampler: { includes: () => true },
    isProbeTraffic(id, { headers }) {
      seen.push(id);
      return id?.startsWith('temper-') === true || headers?.['x-temper-probe'] !== undefined;
    },
  });
  const skipped = { outcome: 'skipped', reason: 'probe_traffic' };
  expect(classify(recordOf(request('temper-1')), PARTITION)).toEqual(skipped);
  expect(classify({ ...recordOf('{}'), headers: { 'x-temper-probe': '1' } }, PARTITION)).toEqual(skipped);
  expect(classify(recordOf(request('a')), PARTITION).outcome).toBe('sampled');
  expect(seen).toEqual(['temper-1', undefined, 'a']);
});

test('a record that the source could not deliver whole is a dead letter', () => {
  const damage = { reason: 'line_too_long', detail: 'line: …' } as const;
  expect(none({ ...recordOf(request('a')), damage }, PARTITION)).toEqual({
    outcome: 'dead_letter',
    ...damage,
  });
});
