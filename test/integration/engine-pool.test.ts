import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Running } from '../../src/domain/lifecycle.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import { createRng } from '../../src/domain/rng.ts';
import { createPool, defineTask, type ComputePool, type PoolOptions } from '../../src/engine/pool.ts';

// Processes start in half a second on a quiet machine, and in many on a busy one.
jest.setTimeout(60_000);

const FIXTURES = join(__dirname, '../fixtures');
const task = <I, O>(name: string) => defineTask<I, O>(join(FIXTURES, 'pool-task.cjs'), name);
const double = task<Float32Array, Float32Array>('double');
const poolOf = (workers: number, options: Partial<PoolOptions> = {}) =>
  createPool({ engine: 'wasm', workers, logger: silentLogger, ...options });

/** Waits until a process is gone, without being its parent. */
async function gone(pid: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 50) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await delay(50);
  }
  return false;
}

describe('a compute pool', () => {
  let running: Running<ComputePool>;
  let pool: ComputePool;
  beforeAll(() => {
    running = poolOf(2);
    pool = running.value;
  });
  afterAll(() => running.stop());

  it('hands typed arrays over and back, many at once, each to its own caller', async () => {
    const inputs = [1, 2, 3, 4, 5].map((value) => Float32Array.of(value, 0.5));
    const outputs = await Promise.all(inputs.map((input) => pool.run(double, input)));
    expect(outputs.map((output) => Array.from(output))).toEqual(
      [1, 2, 3, 4, 5].map((value) => [2 * value, 1]),
    );
    expect(outputs[0]).toBeInstanceOf(Float32Array);
  });

  it('reports progress, and the engine to the task', async () => {
    const seen: unknown[] = [];
    const engine = await pool.run(task<number, string>('count'), 3, {
      onProgress: (value) => seen.push(value),
    });
    expect(seen).toEqual([1, 2, 3]);
    expect(engine).toBe('wasm');
  });

  it('rejects with what the task threw as the cause', async () => {
    await expect(pool.run(task('fail'), null)).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_TASK_FAILED',
      message: 'task fail failed in a compute worker: bad weights',
      cause: {
        message: 'bad weights',
        code: 'E_WEIGHTS',
        stack: expect.stringContaining('pool-task.cjs') as unknown,
      },
    });
  });

  it('keeps the code of an error of ours', async () => {
    await expect(pool.run(task('failAsOurs'), null)).rejects.toMatchObject({
      code: 'TEMPER_TRAINING_DIVERGED',
      message: 'the loss is not finite',
    });
  });

  it.each([
    ['a module that does not exist', defineTask('/nowhere/task.cjs', 'x'), null, /Cannot find module/],
    ['an export that does not exist', task('absent'), null, /to export the function absent/],
    ['an input that is not plain data', double, (() => 0) as unknown as Float32Array, /to be plain data/],
    ['an output that is not plain data', task('answerWithFunction'), null, /could not be cloned/],
  ])('refuses %s', async (_, broken, input, message) => {
    const answer = pool.run(broken as typeof double, input as Float32Array);
    await expect(answer).rejects.toMatchObject({ code: 'TEMPER_ENGINE_TASK_FAILED', message });
    expect(Array.from(await pool.run(double, Float32Array.of(2)))).toEqual([4]);
  });

  it('gives workers nothing of the configuration and no secret', async () => {
    process.env['TEMPER_TEST_SECRET'] = 'hidden';
    const fresh = poolOf(1);
    const environment = await fresh.value.run(task<null, Record<string, string>>('environment'), null);
    await fresh.stop();
    delete process.env['TEMPER_TEST_SECRET'];
    expect(environment).toHaveProperty('PATH');
    expect(Object.keys(environment).filter((name) => /^(TEMPER|NODE|npm)_(?!CHANNEL)/.test(name))).toEqual(
      [],
    );
  });

  it('computes the same bits with one worker and with two, and leaves no tensors behind', async () => {
    const rng = createRng('engine-pool-test');
    const normals = (length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());
    const filter = normals(5 * 5 * 2 * 8);
    const pieces = Array.from({ length: 6 }, () => ({
      inputs: normals(4 * 10 * 10 * 2),
      shape: [4, 10, 10, 2],
      filter,
    }));
    const gradient = task<(typeof pieces)[0], Float32Array[]>('gradient');
    const one = poolOf(1);
    const [ofTwo, ofOne] = await Promise.all(
      [pool, one.value].map((each) => Promise.all(pieces.map((piece) => each.run(gradient, piece)))),
    );
    expect(ofTwo).toEqual(ofOne);
    expect(ofOne!.flat().every((values) => values.some((value) => value !== 0))).toBe(true);
    expect(await one.value.run(task<null, number>('heldTensors'), null)).toBe(0);
    await one.stop();
  });
});

describe('a compute pool whose workers die', () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'temper-pool-'));
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  it('runs the task again, and gives up when it dies every time', async () => {
    const { value: pool, stop } = poolOf(1);
    expect(await pool.run(task<string, string>('dieOnce'), join(scratch, 'marker'))).toBe('recovered');
    await expect(pool.run(task('die'), null)).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_WORKER_LOST',
      retryable: true,
      message: 'a compute worker ended before it answered (SIGKILL; the system may have run out of memory)',
    });
    await expect(pool.run(task('exit'), null)).rejects.toMatchObject({
      message: 'a compute worker ended before it answered (exit code 7)',
    });
    expect(Array.from(await pool.run(double, Float32Array.of(1)))).toEqual([2]);
    await stop();
  });

  it('replaces an idle worker that was killed', async () => {
    const { value: pool, stop } = poolOf(1);
    const pid = await pool.run(task<null, number>('pid'), null);
    process.kill(pid, 'SIGKILL');
    expect(await gone(pid)).toBe(true);
    expect(await pool.run(task<null, number>('pid'), null)).not.toBe(pid);
    await stop();
  });

  it('replaces a worker that outgrew its memory, between two tasks', async () => {
    const { value: pool, stop } = poolOf(1, { memoryLimitBytes: 1 });
    const pids = [
      await pool.run(task<null, number>('pid'), null),
      await pool.run(task<null, number>('pid'), null),
    ];
    expect(pids[1]).not.toBe(pids[0]);
    expect(await gone(pids[0]!)).toBe(true);
    await stop();
  });
});

describe('a compute pool that stops', () => {
  it('stops twice, leaves no process, and refuses work afterwards', async () => {
    const { value: pool, stop } = poolOf(1);
    const pid = await pool.run(task<null, number>('pid'), null);
    await Promise.all([stop(), stop()]);
    await stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect(pool.run(task('pid'), null)).rejects.toMatchObject({ code: 'TEMPER_INTERRUPTED' });
  });

  it.each(['spin', 'wait'])(
    'interrupts a task that would never end (%s) and those behind it',
    async (name) => {
      const { value: pool, stop } = poolOf(1);
      let outcomes: Promise<unknown> = Promise.resolve();
      const pid = await new Promise<unknown>((resolve) => {
        const running = pool.run(task(name), null, { onProgress: resolve });
        outcomes = Promise.allSettled([running, pool.run(task('pid'), null)]);
      });
      await stop();
      expect(() => process.kill(pid as number, 0)).toThrow('ESRCH');
      expect(await outcomes).toMatchObject([
        { reason: { code: 'TEMPER_INTERRUPTED' } },
        { reason: { code: 'TEMPER_INTERRUPTED' } },
      ]);
    },
  );

  it('stops before it ever worked, and while its first worker starts', async () => {
    await poolOf(1).stop();
    const { value: pool, stop } = poolOf(1);
    const first = pool.run(task('pid'), null).catch((error: unknown) => error);
    await stop();
    expect(await first).toMatchObject({ code: 'TEMPER_INTERRUPTED' });
  });

  it('leaves no worker when its process is killed, not even one that computes without a pause', async () => {
    const parent = spawn(process.execPath, [join(FIXTURES, 'pool-parent.cjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pids: number[] = [];
    for await (const line of createInterface({ input: parent.stdout })) {
      pids.push(Number(line));
      if (pids.length === 2) break;
    }
    expect(pids.map((pid) => process.kill(pid, 0))).toEqual([true, true]);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(await Promise.all(pids.map(gone))).toEqual([true, true]);
  });
});
