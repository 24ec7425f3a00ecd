import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { createEchoCheck, createEchoMarker, type EchoCheck } from '../../../src/probing/echo-check.ts';
import { encodeInferRequest } from '../../../src/protocols/oip-grpc.ts';
import { encodeOipRequest, type OipTensor } from '../../../src/protocols/oip.ts';
import { encodeRowRequest } from '../../../src/protocols/tf-serving.ts';

const FEATURES = 16;

function tensorOf(values: Float32Array, datatype: 'FP32' | 'FP64' = 'FP32'): OipTensor {
  return { name: 'x', datatype, shape: [1, values.length], data: { kind: 'number', values } };
}

/** The query in every dress that a logger may give it. */
function dressed(value: number): Record<string, Uint8Array> {
  const inputs = new Float32Array(FEATURES).fill(value);
  const json = Buffer.from(encodeRowRequest(inputs, [4, 4, 1], {}));
  const binary = encodeOipRequest({ id: '1', inputs: [tensorOf(inputs)] }, 'binary').bytes;
  const grpc = encodeInferRequest({ modelName: 'm', request: { inputs: [tensorOf(inputs)] } });
  const structured = (data: Uint8Array, shift: string): Buffer =>
    Buffer.from(
      JSON.stringify({ data_base64: Buffer.concat([Buffer.from(shift), data]).toString('base64') }),
    );
  return {
    json,
    rewritten: Buffer.from(JSON.stringify(JSON.parse(json.toString()))),
    widened: Buffer.from(JSON.stringify([...inputs])),
    gzip: gzipSync(json),
    binary,
    'gzipped binary': gzipSync(binary),
    grpc,
    'oip json': encodeOipRequest({ inputs: [tensorOf(inputs)] }, 'json').bytes,
    structured: structured(binary, ''),
    'structured, one byte on': structured(binary, 'a'),
    'structured, two bytes on': structured(binary, 'ab'),
  };
}

describe('the marker', () => {
  const forms = Object.keys(dressed(0.5));

  test.each(forms)('is found in %s', (form) => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999999, noNaN: true }), (draw) => {
        const marker = createEchoMarker([0, 1], draw);
        expect(marker.isIn(dressed(marker.value)[form]!)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test.each(forms)('is not found in %s of another input', (form) => {
    const marker = createEchoMarker([-1, 1], 0.123456789);
    expect(marker.isIn(dressed(0.7654321)[form]!)).toBe(false);
  });

  test('lies inside the range, and broken gzip is no harm', () => {
    const marker = createEchoMarker([-3, 5], 0.99);
    expect(marker.value).toBeGreaterThan(-3);
    expect(marker.value).toBeLessThan(5);
    expect(marker.isIn(Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toBe(false);
  });
});

describe('the check', () => {
  /** @param onSend what the stream shows as the query is sent */
  function check(onSend: (see: EchoCheck['see'], record: Uint8Array) => void, onUntagged = jest.fn()) {
    const made: EchoCheck = createEchoCheck({
      features: FEATURES,
      range: [0, 1],
      random: () => 0.3141592,
      waitMs: 200,
      sleep: () => Promise.resolve(),
      onUntagged,
      send: (input) => {
        onSend(made.see, dressed(input[0]!)['json']!);
        return Promise.resolve();
      },
    });
    return { made, onUntagged };
  }

  test('a query that does not come back is fine', async () => {
    const { made, onUntagged } = check(() => undefined);
    expect(await made.run()).toBe('unseen');
    expect(onUntagged).not.toHaveBeenCalled();
  });

  test('so is one that comes back with its tag, among others', async () => {
    const { made, onUntagged } = check((see, record) => {
      see(dressed(0.25)['json']!, false);
      see(record, true);
    });
    expect(await made.run()).toBe('tagged');
    expect(onUntagged).not.toHaveBeenCalled();
  });

  test('one that comes back without it is told once', async () => {
    const { made, onUntagged } = check((see, record) => {
      see(record, true);
      see(record, false);
      see(record, false);
    });
    expect(await made.run()).toBe('untagged');
    expect(onUntagged).toHaveBeenCalledTimes(1);
  });

  test('records before the query are not looked at', () => {
    const { made, onUntagged } = check(() => undefined);
    made.see(dressed(0.40707964)['json']!, false);
    expect(onUntagged).not.toHaveBeenCalled();
  });

  test('what sending throws goes to the caller, who may try again', async () => {
    let isAway = true;
    const made = createEchoCheck({
      features: 1,
      range: [0, 1],
      random: () => 0.5,
      waitMs: 100,
      sleep: () => Promise.resolve(),
      onUntagged: () => undefined,
      send: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve()),
    });
    await expect(made.run()).rejects.toThrow('away');
    isAway = false;
    expect(await made.run()).toBe('unseen');
  });
});
