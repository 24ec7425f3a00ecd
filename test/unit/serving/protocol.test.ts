import { MODEL, servedRegistry, type ServedRegistry } from './stub-model.ts';

let served: ServedRegistry;
let url: string;

beforeAll(async () => {
  served = await servedRegistry();
  await served.publish();
  ({ url } = (await served.start({ maxBodyBytes: 2_048 })).value);
});

afterAll(() => served.stop());

async function ask(path: string, body?: string | Uint8Array, init: RequestInit = {}) {
  const response = await fetch(url + path, {
    ...(body === undefined ? {} : { method: 'POST', body }),
    ...init,
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    type: response.headers.get('content-type'),
    headers: response.headers,
  };
}

const predict = (body: string | Uint8Array, path = `/v1/models/${MODEL}`, init: RequestInit = {}) =>
  ask(`${path}:predict`, body, init);

const GOOD = '{"instances":[[0.5,2]]}';

describe('predict', () => {
  test('rows, as the real server writes them', async () => {
    const answer = await predict('{"instances":[[0.5,2],[3,0.1]]}');
    expect(answer).toMatchObject({ status: 200, type: 'application/json' });
    expect(answer.text).toBe('{\n    "predictions": [[1.0,0.5,2.0],[1.0,3.0,0.1]]\n}');
    expect(answer.headers.get('x-temper-model-version')).toBe('1');
    expect(answer.headers.get('x-powered-by')).toBeNull();
  });

  test.each([
    ['{"instances":[{"inputs":[0.5,2]}]}', '{"predictions":[[1,0.5,2]]}'],
    ['{"inputs":[[0.5,2]]}', '{"outputs":[[1,0.5,2]]}'],
    ['{"inputs":{"inputs":[[0.5,2]]}}', '{"outputs":[[1,0.5,2]]}'],
    ['{"signature_name":"serving_default","instances":[[0.5,2]]}', '{"predictions":[[1,0.5,2]]}'],
    ['{"signature_name":"","instances":[[0.5,2]]}', '{"predictions":[[1,0.5,2]]}'],
  ])('%s', async (body, expected) => {
    const { status, text } = await predict(body);
    expect([status, JSON.parse(text)]).toEqual([200, JSON.parse(expected)]);
  });

  test('a row with NaN or infinity has no scores, and the others have theirs', async () => {
    const { status, text } = await predict('{"instances":[[NaN,2],[1,2],[1,-Infinity]]}');
    expect(status).toBe(200);
    expect(text.replace(/\s/g, '')).toBe('{"predictions":[[NaN,NaN,NaN],[1.0,1.0,2.0],[NaN,NaN,NaN]]}');
  });

  test('by version, whatever the case of the path and the content type', async () => {
    for (const path of [`/v1/models/${MODEL}/versions/1`, `/V1/Models/${MODEL}/versions/01`])
      expect((await predict(GOOD, path, { headers: { 'content-type': 'text/plain' } })).status).toBe(200);
  });

  test('gzip', async () => {
    const { gzipSync } = await import('node:zlib');
    const init = { headers: { 'content-encoding': 'gzip' } };
    expect((await predict(gzipSync(GOOD), undefined, init)).status).toBe(200);
    expect((await predict('not gzip', undefined, init)).status).toBe(400);
  });

  test.each([
    ['', 400, 'JSON Parse error: The document is empty. at offset: 0'],
    [
      '{"instances":[[1,2]',
      400,
      'JSON Parse error: Missing a comma or ] after an array element. at offset: 19',
    ],
    ['{}', 400, "Missing 'inputs' or 'instances' key"],
    ['{"instances":[]}', 400, "JSON Value: [] No values in 'instances' array"],
    ['{"instances":[[1,2,3]]}', 400, "Shape mismatch for input 'inputs': expected [-1,2], got [1,3]"],
    ['{"instances":[1,2]}', 400, "Shape mismatch for input 'inputs': expected [-1,2], got [2]"],
    [
      '{"instances":[["a","b"]]}',
      400,
      `Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "a" Type: String is not of expected type: float`,
    ],
    [
      '{"instances":[{"x":[1,2]}]}',
      400,
      "Failed to process element: 0 key: x of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: x",
    ],
    [
      '{"signature_name":"other","instances":[[1,2]]}',
      400,
      'Serving signature name: "other" not found in signature def',
    ],
  ])('%s is refused', async (body, status, message) => {
    const answer = await predict(body);
    expect(answer).toMatchObject({ status, type: 'application/json' });
    expect(JSON.parse(answer.text)).toEqual({ error: message });
  });

  test('a body above the limit', async () => {
    const answer = await predict(`{"instances":[${'[1,2],'.repeat(1_000)}[1,2]]}`);
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text)).toEqual({ error: 'The request body is larger than 2048 bytes.' });
    expect((await predict(GOOD)).status).toBe(200);
  });
});

describe('what is not there', () => {
  test.each([
    ['POST', '/v1/models/half:predict', 404, 'Servable not found for request: Latest(half)'],
    [
      'POST',
      `/v1/models/${MODEL}/versions/9:predict`,
      404,
      `Servable not found for request: Specific(${MODEL}, 9)`,
    ],
    ['POST', `/v1/models/${MODEL}/labels/stable:predict`, 400, 'Unrecognized servable version label: stable'],
    [
      'POST',
      `/v1/models/${MODEL}:classify`,
      400,
      'Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/predict',
    ],
    ['POST', `/v1/models/${MODEL}:explain`, 400, `Malformed request: POST /v1/models/${MODEL}:explain`],
    ['PUT', `/v1/models/${MODEL}`, 400, `Malformed request: PUT /v1/models/${MODEL}`],
    ['GET', `/v1/models/${MODEL}:predict`, 400, `Malformed request: GET /v1/models/${MODEL}:predict`],
    ['GET', '/v1/models', 400, 'Missing model name in request.'],
    ['GET', '/v1/models/half', 404, 'Could not find any versions of model half'],
    ['GET', `/v1/models/${MODEL}/versions/9`, 404, `Could not find version 9 of model ${MODEL}`],
    ['GET', '/v1/models/half/metadata', 404, 'Servable not found for request: Latest(half)'],
  ])('%s %s', async (method, path, status, message) => {
    const answer = await ask(path, undefined, { method, ...(method === 'GET' ? {} : { body: GOOD }) });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { error: message }]);
  });

  test('malformed JSON is named before the unknown model, and names are decoded', async () => {
    expect((await predict('{', '/v1/models/half')).status).toBe(400);
    expect((await predict(GOOD, '/v1/models/ha%20lf')).text).toContain('Latest(ha lf)');
    expect((await predict(GOOD, '/v1/models/%E0%A4%A')).status).toBe(404);
  });

  test('paths outside /v1/', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 404, text: '' });
  });
});

describe('status and metadata', () => {
  test('status', async () => {
    const expected = {
      model_version_status: [
        { version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
      ],
    };
    for (const path of ['', '/versions/1'])
      expect(JSON.parse((await ask(`/v1/models/${MODEL}${path}`)).text)).toEqual(expected);
  });

  test('metadata', async () => {
    const tensor = (name: string, sizes: string[]) => ({
      dtype: 'DT_FLOAT',
      tensor_shape: { dim: sizes.map((size) => ({ size, name: '' })), unknown_rank: false },
      name: `${name}:0`,
    });
    expect(JSON.parse((await ask(`/v1/models/${MODEL}/metadata`)).text)).toEqual({
      model_spec: { name: MODEL, signature_name: '', version: '1' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: { inputs: tensor('inputs', ['-1', '2']) },
              outputs: { logits: tensor('logits', ['-1', '3']) },
              method_name: 'tensorflow/serving/predict',
              defaults: {},
            },
          },
        },
      },
    });
  });
});
