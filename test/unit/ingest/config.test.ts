import { streamConfigSchema } from '../../../src/ingest/config.ts';

const MINIMAL = { files: [{ path: 'requests.jsonl' }], sampling: { key: { env: 'KEY' } } };

test('fills in defaults', () => {
  expect(streamConfigSchema.parse(MINIMAL)).toMatchObject({
    format: 'json-events',
    sampling: { rate: 0.1, maxRowsPerEvent: 16 },
    preprocessing: { scale: 1, offset: 0 },
    limits: { batchLines: 256, batchBytes: 1_048_576, maxUncommitted: 4 },
  });
});

test('two files of one name are refused, and the message says which', () => {
  const files = [{ path: 'a/x.jsonl' }, { path: 'y.jsonl' }, { path: 'b/x.jsonl' }];
  const { error } = streamConfigSchema.safeParse({ ...MINIMAL, files });
  expect(error?.issues).toMatchObject([
    {
      path: ['files', 2, 'name'],
      message: 'expected a name of its own, got "x.jsonl", which is also the name of stream.files[0]',
    },
  ]);
});

test.each([
  [{ ...MINIMAL, files: [] }],
  [{ ...MINIMAL, topic: 'x' }],
  [{ ...MINIMAL, sampling: {} }],
  [{ ...MINIMAL, sampling: { key: 'inline' } }],
  [{ ...MINIMAL, sampling: { ...MINIMAL.sampling, rate: 1.5 } }],
])('refuses %j', (config) => {
  expect(streamConfigSchema.safeParse(config).success).toBe(false);
});
