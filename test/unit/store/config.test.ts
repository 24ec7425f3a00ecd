import { storeConfigSchema } from '../../../src/store/config.ts';

describe("the store's settings", () => {
  test('are complete when nothing is said', () => {
    expect(storeConfigSchema.parse({})).toEqual({
      username: 'default',
      database: 'temper',
      embedded: { directory: 'store', idleSeconds: 60 },
      tables: { cluster: '', replicated: false },
    });
  });

  test.each([
    ['an unknown key', { urls: 'http://a' }],
    ['a url of another protocol', { url: 'tcp://clickhouse:9000' }],
    ['a database that is SQL', { database: 'a; DROP' }],
    ['a cluster that is SQL', { tables: { cluster: 'a` b' } }],
    ['a password in the file', { password: 'hunter2' }],
    ['an engine that ends at once', { embedded: { idleSeconds: 0 } }],
  ])('refuse %s', (_, value) => {
    expect(storeConfigSchema.safeParse(value).success).toBe(false);
  });
});
