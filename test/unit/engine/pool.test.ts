import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/domain/logger.ts';
import { createPool, defineTask, type ComputePool } from '../../../src/engine/pool.ts';
import type { Running } from '../../../src/domain/lifecycle.ts';

const task = <I, O>(name: string) => defineTask<I, O>(join(__dirname, '../../fixtures/pool-task.cjs'), name);
const poolOf = (workers: number, memoryLimitBytes?: number) =>
  createPool({
    engine: 'wasm',
    workers,
    logger: silentLogger,
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  });

describe('createPool', () => {
  let running: Running<ComputePool>;
  let scratch: string;
  beforeAll(() => {
    running = poolOf(2);
    scratch = mkdtempSync(join(tmpdir(), 'temper-pool-'));
  });
  afterAll(async () => {
    await running.stop();
    rmSync(scratch, { recursive: true });
  });

  it('hands typed arrays over and back, many at once, each to its own caller', async () => {
    const inputs = [1, 2, 3, 4, 5].map((value) => Float32Array.of(value, 0.5));
    const outputs = await Promise.all(
      inputs.map((input) => running.value.run(task<Float32Array, Float32Array>('double'), input)),
    );
    expect(outputs.map((output) => Array.from(output))).toEqual(
      [1, 2, 3, 4, 5].map((value) => [2 * value, 1]),
    );
    expect(outputs[0]).toBeInstanceOf(Float32Array);
  });

  it('reports progress, and the engine to the task', async () => {
    const seen: unknown[] = [];
    const engine = await running.value.run(task<number, string>('count'), 3, {
      onProgress: (value) => seen.push(value),
    });
    expect(seen).toEqual([1, 2, 3]);
    expect(engine).toBe('wasm');
  });

  it('rejects with what the task threw', async () => {
    await expect(running.value.run(task('fail'), null)).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_TASK_FAILED',
      message: 'task fail failed in a compute worker: bad weights',
    });
  });

  it('runs a task again when its process dies, and gives up when it dies every time', async () => {
    expect(await running.value.run(task<string, string>('dieOnce'), join(scratch, 'marker'))).toBe(
      'recovered',
    );
    await expect(running.value.run(task('die'), null)).rejects.toMatchObject({
      code: 'TEMPER_ENGINE_WORKER_LOST',
      retryable: true,
    });
    expect(
      Array.from(await running.value.run(task<Float32Array, Float32Array>('double'), Float32Array.of(1))),
    ).toEqual([2]);
  });

  it('replaces a worker that outgrew its memory', async () => {
    const small = poolOf(1, 1);
    const first = await small.value.run(task<null, number>('pid'), null);
    const second = await small.value.run(task<null, number>('pid'), null);
    await small.stop();
    expect(second).not.toBe(first);
  });

  it('stops twice, leaves no process, and refuses work afterwards', async () => {
    const pool = poolOf(1);
    const pid = await pool.value.run(task<null, number>('pid'), null);
    await pool.stop();
    await pool.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect(pool.value.run(task('pid'), null)).rejects.toMatchObject({ code: 'TEMPER_INTERRUPTED' });
  });
});
