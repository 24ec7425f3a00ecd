import fc from 'fast-check';
import { floatOfHalf, halfOfFloat } from '../../../src/protocols/half.ts';
import { decodeInferRequest, decodeInferResponse } from '../../../src/protocols/oip-grpc.ts';
import { jsonObjectEnd } from '../../../src/protocols/oip-split.ts';
import { parseOipModelMetadata } from '../../../src/protocols/oip-status.ts';
import {
  encodeOipAnswer,
  encodeOipRequest,
  parseOipAnswer,
  parseOipRequest,
  type OipTensor,
} from '../../../src/protocols/oip.ts';

/** Nested deeper than a stack. */
const DEEP = `${'['.repeat(1e5)}${']'.repeat(1e5)}`;

const fp32 = (values: readonly number[], shape: readonly number[], name = 'x'): OipTensor => ({
  name,
  datatype: 'FP32',
  shape,
  data: { kind: 'number', values: Float32Array.from(values) },
});

const rows = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }))
  .chain(([count, width]) =>
    fc
      .array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
        minLength: count * width,
        maxLength: count * width,
      })
      .map((values) => fp32(values, [count, width])),
  );

describe('a request', () => {
  test.each(['json', 'binary'] as const)('survives the wire as %s, to the last bit', (form) => {
    fc.assert(
      fc.property(fc.string(), fc.array(rows, { minLength: 1, maxLength: 3 }), (id, inputs) => {
        const request = { id, inputs, outputs: ['y'], binaryOutputs: true };
        const { bytes, headerLength } = encodeOipRequest(request, form);
        expect(headerLength === undefined).toBe(form === 'json');
        const read = parseOipRequest(bytes, headerLength);
        expect(read).toMatchObject({ ok: true, value: { ...request, binaryOutputs: true } });
        // Who lost the header finds the same.
        expect(parseOipRequest(bytes)).toEqual(read);
      }),
    );
  });

  test('is what the protocol shows', () => {
    const { bytes } = encodeOipRequest(
      { id: '42', inputs: [fp32([1, 0.1], [1, 2])], outputs: ['y'] },
      'json',
    );
    expect(Buffer.from(bytes).toString()).toBe(
      '{"id":"42","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,0.1]}],"outputs":[{"name":"y"}]}',
    );
  });

  test('may nest its data, and write sides as text', () => {
    const body = '{"inputs":[{"name":"x","shape":["2","2"],"datatype":"FP32","data":[[1,2],[3,null]]}]}';
    expect(parseOipRequest(Buffer.from(body))).toMatchObject({
      ok: true,
      value: { inputs: [fp32([1, 2, 3, NaN], [2, 2])] },
    });
  });

  test.each([
    ['no inputs', '{}', 'inputs'],
    ['no object', '[]', 'body'],
    ['no JSON', '{"inputs":', 'offset'],
    ['a missing name', '{"inputs":[{"shape":[1],"datatype":"FP32","data":[1]}]}', 'inputs[0].name'],
    ['an unknown datatype', '{"inputs":[{"name":"x","shape":[1],"datatype":"F","data":[1]}]}', 'datatype'],
    ['a negative side', '{"inputs":[{"name":"x","shape":[-1],"datatype":"FP32","data":[1]}]}', 'shape'],
    ['too few values', '{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1]}]}', 'data'],
    ['a huge shape', '{"inputs":[{"name":"x","shape":[1e15],"datatype":"FP32","data":[1]}]}', 'shape'],
    ['text for a number', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":["1"]}]}', 'data'],
    ['deep lists', `{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":${DEEP}}]}`, 'data'],
    ['a deep name', `{"inputs":[{"name":${DEEP}}]}`, 'inputs[0].name'],
    ['too large an integer', '{"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[256]}]}', 'data'],
    [
      'a size below 0',
      '{"inputs":[{"name":"x","shape":[0],"datatype":"FP32","parameters":{"binary_data_size":-4}}]}1234',
      'binary_data_size',
    ],
    ['a fraction', '{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[0.5]}]}', 'data'],
    [
      'bytes that are not there',
      '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}',
      'inputs[0]',
    ],
    ['bytes too many', '{"inputs":[]}1234', 'inputs'],
  ])('with %s says where', (_, body, where) => {
    const read = parseOipRequest(Buffer.from(body));
    expect(read).toMatchObject({ ok: false, problem: { where: expect.stringContaining(where) as string } });
  });

  test('a length beyond the body is refused', () => {
    expect(parseOipRequest(Buffer.from('{}'), 3).ok).toBe(false);
    expect(parseOipRequest(Buffer.from('{}'), NaN).ok).toBe(false);
  });
});

test('an answer survives the wire, with some of its tensors as bytes', () => {
  const outputs = [fp32([0.1, 2], [1, 2], 'a'), fp32([3], [1, 1], 'b')];
  const answer = { id: '1', modelName: 'digits', modelVersion: '3', outputs };
  for (const asBytes of [false, true, ['b']]) {
    const { bytes, headerLength } = encodeOipAnswer(answer, asBytes);
    expect(parseOipAnswer(bytes, headerLength)).toEqual({ ok: true, value: answer });
  }
});

test('whatever arrives, a decoder answers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of [parseOipRequest, parseOipAnswer, decodeInferRequest, decodeInferResponse])
        expect(typeof decode(bytes).ok).toBe('boolean');
    }),
    { numRuns: 2_000 },
  );
});

test('the end of the JSON part is found past braces in text', () => {
  const text = '{"a":"}\\"}","b":[{"c":1}]}';
  expect(jsonObjectEnd(Buffer.from(`${text}}}}`))).toBe(text.length);
  expect(jsonObjectEnd(Buffer.from(' {"a":'))).toBeUndefined();
});

describe('half precision', () => {
  test('every half is read and written', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = floatOfHalf(bits);
      if (!Number.isNaN(value)) expect(halfOfFloat(value)).toBe(bits);
    }
  });

  test('a value goes to the nearest half', () => {
    fc.assert(
      fc.property(fc.double({ min: -65_504, max: 65_504, noNaN: true }), (value) => {
        const bits = halfOfFloat(value);
        const error = Math.abs(floatOfHalf(bits) - value);
        for (const neighbour of [bits - 1, bits + 1])
          expect(Math.abs(floatOfHalf(neighbour & 0xffff) - value) < error).toBe(false);
      }),
    );
  });
});

test('metadata without versions have none', () => {
  const body =
    '{"name":"m","versions":null,"platform":"","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],"outputs":[]}';
  expect(parseOipModelMetadata(body)).toMatchObject({
    ok: true,
    value: { versions: [], inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }] },
  });
});
