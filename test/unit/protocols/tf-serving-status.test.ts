import fc from 'fast-check';
import {
  encodeError,
  encodeModelMetadata,
  encodeModelStatus,
  parseErrorBody,
  parseModelMetadata,
  parseModelStatus,
  type ModelMetadata,
  type VersionStatus,
} from '../../../src/protocols/tf-serving-status.ts';

const AVAILABLE: VersionStatus = { version: '123', state: 'AVAILABLE', errorCode: 'OK', errorMessage: '' };

describe('model status', () => {
  test('reads what the real server writes', () => {
    const body =
      '{\n "model_version_status": [\n  {\n   "version": "123",\n   "state": "AVAILABLE",\n   "status": {\n    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n';
    expect(parseModelStatus(body)).toEqual({ ok: true, value: [AVAILABLE] });
    expect(encodeModelStatus([AVAILABLE])).toBe(body.trimEnd());
  });

  test.each(['', '{}', '{"model_version_status":[3]}', '{"model_version_status":[{"version":"1"}]}'])(
    'refuses %s',
    (body) => expect(parseModelStatus(body).ok).toBe(false),
  );
});

describe('model metadata', () => {
  const metadata: ModelMetadata = {
    name: 'digits',
    version: '7',
    signatures: {
      serving_default: {
        inputs: { x: { dtype: 'DT_FLOAT', shape: [-1, 28, 28, 1] } },
        outputs: { logits: { dtype: 'DT_FLOAT', shape: [-1, 10] } },
        methodName: 'tensorflow/serving/predict',
      },
    },
  };

  test('round trip', () => {
    expect(parseModelMetadata(encodeModelMetadata(metadata))).toEqual({ ok: true, value: metadata });
  });

  test('sizes are strings and the rank may be unknown, as protobuf writes them', () => {
    const text = encodeModelMetadata(metadata);
    expect(JSON.parse(text)).toMatchObject({
      model_spec: { name: 'digits', signature_name: '', version: '7' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                x: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: { dim: [{ size: '-1', name: '' }, {}, {}, {}], unknown_rank: false },
                },
              },
            },
          },
        },
      },
    });
    const unknown = text.replaceAll('"unknown_rank": false', '"unknown_rank": true');
    const parsed = parseModelMetadata(unknown);
    expect(parsed.ok && parsed.value.signatures.serving_default?.inputs.x?.shape).toBeUndefined();
  });

  test('refuses what has no signature', () => {
    expect(parseModelMetadata('{"model_spec":{}}').ok).toBe(false);
  });
});

describe('error bodies', () => {
  test.each([
    [
      encodeError('Servable not found for request: Latest(half)'),
      'Servable not found for request: Latest(half)',
    ],
    ['{"detail":[{"loc":["body"],"msg":"missing"}]}', '[{"loc":["body"],"msg":"missing"}]'],
    ['upstream connect error', 'upstream connect error'],
    ['', 'an empty body'],
    ['{"other":1}', '{"other":1}'],
  ])('%s', (body, sentence) => expect(parseErrorBody(body)).toBe(sentence));

  test('nothing makes the parsers throw', () => {
    const body = fc.oneof(fc.string(), fc.json(), fc.uint8Array());
    fc.assert(
      fc.property(body, (text) => {
        parseModelStatus(text);
        parseModelMetadata(text);
        expect(parseErrorBody(text).length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });
});
