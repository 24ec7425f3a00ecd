import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../src/domain/logger.ts';
import { createConnection, type Connection } from '../../src/store/connection.ts';
import { openStoreProcess } from '../../src/store/embedded/open.ts';
import { basicAuthorization, readStoreFile, writeStoreFile } from '../../src/store/embedded/store-file.ts';
import { createWriter } from '../../src/store/writer.ts';
import { batch, createStoreFolder, freshModel, gone, isAlive, type StoreFolder } from './store-harness.ts';

const folders: StoreFolder[] = [];
const newFolder = async (idleSeconds?: number): Promise<StoreFolder> => {
  const folder = await createStoreFolder(idleSeconds);
  folders.push(folder);
  return folder;
};
let folder: StoreFolder;
beforeAll(async () => {
  folder = await newFolder();
});
afterAll(async () => {
  for (const one of folders) await one.release();
});
jest.setTimeout(60_000);

const connect = ({ directory }: StoreFolder, database = 'default'): Connection =>
  createConnection({
    endpoint: () => openStoreProcess({ directory, idleSeconds: 20 }),
    database,
    logger: silentLogger,
  });

/** A request as any client of ClickHouse could make it. */
async function ask(
  { directory }: StoreFolder,
  search: Record<string, string>,
  body: string,
): Promise<{ status: number; text: string; code: string | null }> {
  const file = (await readStoreFile(directory))!;
  const response = await fetch(`${file.url}/?${new URLSearchParams(search).toString()}`, {
    method: 'POST',
    headers: { authorization: basicAuthorization(file) },
    body,
  });
  return {
    status: response.status,
    text: (await response.text()).trim(),
    code: response.headers.get('x-clickhouse-exception-code'),
  };
}

describe('the store process', () => {
  it('is one, however many start it at once', async () => {
    const endpoints = await Promise.all(
      [1, 2, 3].map(() => openStoreProcess({ directory: folder.directory, idleSeconds: 20 })),
    );
    expect(new Set(endpoints.map(({ url }) => url)).size).toBe(1);
  });

  it('listens on loopback, and only its user can read how to ask it', async () => {
    const file = (await readStoreFile(folder.directory))!;
    expect(new URL(file.url).hostname).toBe('127.0.0.1');
    expect(statSync(join(folder.directory, 'store.json')).mode & 0o777).toBe(0o600);
    expect(file.password.length).toBeGreaterThanOrEqual(32);
    expect(Math.abs(Date.now() - file.startedAtMs)).toBeLessThan(60_000);
  });

  it('refuses whoever does not know the password, before reading what they send', async () => {
    const file = (await readStoreFile(folder.directory))!;
    const stranger = createConnection({
      endpoint: () => Promise.resolve({ ...file, password: 'guess' }),
      database: 'default',
      logger: silentLogger,
    });
    await expect(stranger.query('anything', 'SELECT 1')).rejects.toMatchObject({
      code: 'TEMPER_STORE_QUERY',
    });
    await expect(stranger.insert('anything', [{ n: 1 }])).rejects.toMatchObject({
      code: 'TEMPER_STORE_QUERY',
    });
    await stranger.close();
    expect((await fetch(`${file.url}/?query=SELECT%201`)).status).toBe(401);
  });

  it('keeps no setting from one request to the next', async () => {
    const table =
      'CREATE TABLE leak (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100';
    expect(await ask(folder, {}, table)).toMatchObject({ status: 200 });
    const insert = { query: 'INSERT INTO leak FORMAT JSONEachRow', async_insert: '0' };
    await ask(folder, { ...insert, insert_deduplication_token: 'same' }, '{"n":1}');
    await ask(folder, { ...insert, insert_deduplication_token: 'same' }, '{"n":2}');
    await ask(folder, insert, '{"n":3}');
    await ask(folder, {}, 'INSERT INTO leak VALUES (4)');
    expect((await ask(folder, {}, 'SELECT n FROM leak ORDER BY n FORMAT TSV')).text).toBe('1\n3\n4');
    const threads = "SELECT value FROM system.settings WHERE name = 'max_threads' FORMAT TSV";
    const before = await ask(folder, {}, threads);
    expect((await ask(folder, { max_threads: '7' }, threads)).text).toBe('7');
    expect(await ask(folder, {}, threads)).toEqual(before);
  });

  it('answers a mistake as a ClickHouse server does', async () => {
    expect(await ask(folder, {}, 'SELECT nonsense')).toMatchObject({
      status: 400,
      code: '47',
      text: expect.stringMatching(/^Code: 47\. DB::Exception: .*nonsense/) as unknown,
    });
    expect(await ask(folder, { 'a b': '1' }, 'SELECT 1')).toMatchObject({ status: 500, code: '1002' });
    expect((await ask(folder, {}, 'SELECT 1 FORMAT TSV')).text).toBe('1');
  });

  it('takes statements with long lists', async () => {
    const connection = connect(folder);
    const ids = Array.from({ length: 3000 }, (_, i) => `it's #${i} \\ \n é ]`);
    const [row] = await connection.query(
      'long',
      'SELECT length({ids:Array(String)}) AS n, {ids:Array(String)}[3000] AS last',
      { ids },
    );
    expect(row).toEqual({ n: 3000, last: ids.at(-1) });
    await connection.close();
  });

  it('answers others while it computes', async () => {
    const slow = ask(folder, {}, 'SELECT sum(sipHash64(number)) FROM numbers(30000000) FORMAT TSV');
    const progress = { isDone: false };
    void slow.finally(() => (progress.isDone = true));
    const { url } = (await readStoreFile(folder.directory))!;
    const waits: number[] = [];
    while (!progress.isDone) {
      const began = performance.now();
      expect(await (await fetch(`${url}/ping`)).text()).toBe('Ok.\n');
      waits.push(performance.now() - began);
      await sleep(10);
    }
    expect((await slow).status).toBe(200);
    expect(waits.length).toBeGreaterThan(5);
    expect(waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(100);
  });

  it('serves several clients at once, each row once', async () => {
    const model = freshModel();
    const clients = await Promise.all([1, 2, 3, 4].map(() => folder.open()));
    await Promise.all(
      clients.flatMap((client, i) =>
        [0, 1, 2, 3, 4].map((k) => client.saveIngest(batch(model, [10 * (5 * i + k), 10 * (5 * i + k) + 1]))),
      ),
    );
    expect((await clients[0]!.countEverything(model)).samples).toBe(40);
  });
});

describe('the end of the store process', () => {
  it('comes when nobody asks any more, and nobody notices', async () => {
    const own = await newFolder(1);
    const store = await own.open();
    const model = freshModel();
    await store.saveIngest(batch(model, [0, 1]));
    const first = await own.pid();
    await gone(first);
    expect(await readStoreFile(own.directory)).toBeUndefined();
    expect((await store.countEverything(model)).samples).toBe(2);
    expect(await own.pid()).not.toBe(first);
  });

  it('does not come while someone asks', async () => {
    const own = await newFolder(1);
    const store = await own.open();
    const first = await own.pid();
    const slow = store.connection.query(
      'slow',
      'SELECT sleepEachRow(1) FROM numbers(3) SETTINGS max_block_size = 1',
    );
    await slow;
    expect(await own.pid()).toBe(first);
    expect(isAlive(first)).toBe(true);
  });

  it('is orderly on SIGTERM: what was asked is answered, and its file is gone', async () => {
    const own = await newFolder();
    const connection = connect(own);
    await connection.query('open', 'SELECT 1');
    const slow = connection.query('slow', 'SELECT sleepEachRow(0.5) AS s FROM numbers(3)');
    await sleep(300);
    await own.kill('SIGTERM');
    expect(await slow).toHaveLength(3);
    expect(await readStoreFile(own.directory)).toBeUndefined();
    await connection.close();
  });

  it('by SIGKILL, again and again in the middle of writes, loses no acknowledged row and doubles none', async () => {
    const own = await newFolder();
    const connection = connect(own, 'default');
    await connection.command(
      'make',
      'CREATE TABLE rows (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000',
    );
    const writer = createWriter({
      connection,
      logger: silentLogger,
      identity: 'test',
      flushMs: 5,
      retryMs: 60_000,
    });
    let next = 0;
    const phase = { isOver: false };
    const work = async (): Promise<void> => {
      while (!phase.isOver) await writer.write('rows', [{ n: next++ }, { n: next++ }]);
    };
    const workers = [work(), work(), work()];
    for (let kills = 0; kills < 3; kills++) {
      await sleep(400);
      await own.kill('SIGKILL');
    }
    await sleep(1500);
    phase.isOver = true;
    await Promise.all(workers);
    const [row] = await connection.query(
      'count',
      'SELECT count() AS written, uniqExact(n) AS distinct FROM rows',
    );
    expect(row).toEqual({ written: next, distinct: next });
    expect(next).toBeGreaterThan(20);
    await writer.close();
    await connection.close();
  });

  it('is no reason to believe a stranger who took its port', async () => {
    const own = await newFolder();
    const stranger = createServer((_, response) => response.end('<html>hello</html>'));
    await new Promise<void>((ready) => stranger.listen(0, '127.0.0.1', ready));
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    await writeStoreFile(own.directory, {
      pid: process.pid,
      startedAtMs: Date.now(),
      url,
      username: 'temper',
      password: 'old',
    });
    const found = await openStoreProcess({ directory: own.directory, idleSeconds: 20 });
    expect(found.url).not.toBe(url);
    stranger.close();
  });
});

describe('a store that cannot be had', () => {
  it('is said at once, with the reason from its log', async () => {
    const own = await newFolder();
    await mkdir(join(own.directory, 'status')); // a folder where the engine wants a file
    const began = performance.now();
    await expect(openStoreProcess({ directory: own.directory, idleSeconds: 20 })).rejects.toMatchObject({
      code: 'TEMPER_STORE_EMBEDDED',
      message: expect.stringContaining('did not start; its log ends:') as unknown,
    });
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('is said when its folder cannot be one', async () => {
    const own = await newFolder();
    const file = join(own.directory, 'file');
    await writeFile(file, '');
    await expect(openStoreProcess({ directory: file, idleSeconds: 20 })).rejects.toMatchObject({
      code: 'TEMPER_STORE_EMBEDDED',
      message: expect.stringContaining(file) as unknown,
    });
  });

  it('held by a process that does not serve, is waited for, and had when that ends', async () => {
    const own = await newFolder();
    const holder = spawn(
      process.execPath,
      [
        '-e',
        `new (require('chdb').Session)(process.argv[1]); console.log('held'); setTimeout(() => {}, 60000)`,
        own.directory,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'], cwd: join(__dirname, '../..') },
    );
    await new Promise((held) => holder.stdout.once('data', held));
    const opening = openStoreProcess({ directory: own.directory, idleSeconds: 20 });
    await sleep(2500);
    holder.kill('SIGKILL');
    expect((await opening).url).toMatch(/^http:/);
  });

  it('by URL is unreachable, and worth another try', async () => {
    const connection = createConnection({
      endpoint: () => Promise.resolve({ url: 'http://127.0.0.1:1', username: 'a', password: 'b' }),
      database: 'default',
      logger: silentLogger,
    });
    const unreachable = { code: 'TEMPER_STORE_UNREACHABLE', retryable: true };
    await expect(connection.query('positions', 'SELECT 1')).rejects.toMatchObject(unreachable);
    await expect(connection.insert('t', [{ n: 1 }])).rejects.toMatchObject(unreachable);
    await connection.close();
  });
});
