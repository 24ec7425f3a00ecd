import fc from 'fast-check';

import { DEAD_LETTER_REASONS, DROP_REASONS } from '../../../src/ingest/events.ts';
import { createJsonEventFormat } from '../../../src/ingest/json-events.ts';
import { bytesOf, NOON, NOON_MS, recordOf, request, TINY, tinyFormat } from './streams.ts';

function decode(value: unknown, format = tinyFormat) {
  const record = recordOf(value);
  return format.decode(record, format.identify(record), 'test:a/0/7');
}

function eventOf(value: unknown, format = tinyFormat) {
  const result = decode(value, format);
  if (result.kind !== 'ok') throw new Error(`expected an event, got ${JSON.stringify(result)}`);
  return result.event;
}

describe('requests', () => {
  test('carry id, time, model and rows in row-major order', () => {
    const event = eventOf(request('a'));
    expect(event).toMatchObject({ eventId: 'a', eventTimeMs: NOON_MS, model: 'tiny', rowsBeyondLimit: 0 });
    expect(event.rows).toEqual([Float32Array.of(0, 0.25, 0.5, 1)]);
    expect(event).not.toHaveProperty('labels');
    expect(event).not.toHaveProperty('response');
  });

  test.each([
    ['flat rows', { instances: [[0, 0.25, 0.5, 1]] }],
    ['inputs', { instances: undefined, inputs: [[0, 0.25, 0.5, 1]] }],
    ['one named tensor', { instances: undefined, inputs: { image: [[0, 0.25, 0.5, 1]] } }],
    ['the model named', { model: 'tiny' }],
    ['numbers just outside by rounding', { instances: [[-1e-9, 0.25, 0.5, 1.0000001]] }],
  ])('may have %s', (_, more) => {
    expect(eventOf(request('a', more)).rows).toEqual([Float32Array.of(0, 0.25, 0.5, 1)]);
  });

  test('keep at most the configured rows and count the rest', () => {
    const row = [0, 0, 0, 0];
    const event = eventOf(request('a', { instances: [row, row, row, row, row] }));
    expect(event.rows).toHaveLength(2);
    expect(event.rowsBeyondLimit).toBe(3);
  });

  test('without an id have their position as id', () => {
    expect(eventOf({ time: NOON, instances: [[0, 0, 0, 0]] }).eventId).toBe('test:a/0/7');
  });

  test('keep every digit of a large number as id', () => {
    expect(eventOf(`{"id": 12345678901234567890, "time": "${NOON}", "label": 1}`).eventId).toBe(
      '12345678901234567890',
    );
  });

  test('are scaled as declared, and the fault speaks of the numbers as logged', () => {
    const bytes = createJsonEventFormat({ ...TINY, input: { ...TINY.input, scale: 1 / 255 } });
    expect(eventOf(request('a', { instances: [[0, 51, 102, 255]] }), bytes).rows).toEqual([
      Float32Array.of(0, 0.2, 0.4, 1),
    ]);
    expect(decode(request('a', { instances: [[0, 0, 0, 256]] }), bytes)).toMatchObject({
      reason: 'out_of_range',
      detail: 'instances[0][3]: expected a number in [0, 255], got 256',
    });
  });

  test('take the time of the transport before their own', () => {
    const record = { ...recordOf(request('a', { time: 'nonsense' })), timeMs: 5 };
    const result = tinyFormat.decode(record, tinyFormat.identify(record), 'p');
    expect(result).toMatchObject({ kind: 'ok', event: { eventTimeMs: 5 } });
  });
});

describe('labels and responses', () => {
  test.each([
    [{ label: 2 }, [{ row: 0, label: 2 }]],
    [{ label: 0, row: 1 }, [{ row: 1, label: 0 }]],
    [
      { labels: [2, 1] },
      [
        { row: 0, label: 2 },
        { row: 1, label: 1 },
      ],
    ],
    [
      { labels: [2, 1, 0] },
      [
        { row: 0, label: 2 },
        { row: 1, label: 1 },
      ],
    ],
  ])('%j', (more, labels) => {
    expect(eventOf({ id: 'a', time: NOON, ...more }).labels).toEqual(labels);
  });

  test('a response has scores per row and the version that answered', () => {
    const event = eventOf({ id: 'a', time: NOON, predictions: [[1, -2, 0.5]], version: 7 });
    expect(event.response).toEqual({ scores: [Float32Array.of(1, -2, 0.5)], version: '7' });
    expect(eventOf({ id: 'a', time: NOON, outputs: { logits: [[1, 2, 3]] } }).response).toHaveProperty(
      'scores.length',
      1,
    );
  });

  test('one event may hold all three', () => {
    const event = eventOf(request('a', { label: 1, predictions: [[0, 1, 0]] }));
    expect(event.rows).toHaveLength(1);
    expect(event.labels).toHaveLength(1);
    expect(event.response).toHaveProperty('scores.length', 1);
  });
});

describe('what cannot be used', () => {
  const deep = `{"id":"a","time":"${NOON}","instances":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  test.each<[string, unknown, string, string]>([
    ['{"id":"a","time"', '{"id":"a","time"', 'malformed_json', 'record: JSON Parse error'],
    [
      'no object',
      [1, 2],
      'unrecognised_event',
      'record: expected an object with a request, label or response, got a list of 2 elements',
    ],
    ['nothing known', { id: 'a', time: NOON, x: 1 }, 'unrecognised_event', 'got none of them'],
    [
      'a label without id',
      { time: NOON, label: 1 },
      'missing_id',
      'id: expected a text or a number that names the event, got nothing',
    ],
    [
      'an id that is none',
      request('a', { id: { x: 1 } }),
      'bad_id',
      'id: expected a text of 1 to 512 bytes or a number, got an object',
    ],
    [
      'no time',
      request('a', { time: undefined }),
      'bad_time',
      'time: expected an RFC 3339 time like 2026-01-31T12:00:00Z, got nothing',
    ],
    [
      'a day that does not exist',
      request('a', { time: '2026-02-30T00:00:00Z' }),
      'bad_time',
      'got "2026-02-30T00:00:00Z"',
    ],
    [
      'no rows',
      request('a', { instances: [] }),
      'wrong_shape',
      'instances: expected a list of at least one input, got a list of 0 elements',
    ],
    [
      'a row too short',
      request('a', { instances: [[0, 0, 0]] }),
      'wrong_shape',
      'instances[0]: expected 2×2 nested lists, or 4 numbers, got a list of 3 elements',
    ],
    [
      'a nested row too long',
      request('a', {
        instances: [
          [
            [0, 0],
            [0, 0, 0],
          ],
        ],
      }),
      'wrong_shape',
      'instances[0][1]: expected a list of 2 (the shape is 2×2), got a list of 3 elements',
    ],
    [
      'nested too deep',
      request('a', {
        instances: [
          [
            [[0], 0],
            [0, 0],
          ],
        ],
      }),
      'wrong_shape',
      'instances[0][0][0]: expected a number, got a list of 1 element',
    ],
    ['nested far too deep', deep, 'wrong_shape', 'instances[0]'],
    [
      'text for a number',
      request('a', { instances: [[0, 'x', 0, 0]] }),
      'not_a_number',
      'instances[0][1]: expected a number, got "x"',
    ],
    [
      'null for a number',
      request('a', {
        instances: [
          [
            [0, 0],
            [null, 0],
          ],
        ],
      }),
      'not_a_number',
      'instances[0][1][0]: expected a number, got null',
    ],
    [
      'a bare NaN',
      `{"id":"a","time":"${NOON}","instances":[[0,0,NaN,0]]}`,
      'not_finite',
      'instances[0][2]: expected a finite number, got NaN',
    ],
    [
      'out of range',
      request('a', {
        instances: [
          [0, 0, 0, 0],
          [0, 1.7, 0, 0],
        ],
      }),
      'out_of_range',
      'instances[1][1]: expected a number in [0, 1], got 1.7',
    ],
    [
      'a class too high',
      { id: 'a', time: NOON, label: 3 },
      'bad_label',
      'label: expected a class, 0 to 2, got 3',
    ],
    [
      'a class in text',
      { id: 'a', time: NOON, labels: [1, '1'] },
      'bad_label',
      'labels[1]: expected a class, 0 to 2, got "1"',
    ],
    [
      'half a row',
      { id: 'a', time: NOON, label: 1, row: 0.5 },
      'bad_label',
      'row: expected a whole number from 0, got 0.5',
    ],
    [
      'a score too few',
      { id: 'a', time: NOON, predictions: [[1, 2]] },
      'wrong_shape',
      'predictions[0]: expected a list of 3 numbers, got a list of 2 elements',
    ],
    [
      'an infinite score',
      `{"id":"a","time":"${NOON}","predictions":[[1,2,-Infinity]]}`,
      'not_finite',
      'predictions[0][2]',
    ],
    [
      'a score beyond float32',
      { id: 'a', time: NOON, predictions: [[1, 2, 1e300]] },
      'not_finite',
      'got 1e+300',
    ],
  ])('%s is a dead letter', (_, value, reason, detail) => {
    const result = decode(value);
    expect(result).toMatchObject({ kind: 'dead_letter', reason });
    expect(result).toHaveProperty('detail', expect.stringContaining(detail));
  });

  test.each<[string, unknown, string, string]>([
    ['another model', request('a', { model: 'cats' }), 'unknown_model', 'model: expected "tiny", got "cats"'],
    [
      'a label of a row that is not sampled',
      { id: 'a', time: NOON, label: 1, row: 2 },
      'too_many_rows',
      'row: expected a row below 2, got 2',
    ],
    ['a blank line', ' \t\r', 'empty_record', 'got nothing'],
  ])('%s is dropped', (_, value, reason, detail) => {
    const result = decode(value);
    expect(result).toMatchObject({ kind: 'drop', reason });
    expect(result).toHaveProperty('detail', expect.stringContaining(detail));
  });
});

describe('fuzz', () => {
  const known = new Set<string>([...DROP_REASONS, ...DEAD_LETTER_REASONS]);
  const isSound = (bytes: Uint8Array): void => {
    const record = { offset: 0, value: bytes };
    const result = tinyFormat.decode(record, tinyFormat.identify(record), 'p');
    if (result.kind === 'redirect') throw new Error('plain JSON is read here');
    if (result.kind !== 'ok') {
      expect(known.has(result.reason)).toBe(true);
      expect(result.detail.length).toBeLessThan(500);
      return;
    }
    for (const row of result.event.rows ?? []) {
      expect(row).toHaveLength(4);
      expect(row.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    for (const { label } of result.event.labels ?? []) expect([0, 1, 2]).toContain(label);
  };

  test('any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), isSound), { numRuns: 2000 });
  });

  test('any JSON under the keys that mean something', () => {
    const value = fc.option(fc.jsonValue(), { nil: undefined });
    const event = fc.record({
      id: value,
      time: fc.oneof(value, fc.constant(NOON)),
      model: fc.oneof(value, fc.constant(undefined)),
      instances: value,
      inputs: value,
      label: value,
      labels: value,
      row: value,
      predictions: value,
      outputs: value,
      version: value,
    });
    fc.assert(
      fc.property(event, (body) => isSound(bytesOf(body))),
      { numRuns: 2000 },
    );
  });

  test('a good event with a few bytes changed', () => {
    const good = bytesOf(request('an-event', { label: 1, predictions: [[0.5, 1, 2]], version: '3' }));
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(edits, (changes) => {
        const bytes = good.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        isSound(bytes);
      }),
      { numRuns: 5000 },
    );
  });
});
