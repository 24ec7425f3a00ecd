import fc from 'fast-check';
import { parseLenientJson } from '../../../src/protocols/lenient-json.ts';
import { float32Answer, float32Text, float64Text } from '../../../src/protocols/number-text.ts';
import type { Tensor } from '../../../src/protocols/tensor.ts';
import {
  encodePredictAnswer,
  encodePredictRequest,
  encodeRowRequest,
  parsePredictAnswer,
  parsePredictRequest,
  type PredictRequest,
  UNNAMED,
} from '../../../src/protocols/tf-serving.ts';

const SIGNATURE = { x: { dtype: 'DT_FLOAT', shape: [-1, 2] } };
const TWO_INPUTS = { ...SIGNATURE, tag: { dtype: 'DT_STRING', shape: [-1] } };

function problemOf(body: string, signature?: typeof SIGNATURE): string {
  const parsed = parsePredictRequest(body, signature);
  if (parsed.ok) throw new Error(`expected a problem in ${body}`);
  return parsed.problem.message;
}

function numbers(...values: number[]): Tensor['data'] {
  return { kind: 'number', values: Float64Array.from(values) };
}

const finiteFloat32 = fc.float({ noNaN: true, noDefaultInfinity: true });

describe('number text', () => {
  test('every float32 survives the wire, sign of zero included', () => {
    fc.assert(
      fc.property(finiteFloat32, (value) => Object.is(Math.fround(Number(float32Text(value))), value)),
      { numRuns: 20_000 },
    );
  });

  test('no text with fewer digits would do, in the range of pixels', () => {
    fc.assert(
      fc.property(fc.float({ min: Math.fround(1e-3), max: 999, noNaN: true }), (value) => {
        // Zeros at the end of a whole number are no digits of its value.
        const text = float32Text(value).replace(/^(\d+?)0+$/, '$1');
        const digits = text.replace(/^0\.0*|\./g, '').length;
        for (let fewer = 1; fewer < Math.min(digits, 7); fewer++)
          expect(Math.fround(Number(value.toPrecision(fewer)))).not.toBe(value);
        expect(digits).toBeLessThanOrEqual(10);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    [0, '0'],
    [-0, '-0.0'],
    [1, '1'],
    [Math.fround(0.1), '0.1'],
    [Math.fround(1 / 3), '0.33333334'],
    [16_777_215, '16777215'],
    [16_777_216, '16777216.0'],
    [Math.fround(1e30), '1.0000000150474662e+30'],
    [2 ** -149, '1.4013e-45'],
    [Number.NaN, 'NaN'],
    [-Infinity, '-Infinity'],
  ])('%p is written %s', (value, text) => expect(float32Text(value)).toBe(text));

  test('answers mark whole numbers as floats', () => {
    expect([3, -7, 0.5, Number.NaN, -0].map(float32Answer)).toEqual(['3.0', '-7.0', '0.5', 'NaN', '-0.0']);
  });
});

describe('predict requests', () => {
  test('plain rows', () => {
    const parsed = parsePredictRequest('{"signature_name":"serving_default","instances":[[1,2],[3,4]]}');
    expect(parsed).toEqual({
      ok: true,
      value: {
        format: 'row',
        signatureName: 'serving_default',
        inputs: new Map([[UNNAMED, { shape: [2, 2], data: numbers(1, 2, 3, 4) }]]),
      },
    });
  });

  test('named rows and columns hold the same tensors', () => {
    const rows = parsePredictRequest('{"instances":[{"tag":"foo","x":[1,2]},{"x":[3,4],"tag":"bar"}]}');
    const columns = parsePredictRequest('{"inputs":{"x":[[1,2],[3,4]],"tag":["foo","bar"]}}');
    if (!rows.ok || !columns.ok) throw new Error('both are good requests');
    expect([rows.value.format, columns.value.format]).toEqual(['row', 'columnar']);
    expect([...rows.value.inputs].sort()).toEqual([...columns.value.inputs].sort());
    expect(rows.value.inputs.get('x')).toEqual({ shape: [2, 2], data: numbers(1, 2, 3, 4) });
  });

  test('base64 is bytes, in rows and mixed with text', () => {
    const parsed = parsePredictRequest('{"instances":[{"b64":"aW1hZ2U="},"é"]}');
    if (!parsed.ok) throw new Error(parsed.problem.message);
    const tensor = parsed.value.inputs.get(UNNAMED)!;
    expect(tensor.shape).toEqual([2]);
    expect(tensor.data.kind).toBe('bytes');
    const texts = Array.from(tensor.data.values as readonly Uint8Array[], (bytes) =>
      Buffer.from(bytes).toString(),
    );
    expect(texts).toEqual(['image', 'é']);
  });

  test('a plain list takes the name of the only input of the signature', () => {
    const parsed = parsePredictRequest('{"instances":[[1,NaN]]}', SIGNATURE);
    expect(parsed).toMatchObject({
      ok: true,
      value: { inputs: new Map([['x', { shape: [1, 2], data: numbers(1, Number.NaN) }]]) },
    });
  });

  test.each([
    ['', 'JSON Parse error: The document is empty. at offset: 0'],
    ['{"instances": [1,', 'JSON Parse error: Invalid value. at offset: 17'],
    ['{"é": [1 2]}', 'JSON Parse error: Missing a comma or ] after an array element. at offset: 10'],
    ['[1]', 'JSON Value: [1] Is not object'],
    ['{"a":1}', "Missing 'inputs' or 'instances' key"],
    ['{"instances":3}', "JSON Value: 3 Excepting 'instances' to be an list/array"],
    ['{"instances":[]}', "JSON Value: [] No values in 'instances' array"],
    [
      '{"instances":[[1,2],[3]]}',
      "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1",
    ],
    [
      '{"instances":[[1,[2]]]}',
      "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: Encountered list at unexpected level: 1 expected < 1",
    ],
    [
      '{"instances":[[1,null]]}',
      "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: null Type: Null is not of expected type: float",
    ],
    [
      '{"instances":[[1,1e39]]}',
      "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: Cannot convert JSON value: 1e+39 to float without loss of precision.",
    ],
    [
      '{"instances":[{"y":[1,2]}]}',
      "Failed to process element: 0 key: y of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: y",
    ],
    ['{"inputs":{"y":[[1,2]]}}', "Missing named input: x in 'inputs' object."],
    ['{"instances":[[1,2]],"signature_name":5}', /'signature_name' key must be a string value/],
    ['{"instances":[[1,2]],"inputs":[[1,2]]}', /expecting only one of/],
    ['{"instances":[[1,2],{"x":[1,2]}]}', 'Expecting value/list but got object at item 1 of input list'],
    ['{"instances":[{"x":[1,2]},[1,2]]}', 'Expecting object but got list at item 1 of input list'],
  ])('refuses %s', (body, message) => {
    expect(problemOf(body, SIGNATURE)).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
  });

  test('the problem names its place', () => {
    const parsed = parsePredictRequest('{"instances":[[[1,2]],[["a",2]]]}');
    expect(parsed).toMatchObject({
      ok: false,
      problem: { where: 'instances[1][0][0]', got: '"a"', expected: 'a number like the values before it' },
    });
  });

  test('two inputs cannot be a plain list, and both must be there', () => {
    expect(problemOf('{"instances":[[1,2]]}', TWO_INPUTS)).toMatch(/expecting list of objects/);
    expect(problemOf('{"instances":[{"x":[1,2]}]}', TWO_INPUTS)).toMatch(/keys must be equal to: tag,x/);
  });

  test('hostile keys are only keys', () => {
    const parsed = parsePredictRequest('{"inputs":{"__proto__":[1],"constructor":[NaN]}}');
    expect(parsed.ok && [...parsed.value.inputs.keys()]).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)[0]).toBeUndefined();
  });

  test('deep nesting is refused, not a stack overflow', () => {
    for (const body of ['['.repeat(100_000), `{"instances":${'['.repeat(100_000)}${']'.repeat(100_000)}}`])
      expect(parsePredictRequest(body).ok).toBe(false);
    expect(parseLenientJson(`${'['.repeat(100_000)}NaN`).ok).toBe(false);
  });
});

describe('predict answers', () => {
  test('bare NaN and Infinity are read as numbers', () => {
    const parsed = parsePredictAnswer('{ "predictions": [[NaN, 1.5], [-Infinity, Infinity]] }');
    expect(parsed).toEqual({
      ok: true,
      value: {
        format: 'row',
        outputs: new Map([[UNNAMED, { shape: [2, 2], data: numbers(Number.NaN, 1.5, -Infinity, Infinity) }]]),
      },
    });
  });

  test('but not inside strings', () => {
    const parsed = parsePredictAnswer('{"predictions":["NaN","a\\"NaN"], "x": NaN}');
    expect(parsed.ok && parsed.value.outputs.get(UNNAMED)?.data.values).toEqual(['NaN', 'a"NaN']);
  });

  test.each([
    '{}',
    '{"predictions":[]}',
    '{"predictions":[1],"outputs":[1]}',
    '{"predictions":[[1],[1,2]]}',
    '<html>',
  ])('refuses %s', (body) => expect(parsePredictAnswer(body).ok).toBe(false));

  test('a row answer looks like the real one', () => {
    const values = Float32Array.of(2.5, 3, -1);
    const text = encodePredictAnswer({
      format: 'row',
      outputs: new Map([[UNNAMED, { shape: [3], data: { kind: 'number', values } }]]),
    });
    expect(text).toBe('{\n    "predictions": [2.5,3.0,-1.0]\n}');
  });
});

const tensor = fc
  .record({
    count: fc.integer({ min: 1, max: 4 }),
    inner: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    kind: fc.constantFrom('number', 'boolean', 'string', 'bytes'),
    seed: fc.infiniteStream(
      fc.tuple(fc.double(), fc.boolean(), fc.string(), fc.uint8Array({ maxLength: 5 })),
    ),
  })
  .map(({ count, inner, kind, seed }): Tensor & { count: number } => {
    const size = count * inner.reduce((product, side) => product * side, 1);
    const drawn = [...seed.take(size)];
    const shape = [count, ...inner];
    if (kind === 'number')
      return { count, shape, data: { kind, values: Float64Array.from(drawn, ([value]) => value) } };
    if (kind === 'boolean') return { count, shape, data: { kind, values: drawn.map((draw) => draw[1]) } };
    if (kind === 'string') return { count, shape, data: { kind, values: drawn.map((draw) => draw[2]) } };
    return { count, shape, data: { kind: 'bytes', values: drawn.map((draw) => Buffer.from(draw[3])) } };
  });

const request: fc.Arbitrary<PredictRequest> = fc
  .record({
    format: fc.constantFrom('row' as const, 'columnar' as const),
    signatureName: fc.option(fc.string(), { nil: undefined }),
    // A name `b64` alone in a row would be a base64 object: the protocol cannot say it.
    names: fc.uniqueArray(
      fc.string({ minLength: 1 }).filter((name) => name !== 'b64'),
      { minLength: 1, maxLength: 3 },
    ),
    named: fc.boolean(),
    tensors: fc.array(tensor, { minLength: 3, maxLength: 3 }),
  })
  .map(({ format, signatureName, names, named, tensors }) => {
    const batch = tensors.filter(({ count }) => count === tensors[0]!.count);
    const used = named ? names.slice(0, batch.length) : [UNNAMED];
    return {
      format,
      ...(signatureName === undefined ? {} : { signatureName }),
      inputs: new Map(used.map((name, i) => [name, { shape: batch[i]!.shape, data: batch[i]!.data }])),
    };
  });

describe('properties', () => {
  test('requests survive a round trip', () => {
    fc.assert(
      fc.property(request, (original) => {
        const parsed = parsePredictRequest(encodePredictRequest(original));
        if (!parsed.ok) throw new Error(parsed.problem.message);
        expect({ ...parsed.value, inputs: [...parsed.value.inputs].sort(byName) }).toEqual({
          ...original,
          inputs: [...original.inputs].sort(byName),
        });
      }),
      { numRuns: 500 },
    );
  });

  test('answers survive a round trip', () => {
    fc.assert(
      fc.property(request, ({ format, inputs }) => {
        const parsed = parsePredictAnswer(encodePredictAnswer({ format, outputs: inputs }));
        if (!parsed.ok) throw new Error(parsed.problem.message);
        expect([...parsed.value.outputs].sort(byName)).toEqual([...inputs].sort(byName));
      }),
      { numRuns: 500 },
    );
  });

  test('a float32 batch is read back to the bit', () => {
    fc.assert(
      fc.property(fc.array(finiteFloat32, { minLength: 4, maxLength: 40 }), (values) => {
        const inputs = Float32Array.from(values.slice(0, values.length - (values.length % 4)));
        for (const shape of [[4], [2, 2], [2, 2, 1]]) {
          const parsed = parsePredictRequest(encodeRowRequest(inputs, shape), SIGNATURE);
          if (!parsed.ok) throw new Error(parsed.problem.message);
          const { shape: found, data } = parsed.value.inputs.get('x')!;
          expect(found).toEqual([inputs.length / 4, ...shape]);
          expect(Float32Array.from(data.values as Float64Array)).toEqual(inputs);
        }
      }),
    );
  });

  test('no body makes the parsers throw', () => {
    const bodies = fc.oneof(
      fc.string(),
      fc.uint8Array(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ instances: value })),
      fc.jsonValue().map((value) => JSON.stringify({ predictions: value, inputs: value })),
      fc
        .tuple(request, fc.nat(), fc.string({ maxLength: 3 }))
        .map(([good, at, noise]) => spoil(encodePredictRequest(good), at, noise)),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        for (const parsed of [
          parsePredictRequest(body),
          parsePredictRequest(body, TWO_INPUTS),
          parsePredictAnswer(body),
        ]) {
          if (parsed.ok) continue;
          expect(parsed.problem.message.length).toBeGreaterThan(0);
          expect(parsed.problem.message.length).toBeLessThan(1000);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('plain JSON means the same to the lenient parser', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        // The trailing member sends the whole text down the slow path.
        const slow = parseLenientJson(`{"value":${text},"nan":NaN}`);
        expect(slow.ok && (slow.value as Record<string, unknown>).value).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('doubles survive as text', () => {
    fc.assert(fc.property(fc.double(), (value) => Object.is(Number(float64Text(value)), value)));
  });
});

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

function spoil(text: string, at: number, noise: string): string {
  const place = at % (text.length + 1);
  return text.slice(0, place) + noise + text.slice(place + 1);
}
