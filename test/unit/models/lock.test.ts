import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/domain/clock.ts';
import { ownProcess, processIsGone } from '../../../src/models/lock-process.ts';
import { acquireLock, lastHolder, withLock, type Lock, type LockOptions } from '../../../src/models/lock.ts';

jest.setTimeout(30_000);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-lock-'));
});

afterEach(() => rm(directory, { recursive: true }));

const acquire = (options: Partial<LockOptions> = {}): Promise<Lock> =>
  acquireLock({ directory, name: 'digits', owner: 'test', clock: systemClock, ...options });

const LOCKED = { code: 'TEMPER_REGISTRY_LOCKED', retryable: true };

async function holderProcess(): Promise<ChildProcess> {
  const argument = JSON.stringify({ directory, operation: 'hold', request: { name: 'digits' } });
  const child = spawn(process.execPath, [join(__dirname, 'registry-child.cjs'), argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('lock', () => {
  test('one holder at a time, fences grow, release is idempotent', async () => {
    const first = await acquire();
    await expect(acquire()).rejects.toMatchObject(LOCKED);
    await first.release();
    await first.release();
    const second = await acquire();
    expect([first.fence, second.fence]).toEqual([1, 2]);
    await second.release();
    expect(await readdir(join(directory, 'digits'))).toEqual(['000000000002']);
  });

  test('the refusal names the holder', async () => {
    const held = await acquire({ owner: 'harden worker' });
    await expect(acquire()).rejects.toThrow(
      new RegExp(`harden worker \\(process ${process.pid} on ${hostname()}`),
    );
    await held.release();
  });

  test('a lock that was released does not pass as held', async () => {
    const held = await acquire();
    await held.assertHeld();
    await held.release();
    await expect(held.assertHeld()).rejects.toMatchObject({ code: 'TEMPER_REGISTRY_FENCED' });
  });

  test('waiting gets it when it is free', async () => {
    const held = await acquire();
    const waiting = acquire({ waitMs: 5_000 });
    await held.release();
    expect((await waiting).fence).toBe(2);
  });

  test('withLock releases after a failure', async () => {
    const options = { directory, name: 'digits', owner: 'test', clock: systemClock };
    await expect(withLock(options, () => Promise.reject(new Error('work failed')))).rejects.toThrow(
      'work failed',
    );
    expect(await lastHolder(directory, 'digits')).toMatchObject({ fence: 1, released: true, owner: 'test' });
  });

  test('many contenders: never two at once, every fence once', async () => {
    let inside = 0;
    const fences: number[] = [];
    const options = { directory, name: 'digits', owner: 'test', clock: systemClock, waitMs: 20_000 };
    const contend = (): Promise<void> =>
      withLock(options, async ({ fence, assertHeld }) => {
        inside += 1;
        expect(inside).toBe(1);
        fences.push(fence);
        await new Promise((resolve) => setTimeout(resolve, 2));
        await assertHeld();
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 12 }, contend));
    expect(fences.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });

  test('the fence stays above what the ledger remembers, even if the folder was lost', async () => {
    const held = await acquire({ aboveFence: 41 });
    expect(held.fence).toBe(42);
    await held.release();
  });

  test('a live process keeps its lock; a killed one is overtaken at once', async () => {
    const child = await holderProcess();
    await expect(acquire()).rejects.toThrow(new RegExp(`process ${child.pid!}`));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await acquire();
    expect(lock.fence).toBe(2);
    await lock.release();
  });

  test('a holder on another host is overtaken only when it went silent, and is then fenced', async () => {
    const held = await acquire({ expiryMs: 60_000 });
    const path = join(directory, 'digits', '000000000001');
    const elsewhere = {
      fence: 1,
      owner: 'far',
      acquiredAt: '',
      released: false,
      ...ownProcess(),
      host: 'far',
    };
    await writeFile(path, JSON.stringify(elsewhere));
    await expect(acquire({ expiryMs: 60_000 })).rejects.toMatchObject(LOCKED);
    const longAgo = new Date(Date.now() - 61_000);
    await utimes(path, longAgo, longAgo);
    const second = await acquire({ expiryMs: 60_000 });
    expect(second.fence).toBe(2);
    await expect(held.assertHeld()).rejects.toMatchObject({ code: 'TEMPER_REGISTRY_FENCED' });
    await held.release();
    await second.assertHeld();
    await second.release();
  });

  test('the heartbeat keeps a lock fresh', async () => {
    const held = await acquire({ expiryMs: 1_500 });
    const path = join(directory, 'digits', '000000000001');
    await writeFile(path, JSON.stringify({ fence: 1, released: false, pid: 1, host: 'far', startedAt: '' }));
    const until = Date.now() + 2_500;
    while (Date.now() < until) {
      await expect(acquire({ expiryMs: 1_500 })).rejects.toMatchObject(LOCKED);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await held.release();
  });

  test('a holder file that a power cut emptied expires like a silent holder', async () => {
    const held = await acquire();
    const path = join(directory, 'digits', '000000000001');
    await writeFile(path, '');
    await expect(acquire()).rejects.toMatchObject(LOCKED);
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(path, longAgo, longAgo);
    const second = await acquire();
    await second.release();
    await held.release();
  });

  test('a process id that was given to another process is not the holder', async () => {
    expect(await processIsGone(ownProcess())).toBe('no');
    expect(await processIsGone({ ...ownProcess(), host: 'far' })).toBe('unknown');
    if (ownProcess().startedAt !== '')
      expect(await processIsGone({ ...ownProcess(), startedAt: '1' })).toBe('yes');
  });
});
