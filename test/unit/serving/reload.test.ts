import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { holdRequests, MODEL, pause, servedRegistry, until, type ServedRegistry } from './stub-model.ts';

jest.setTimeout(60_000);

let served: ServedRegistry;

beforeEach(async () => {
  served = await servedRegistry();
});

afterEach(() => served.stop());

async function predict(
  url: string,
  rows = 1,
): Promise<{ status: number; versions: number[]; header: string | null }> {
  const instances = Array.from({ length: rows }, (_, i) => [i, 0]);
  const response = await fetch(`${url}/v1/models/${MODEL}:predict`, {
    method: 'POST',
    body: JSON.stringify({ instances }),
  });
  const { predictions = [] } = (await response.json()) as { predictions?: number[][] };
  return {
    status: response.status,
    versions: predictions.map(([version]) => version!),
    header: response.headers.get('x-temper-model-version'),
  };
}

describe('a server', () => {
  test('starts before there is a model, and takes up the first one', async () => {
    const { value } = await served.start();
    expect((await predict(value.url)).status).toBe(404);
    expect(value.statuses()).toEqual([]);
    await served.publish();
    await until(() => value.statuses()[0]?.state === 'AVAILABLE');
    expect((await predict(value.url)).versions).toEqual([1]);
  });

  test('changes version under load without a failed or a mixed answer', async () => {
    await served.publish();
    served.behaviour.delayMs = 2;
    served.behaviour.loadMs = 20;
    const { value } = await served.start();
    let going = true;
    const answers: Awaited<ReturnType<typeof predict>>[] = [];
    const client = async (): Promise<void> => {
      while (going) answers.push(await predict(value.url, 3));
    };
    const clients = Array.from({ length: 8 }, client);
    try {
      for (const version of ['2', '3', '4', '5']) {
        await served.publish();
        await until(() =>
          value.statuses().some((one) => one.version === version && one.state === 'AVAILABLE'),
        );
        await until(() => answers.at(-1)?.header === version);
      }
    } finally {
      going = false;
      await Promise.all(clients);
    }
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    for (const { versions, header } of answers) expect(versions).toEqual(Array(3).fill(Number(header)));
    expect(new Set(answers.flatMap(({ versions }) => versions))).toEqual(new Set([1, 2, 3, 4, 5]));
    await until(() => served.disposed.length === 4);
    expect(value.statuses().map(({ version, state }) => `${version} ${state}`)).toEqual([
      '5 AVAILABLE',
      '4 END',
      '3 END',
      '2 END',
      '1 END',
    ]);
  });

  test('what the old version had begun is answered by it', async () => {
    await served.publish();
    const { value } = await served.start();
    const letGo = holdRequests(served.behaviour);
    const slow = predict(value.url);
    await until(() => served.behaviour.held === 1);
    delete served.behaviour.hold;
    await served.publish();
    await until(() => value.statuses()[0]?.version === '2' && value.statuses()[0]?.state === 'AVAILABLE');
    expect(value.statuses()[1]).toMatchObject({ version: '1', state: 'UNLOADING' });
    expect(served.disposed).toEqual([]);
    expect((await predict(value.url)).versions).toEqual([2]);
    letGo();
    expect((await slow).versions).toEqual([1]);
    await until(() => served.disposed.length === 1);
    expect(value.statuses()[1]).toMatchObject({ version: '1', state: 'END' });
  });

  test('keeps serving when the new version does not load, says so, and tries again', async () => {
    await served.publish();
    const { value } = await served.start();
    served.behaviour.failsToLoad = (version) => version === 2;
    await served.publish();
    await until(() => value.statuses()[0]?.state === 'END');
    expect(value.statuses()[0]).toMatchObject({
      version: '2',
      errorCode: 'UNKNOWN',
      errorMessage: 'version 2 is broken',
    });
    expect((await predict(value.url)).versions).toEqual([1]);
    delete served.behaviour.failsToLoad;
    await until(() => value.statuses()[0]?.state === 'AVAILABLE');
    expect((await predict(value.url)).versions).toEqual([2]);
  });

  test('survives a registry that is damaged for a while', async () => {
    await served.publish();
    const { value } = await served.start();
    await rm(join(served.directory, MODEL, 'current'));
    await writeFile(join(served.directory, MODEL, 'current'), '');
    await pause(50);
    expect((await predict(value.url)).versions).toEqual([1]);
  });

  test('remembers only the last versions that ended', async () => {
    const { value } = await served.start();
    for (let version = 1; version <= 13; version++) {
      await served.publish();
      await until(
        () => value.statuses()[0]?.version === `${version}` && value.statuses()[0]?.state === 'AVAILABLE',
      );
    }
    expect(value.statuses()).toHaveLength(11);
  });
});

describe('overload and stopping', () => {
  test('more requests than it holds get 503', async () => {
    await served.publish();
    const { value } = await served.start({ maxInFlight: 2 });
    const letGo = holdRequests(served.behaviour);
    const statuses: number[] = [];
    const asked = Array.from({ length: 5 }, async () => statuses.push((await predict(value.url)).status));
    await until(() => statuses.length === 3 && served.behaviour.held === 2);
    expect(statuses).toEqual([503, 503, 503]);
    letGo();
    await Promise.all(asked);
    expect(statuses).toEqual([503, 503, 503, 200, 200]);
    expect((await predict(value.url)).status).toBe(200);
  });

  test('stop answers what is in flight, cuts idle connections, and is idempotent', async () => {
    await served.publish();
    const server = await served.start();
    const letGo = holdRequests(served.behaviour);
    const idle = connect(server.value.port, '127.0.0.1');
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    idle.resume();
    const slow = predict(server.value.url);
    await until(() => served.behaviour.held === 1);
    const startMs = performance.now();
    const stopping = Promise.all([server.stop(), server.stop()]);
    expect(served.disposed).toEqual([]);
    letGo();
    await stopping;
    expect(performance.now() - startMs).toBeLessThan(4_000);
    expect((await slow).status).toBe(200);
    await idleClosed;
    expect(served.disposed).toEqual([1]);
    await expect(predict(server.value.url)).rejects.toThrow('fetch failed');
  });

  test('a port that is taken is an error, and nothing is left running', async () => {
    await served.publish();
    const { value } = await served.start();
    await expect(served.start({ port: value.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(served.disposed).toEqual([1]);
  });
});

describe('the same input has the same scores whatever the batch', () => {
  test('a model whose kernels depend on the batch is asked row by row', async () => {
    await served.publish();
    served.behaviour.batchNoise = 0.25;
    const { value } = await served.start();
    expect((await predict(value.url, 1)).versions).toEqual([1.25]);
    expect((await predict(value.url, 4)).versions).toEqual([1.25, 1.25, 1.25, 1.25]);
  });
});
