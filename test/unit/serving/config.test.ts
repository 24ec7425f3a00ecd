import { registryConfigSchema, servedConfigSchema } from '../../../src/models/config.ts';
import { servingConfigSchema } from '../../../src/serving/config.ts';

describe('settings of registry, served model and server', () => {
  test('have defaults for everything but where the served model is', () => {
    expect(servingConfigSchema.parse({})).toEqual({
      host: '127.0.0.1',
      port: 8501,
      pollMs: 200,
      maxBodyBytes: 33_554_432,
      maxInFlight: 256,
    });
    expect(registryConfigSchema.parse({})).toMatchObject({ directory: 'models', keep: 20 });
    expect(servedConfigSchema.parse({ url: 'http://digits:8501', model: 'digits' })).toMatchObject({
      protocol: 'tf-serving',
      outputs: 'logits',
      breaker: { failures: 5, openMs: 10_000 },
    });
  });

  test.each([
    [{ url: 'ftp://digits', model: 'digits' }, 'url'],
    [{ url: 'http://digits', model: '' }, 'model'],
    [{ url: 'http://digits', model: 'digits', timeout: 5 }, ''],
    [{ url: 'http://digits', model: 'digits', version: 'latest' }, 'version'],
    [{ url: 'http://digits', model: 'digits', breaker: { failures: 0 } }, 'breaker.failures'],
  ])('%j is refused at %p', (config, path) => {
    const parsed = servedConfigSchema.safeParse(config);
    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });

  test.each([registryConfigSchema, servedConfigSchema, servingConfigSchema])(
    'every key is described',
    (schema) => {
      for (const [key, setting] of Object.entries(schema.shape))
        if (!['breaker', 'loadGuard', 'tls'].includes(key))
          expect((setting as { description?: string }).description).toMatch(/[Dd]efault/);
    },
  );
});
