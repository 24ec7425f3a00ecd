import { gzipSync } from 'node:zlib';

import { createEventFormat } from '../../../src/ingest/create-format.ts';
import type { DecodeResult, EventFormatName } from '../../../src/ingest/event-format.ts';
import type { FormatOptions } from '../../../src/ingest/format-options.ts';
import type { RawRecord } from '../../../src/ingest/source.ts';
import { encodeInferRequest, encodeInferResponse } from '../../../src/protocols/oip-grpc.ts';
import { encodeOipRequest } from '../../../src/protocols/oip.ts';
import type { OipTensor } from '../../../src/protocols/oip.ts';
import { bytesOf, NOON, NOON_MS, TINY } from './streams.ts';

const ROW = [0, 0.25, 0.5, 1];
const INPUT: OipTensor = {
  name: 'x',
  datatype: 'FP32',
  shape: [1, 2, 2],
  data: { kind: 'number', values: Float32Array.from(ROW) },
};
const SCORES: OipTensor = {
  name: 'y',
  datatype: 'FP32',
  shape: [1, 3],
  data: { kind: 'number', values: Float32Array.of(0, 1, 0.5) },
};
const OIP_REQUEST = { inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: ROW }] };
const OIP_ANSWER = {
  model_name: 'tiny',
  model_version: '3',
  outputs: [{ name: 'y', shape: [1, 3], datatype: 'FP32', data: [0, 1, 0.5] }],
};

function decode(
  name: EventFormatName,
  record: Partial<RawRecord>,
  more: Partial<FormatOptions> = {},
): DecodeResult {
  const format = createEventFormat(name, { ...TINY, ...more });
  const whole = { offset: 7, timeMs: NOON_MS, value: new Uint8Array(0), ...record };
  return format.decode(whole, format.identify(whole), 'kafka:t/0/7');
}

function eventOf(...given: Parameters<typeof decode>) {
  const result = decode(...given);
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result));
  return result.event;
}

function kserve(type: 'request' | 'response', more: Readonly<Record<string, string>> = {}) {
  return {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_type: `org.kubeflow.serving.inference.${type}`,
    ce_source: 'http://localhost:9081/',
    ce_id: 'a',
    ce_time: NOON,
    ce_inferenceservicename: 'tiny',
    ce_namespace: 'default',
    ce_component: 'predictor',
    ce_endpoint: '',
    ce_metadata: '{}',
    ...more,
  };
}

describe('kserve', () => {
  test.each([
    ['V1', { instances: [ROW] }],
    ['named rows', { instances: [{ x: ROW }] }],
    ['columns', { inputs: { x: [ROW] } }],
    ['base64', { instances: [{ b64: Buffer.of(0, 1, 0, 1).toString('base64') }] }],
    ['OIP v2', OIP_REQUEST],
  ])('a request in binary mode: %s', (_, body) => {
    const event = eventOf('kserve', { headers: kserve('request'), value: bytesOf(body) });
    expect(event).toMatchObject({ eventId: 'a', eventTimeMs: NOON_MS, model: 'tiny' });
    expect(event.rows).toHaveLength(1);
  });

  test('raw tensors behind the JSON, and gzip that no header announces', () => {
    const { bytes } = encodeOipRequest({ inputs: [INPUT] }, 'binary');
    for (const value of [bytes, gzipSync(bytes)])
      expect(eventOf('kserve', { headers: kserve('request'), value }).rows).toEqual([Float32Array.from(ROW)]);
  });

  test('a response, with the version that answered', () => {
    const event = eventOf('kserve', { headers: kserve('response'), value: bytesOf(OIP_ANSWER) });
    expect(event.response).toEqual({ version: '3', scores: [Float32Array.of(0, 1, 0.5)] });
    expect(event).not.toHaveProperty('rows');
  });

  test('a response that names classes alone', () => {
    const event = eventOf('kserve', { headers: kserve('response'), value: bytesOf({ predictions: [2, 0] }) });
    expect(event.response).toEqual({ classes: [2, 0] });
  });

  test.each([
    ['JSON data', { datacontenttype: 'application/json', data: { instances: [ROW] } }],
    ['base64 data', { data_base64: Buffer.from(JSON.stringify(OIP_REQUEST)).toString('base64') }],
  ])('structured mode: %s', (_, data) => {
    const document = {
      specversion: '1.0',
      type: 'org.kubeflow.serving.inference.request',
      id: 'b',
      source: 'x',
      time: NOON,
      inferenceservicename: 'tiny',
      ...data,
    };
    const headers = { 'content-type': 'application/CloudEvents+json; charset=UTF-8' };
    expect(eventOf('kserve', { headers, value: bytesOf(document) })).toMatchObject({ eventId: 'b' });
    const line: RawRecord = { offset: 7, value: bytesOf(document) };
    const format = createEventFormat('kserve', TINY);
    expect(format.decode(line, format.identify(line), 'p')).toMatchObject({
      kind: 'ok',
      event: { eventTimeMs: NOON_MS },
    });
  });

  test('labels as plain JSON on a topic of their own', () => {
    const event = eventOf('kserve', { value: bytesOf({ id: 'a', label: 2 }) });
    expect(event).toMatchObject({ eventId: 'a', labels: [{ row: 0, label: 2 }], redirected: 'plain_json' });
  });

  test("MLServer's older events", () => {
    const headers = {
      'Ce-Specversion': '0.3',
      'Ce-Type': 'io.seldon.serving.inference.request',
      'Ce-Id': 'own',
      'Ce-Requestid': 'a',
      'Ce-Modelid': 'tiny',
      'Ce-Inferenceservicename': 'mlserver',
    };
    expect(eventOf('kserve', { headers, value: bytesOf(OIP_REQUEST) }).eventId).toBe('a');
  });

  test.each<[string, Readonly<Record<string, string>>, unknown, string]>([
    ['another component', { ce_component: 'transformer' }, { instances: [ROW] }, 'other_component'],
    ['another service', { ce_inferenceservicename: 'x' }, { instances: [ROW] }, 'unknown_model'],
    ['another type', { ce_type: 'dev.knative.x' }, { instances: [ROW] }, 'other_event'],
    ['a response for a request', {}, { predictions: [1] }, 'unrecognised_event'],
    ['no JSON', {}, '{"instances": [[', 'malformed_json'],
    ['a wrong shape', {}, { instances: [[1, 2]] }, 'wrong_shape'],
    ['text', {}, { instances: [['a', 'b', 'c', 'd']] }, 'not_a_number'],
    ['out of range', {}, { instances: [[0, 0, 0, 2]] }, 'out_of_range'],
    ['not finite', {}, '{"instances": [[0,0,0,NaN]]}', 'not_finite'],
    [
      'an unreadable tensor',
      {},
      { inputs: [{ name: 'x', shape: [4], datatype: 'FP32', data: [1] }] },
      'malformed_body',
    ],
    ['an endless id', { ce_id: 'x'.repeat(513) }, { instances: [ROW] }, 'bad_id'],
    ['nothing', {}, '', 'empty_record'],
  ])('%s', (_, headers, body, reason) => {
    expect(decode('kserve', { headers: kserve('request', headers), value: bytesOf(body) })).toMatchObject({
      reason,
    });
  });

  test('the namespace may matter', () => {
    const record = { headers: kserve('request'), value: bytesOf({ instances: [ROW] }) };
    expect(decode('kserve', record, { namespace: 'default' }).kind).toBe('ok');
    expect(decode('kserve', record, { namespace: 'production' })).toMatchObject({ reason: 'unknown_model' });
  });

  test('a bomb is not unpacked beyond the limit', () => {
    const value = gzipSync(Buffer.alloc(1e6, ' '));
    const result = decode('kserve', { headers: kserve('request'), value }, { maxBodyBytes: 10_000 });
    expect(result).toMatchObject({ reason: 'body_too_large' });
    expect(
      decode(
        'kserve',
        { headers: kserve('request'), value: new Uint8Array(10_001) },
        { maxBodyBytes: 10_000 },
      ),
    ).toMatchObject({ reason: 'body_too_large' });
  });

  test('many broken bodies in one turn hold little memory until the next', () => {
    const record = { headers: kserve('request'), value: Buffer.of(0x1f, 0x8b, 8, 0) };
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 2000; i++) decode('kserve', record);
    expect((process.memoryUsage().arrayBuffers - before) / 2000).toBeLessThan(4096);
  });
});

describe('mlserver', () => {
  test('the key goes before the id of the body', () => {
    const record = { headers: { 'mlserver-model': 'tiny' }, value: bytesOf({ id: 'own', ...OIP_REQUEST }) };
    expect(eventOf('mlserver', record).eventId).toBe('own');
    expect(eventOf('mlserver', { ...record, key: Buffer.from('k') }).eventId).toBe('k');
  });

  test('requests and answers of other models are dropped', () => {
    const request = { headers: { 'mlserver-model': 'x' }, value: bytesOf(OIP_REQUEST) };
    expect(decode('mlserver', request)).toMatchObject({ reason: 'unknown_model' });
    const answer = { key: Buffer.from('k'), value: bytesOf({ ...OIP_ANSWER, model_name: 'x' }) };
    expect(decode('mlserver', answer)).toMatchObject({ reason: 'unknown_model' });
  });

  test('an answer belongs to its key', () => {
    const event = eventOf('mlserver', { key: Buffer.from('k'), value: bytesOf(OIP_ANSWER) });
    expect(event).toMatchObject({ eventId: 'k', response: { version: '3' } });
    expect(decode('mlserver', { value: bytesOf(OIP_ANSWER) })).toMatchObject({ reason: 'missing_id' });
  });
});

describe('seldon', () => {
  const request = encodeInferRequest({ modelName: 'tiny_2', request: { id: 'own', inputs: [INPUT] } });
  const answer = encodeInferResponse({ modelName: 'tiny_2', outputs: [SCORES] });

  test('protobuf of either kind, told by its header or its topic', () => {
    const key = Buffer.from('0.pipeline.abc');
    const typed = (type: string) => ({ 'seldon-infer-type': `proto/InferModel${type}` });
    expect(eventOf('seldon', { key, headers: typed('Request'), value: request })).toMatchObject({
      eventId: 'abc',
      rows: [Float32Array.from(ROW)],
    });
    expect(eventOf('seldon', { key, headers: typed('Response'), value: answer }).response).toHaveProperty(
      'scores',
    );
    const format = createEventFormat('seldon', TINY);
    const record = { offset: 1, timeMs: 1, key, value: request };
    expect(format.decode(record, format.identify(record), 'kafka:seldon.ns.model.tiny.inputs/0/1').kind).toBe(
      'ok',
    );
    expect(decode('seldon', { key, value: request })).toMatchObject({ reason: 'unrecognised_event' });
  });

  test('behind the prefix of a schema registry, and as JSON', () => {
    const headers = { 'seldon-infer-type': 'proto/InferModelRequest', 'x-request-id': 'h' };
    const value = Buffer.concat([Buffer.of(0, 0, 0, 0, 9, 0), request]);
    expect(eventOf('seldon', { headers, value }).eventId).toBe('h');
    const nested = Buffer.concat([Buffer.of(0, 0, 0, 0, 9, 4, 2, 0), request]);
    expect(eventOf('seldon', { headers, value: nested }).eventId).toBe('h');
    expect(eventOf('seldon', { value: bytesOf({ id: 'j', ...OIP_REQUEST }) }).eventId).toBe('j');
  });

  test('errors are dropped, other models too, and what is no message is kept', () => {
    const headers = { 'seldon-infer-type': 'proto/InferModelRequest' };
    expect(
      decode('seldon', { headers: { 'seldon-pipeline-errors': 'm' }, value: Buffer.of(1) }),
    ).toMatchObject({ reason: 'other_event' });
    const other = encodeInferRequest({ modelName: 'tiny_x', request: { inputs: [INPUT] } });
    expect(decode('seldon', { headers, value: other })).toMatchObject({ reason: 'unknown_model' });
    expect(decode('seldon', { headers, value: Buffer.of(255, 1, 2) })).toMatchObject({
      reason: 'malformed_body',
    });
  });

  test('a million empty tensors are refused by counting', () => {
    const headers = { 'seldon-infer-type': 'proto/InferModelRequest' };
    const value = Buffer.alloc(2e6);
    for (let i = 0; i < value.length; i += 2) value[i] = 0x2a;
    expect(decode('seldon', { headers, value })).toMatchObject({ reason: 'malformed_body' });
  });
});

describe('predict-bodies', () => {
  test('the id is in the header, the key, the body, or the position', () => {
    const value = bytesOf({ id: 'b', instances: [ROW] });
    const key = Buffer.from('k');
    expect(eventOf('predict-bodies', { headers: { 'X-Request-Id': 'h' }, key, value }).eventId).toBe('h');
    expect(eventOf('predict-bodies', { headers: { trace: 'h' }, value }, { idHeader: 'trace' }).eventId).toBe(
      'h',
    );
    expect(eventOf('predict-bodies', { key, value }).eventId).toBe('k');
    expect(eventOf('predict-bodies', { value }).eventId).toBe('b');
    expect(eventOf('predict-bodies', { value: bytesOf({ instances: [ROW] }) }).eventId).toBe('kafka:t/0/7');
  });

  test('of several tensors the configuration names one', () => {
    const value = bytesOf({ inputs: { a: [[1]], x: [ROW] } });
    expect(decode('predict-bodies', { value })).toMatchObject({ reason: 'wrong_shape' });
    expect(eventOf('predict-bodies', { value }, { tensors: { input: 'x' } }).rows).toHaveLength(1);
    const answer = { key: Buffer.from('k'), value: bytesOf({ predictions: [{ a: 1, p: [0, 1, 0] }] }) };
    expect(eventOf('predict-bodies', answer).response).toHaveProperty('scores');
    expect(eventOf('predict-bodies', answer, { tensors: { output: 'a' } }).response).toEqual({
      classes: [1],
    });
  });

  test('rows beyond the limit are counted', () => {
    const event = eventOf('predict-bodies', { value: bytesOf({ instances: [ROW, ROW, ROW] }) });
    expect(event).toMatchObject({ rowsBeyondLimit: 1 });
    expect(event.rows).toHaveLength(2);
  });
});

describe('json-mapped', () => {
  const mapping = {
    input: 'p.x',
    id: 'm.id',
    prediction: 'r',
    label: '/truth/0/c~1d',
    time: 'm.at',
    version: 'm.v',
  };
  const whole = { m: { id: 7, at: NOON, v: 2 }, p: { x: ROW }, r: [0, 1, 0], truth: [{ 'c/d': 1 }] };

  test('takes every part from its path', () => {
    expect(eventOf('json-mapped', { value: bytesOf(whole) }, { mapping })).toEqual({
      eventId: '7',
      eventTimeMs: NOON_MS,
      model: 'tiny',
      rowsBeyondLimit: 0,
      rows: [Float32Array.from(ROW)],
      labels: [{ row: 0, label: 1 }],
      response: { scores: [Float32Array.of(0, 1, 0)], version: '2' },
    });
  });

  test('an id is found without parsing, or by an index, or in a header', () => {
    const value = bytesOf({ ids: ['i'], p: { x: ROW } });
    expect(eventOf('json-mapped', { value }, { mapping: { ...mapping, id: 'ids[0]' } }).eventId).toBe('i');
    expect(eventOf('json-mapped', { value, headers: { h: 'j' } }, { mapping, idHeader: 'h' }).eventId).toBe(
      'j',
    );
    const format = createEventFormat('json-mapped', { ...TINY, mapping });
    expect(format.identify({ offset: 0, value: bytesOf('{"x":{"id":1},"m":{"id":"q"') })).toEqual({
      kind: 'unclear',
    });
    expect(format.identify({ offset: 0, value: bytesOf('{"x":{"id":1},"m":{"id":"q",') })).toEqual({
      kind: 'id',
      id: 'q',
    });
  });

  test('batches, classes and numbers as times', () => {
    const batched = { input: 'x', id: 'id', prediction: 'c', time: 't', batch: true, timeUnit: 's' } as const;
    const line: RawRecord = { offset: 0, value: bytesOf({ id: 'a', t: 1.5, x: [ROW, ROW], c: [2, 1] }) };
    const format = createEventFormat('json-mapped', { ...TINY, mapping: batched });
    expect(format.decode(line, format.identify(line), 'p')).toMatchObject({
      event: { eventTimeMs: 1500, rows: [{}, {}], response: { classes: [2, 1] } },
    });
  });

  test.each<[string, object, string]>([
    ['a label that is no class', { ...whole, truth: [{ 'c/d': 3 }] }, 'bad_label'],
    ['a prediction that is no class', { ...whole, r: 'cat' }, 'bad_prediction'],
    ['nothing at the paths', { p: {} }, 'unrecognised_event'],
    ['no id for a label', { truth: [{ 'c/d': 1 }] }, 'missing_id'],
    ['a prototype at the path', { p: { __proto__: { x: ROW } }, m: { id: 'a' } }, 'unrecognised_event'],
  ])('%s', (_, value, reason) => {
    expect(decode('json-mapped', { value: bytesOf(value) }, { mapping })).toMatchObject({ reason });
  });

  test('a path must be one', () => {
    expect(() => createEventFormat('json-mapped', { ...TINY, mapping: { input: 'a..b' } })).toThrow(
      'stream.mapping.input',
    );
    expect(() => createEventFormat('json-mapped', TINY)).toThrow('stream.mapping');
  });
});

describe('pre-processing', () => {
  const colour = { shape: [1, 2, 3], range: [-10, 10], scale: 2, offset: 1 } as const;
  const image = [1, 2, 3, 4, 5, 6];

  test('scale, offset, mean and deviation, per channel', () => {
    const input = { ...colour, mean: [1, 3, 5], std: [1, 2, 4] };
    const event = eventOf('predict-bodies', { value: bytesOf({ instances: [image] }) }, { input });
    // (raw · 2 + 1 − mean) / std
    expect(event.rows).toEqual([Float32Array.of(2, 1, 0.5, 8, 4, 2)]);
  });

  test('channels first become channels last', () => {
    const input = { ...colour, scale: 1, offset: 0, layout: 'nchw' } as const;
    const nested = [[[1, 2]], [[3, 4]], [[5, 6]]];
    for (const [format, body] of [
      ['predict-bodies', { instances: [nested] }],
      ['predict-bodies', { instances: [image] }],
      ['json-events', { instances: [nested] }],
      ['json-events', { instances: [image] }],
    ] as const)
      expect(eventOf(format, { value: bytesOf(body) }, { input }).rows).toEqual([
        Float32Array.of(1, 3, 5, 2, 4, 6),
      ]);
    const last = [[[1, 2, 3], [4, 5, 6]]]; // prettier-ignore
    expect(decode('predict-bodies', { value: bytesOf({ instances: [last] }) }, { input })).toMatchObject({
      reason: 'wrong_shape',
    });
  });

  test('the range is told in the numbers of the log', () => {
    const input = { ...colour, range: [0, 1], mean: [0, 0, 1], std: [0.5] } as const;
    const result = decode('json-events', { value: bytesOf({ instances: [[0, 0, 1, 0, 0, 0]] }) }, { input });
    expect(result).toMatchObject({ detail: 'instances[0][0]: expected a number in [-0.5, -0.25], got 0' });
  });

  test.each([{ mean: [1, 2] }, { std: [1, 2, 3, 4] }, { shape: [4], layout: 'nchw' as const }])(
    '%j does not fit',
    (more) => {
      expect(() => createEventFormat('json-events', { ...TINY, input: { ...colour, ...more } })).toThrow(
        'stream.preprocessing',
      );
    },
  );
});
