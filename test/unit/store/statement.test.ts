import fc from 'fast-check';
import { statementOf } from '../../../src/store/embedded/statement.ts';

const ask = (search: Record<string, string>, body = ''): ReturnType<typeof statementOf> =>
  statementOf(new URLSearchParams(search), Buffer.from(body));

describe('statements of requests', () => {
  test('rows of an insert stay bytes, and its settings stay with it', () => {
    const body = '{"n":1}';
    expect(
      ask(
        {
          query: 'INSERT INTO samples FORMAT JSONEachRow',
          database: 'd',
          insert_deduplication_token: "it's",
          query_id: 'q',
          wait_end_of_query: '1',
        },
        body,
      ),
    ).toEqual({
      kind: 'insert',
      table: 'samples',
      columns: undefined,
      format: 'JSONEachRow',
      settings: { insert_deduplication_token: "it's" },
      data: Buffer.from(body),
      database: 'd',
    });
  });

  test.each([
    ['INSERT INTO a.b (x, y) FORMAT JSONCompactEachRow', 'a.b', ['x', 'y']],
    [' insert into t\nformat CSV ', 't', undefined],
  ])('%p names its table and columns', (query, table, columns) => {
    expect(ask({ query }, '1')).toMatchObject({ kind: 'insert', table, columns });
  });

  test.each([
    ['INSERT INTO t FORMAT RowBinary', "INSERT INTO t SETTINGS a='1' FORMAT RowBinary\nx"],
    ['INSERT INTO t (* EXCEPT(b)) FORMAT CSV', "INSERT INTO t (* EXCEPT(b)) SETTINGS a='1' FORMAT CSV\nx"],
  ])('%p becomes text with its settings in it', (query, sql) => {
    expect(ask({ query, a: '1' }, 'x')).toMatchObject({ kind: 'sql', sql });
  });

  test('a query comes as the body, its settings at its end, its parameters apart', () => {
    expect(
      ask(
        { database: 'd', max_threads: '1', param_x: 'a\\tb\\\\', param_n: '1' },
        'SELECT {x:String}, {n:Int8}',
      ),
    ).toEqual({
      kind: 'sql',
      sql: "SELECT {x:String}, {n:Int8}\nSETTINGS max_threads='1'",
      parameters: { x: 'a\tb\\', n: '1' },
      database: 'd',
    });
  });

  test('a definition takes no settings', () => {
    expect(ask({ max_threads: '1' }, 'CREATE TABLE t (n Int8) ENGINE = Memory')).toMatchObject({
      sql: 'CREATE TABLE t (n Int8) ENGINE = Memory',
    });
  });

  test('a name of a setting cannot carry SQL', () => {
    expect(() => ask({ "a=1, b='": '1' }, 'SELECT 1')).toThrow("expected a setting's name");
  });

  test('a value of a setting stays inside its quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const { sql } = ask({ query: 'SELECT 1', a: value }) as { sql: string };
        const quoted = /^SELECT 1\nSETTINGS a=('[^]*')$/.exec(sql)![1]!;
        expect(/^'(?:[^'\\]|\\[^])*'$/.test(quoted)).toBe(true);
      }),
    );
  });
});
