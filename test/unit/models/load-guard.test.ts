import { silentLogger } from '../../../src/domain/logger.ts';
import { createRng } from '../../../src/domain/rng.ts';
import type { Ending } from '../../../src/models/circuit-breaker.ts';
import { loadGuardConfigSchema } from '../../../src/models/config.ts';
import { createLoadGuard, type LoadGuard } from '../../../src/models/load-guard.ts';

interface World {
  readonly guard: LoadGuard;
  /** Time since the start, ms. */
  nowMs(): number;
  /** Sends a request that takes so long, as soon as the guard lets it pass. */
  send(latencyMs: number, ending?: Ending, rows?: number): Promise<void>;
  pass(ms: number): void;
}

/** A guard in a world where time passes only by waiting and by requests. */
function world(config: object = {}): World {
  let nowMs = 0;
  const guard = createLoadGuard({
    config: loadGuardConfigSchema.parse(config),
    clock: { nowMs: () => nowMs },
    elapsedMs: () => nowMs,
    logger: silentLogger,
    sleep: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
  });
  return {
    guard,
    nowMs: () => nowMs,
    async send(latencyMs, ending = 'success', rows = 1) {
      const leave = await guard.enter(rows);
      nowMs += latencyMs;
      leave(ending);
    },
    pass: (ms) => (nowMs += ms),
  };
}

async function times(count: number, work: () => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i++) await work();
}

describe('pacing', () => {
  test.each([0.01, 0.02, 0.5, 1])('requests are under way for a share of %d of the time', async (share) => {
    const { send, nowMs } = world({ share });
    const rng = createRng('share');
    let underWayMs = 0;
    await times(200, () => {
      const latencyMs = 5 + 5 * rng.uniform();
      underWayMs += latencyMs;
      return send(latencyMs);
    });
    expect(underWayMs / nowMs()).toBeCloseTo(share, 2);
  });

  test('one request at a time, in the order of asking', async () => {
    const { guard } = world({ share: 1 });
    const order: number[] = [];
    const first = await guard.enter(1);
    const others = [2, 3].map(async (i) => {
      const leave = await guard.enter(1);
      order.push(i);
      leave('success');
    });
    await Promise.resolve();
    expect(order).toEqual([]);
    first('success');
    await Promise.all(others);
    expect(order).toEqual([2, 3]);
  });

  test('who gives up while waiting holds up nobody', async () => {
    const { guard, send } = world();
    const abort = new AbortController();
    abort.abort();
    await expect(guard.enter(1, abort.signal)).rejects.toMatchObject({ code: 'TEMPER_INTERRUPTED' });
    await send(1);
  });
});

describe('rows per request', () => {
  /** @param costMs time of a request by its rows */
  async function settled(costMs: (rows: number) => number, limit = 64): Promise<number[]> {
    const { guard, send } = world({ stretch: 2 });
    const sizes: number[] = [];
    await times(200, () => {
      const rows = guard.rows(limit);
      sizes.push(rows);
      return send(costMs(rows), 'success', rows);
    });
    return sizes.slice(100);
  }

  test('grow to the limit where a batch costs what a row costs', async () => {
    const sizes = await settled((rows) => 5 + 0.05 * rows);
    expect(Math.max(...sizes)).toBe(64);
    expect(sizes.filter((size) => size === 64).length).toBeGreaterThan(80);
  });

  test('stay few where each row costs', async () => {
    const sizes = await settled((rows) => 5 * rows);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3);
  });

  test('settle where a request takes twice as long as one row', async () => {
    // 1 + rows: one row takes 2, so 3 rows take twice that.
    const sizes = (await settled((rows) => 1 + rows)).sort((a, b) => a - b);
    expect(sizes[50]).toBeGreaterThanOrEqual(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });
});

describe('the pause', () => {
  const settings = { share: 1, window: 8, pauseMs: 1_000, maxPauseMs: 3_000, latencyRatio: 3 };
  const paused = { code: 'TEMPER_TARGET_PAUSED', retryable: true };

  test('comes when answers take longer than usual, and ends by itself', async () => {
    const { guard, send, pass } = world(settings);
    await times(40, () => send(10));
    expect(guard.state()).toEqual({ isPaused: false, latencyMs: 10 });
    await times(8, () => send(31));
    expect(guard.state()).toEqual({ isPaused: true, latencyMs: 31 });
    await expect(send(10)).rejects.toMatchObject(paused);
    pass(1_000);
    await times(4, () => send(10));
    expect(guard.state().isPaused).toBe(false);
  });

  test('a single slow answer is nothing', async () => {
    const { guard, send } = world(settings);
    await times(8, () => send(10));
    await send(5_000);
    await times(40, () => send(10));
    expect(guard.state().isPaused).toBe(false);
  });

  test('doubles while it is no better, up to its limit, and is short again after a good while', async () => {
    const { send, pass, nowMs } = world(settings);
    await times(16, () => send(10));
    await times(8, () => send(100));
    for (const pauseMs of [1_000, 2_000, 3_000, 3_000]) {
      pass(pauseMs - 1);
      await expect(send(1)).rejects.toMatchObject({ ...paused, details: { retryAtMs: nowMs() + 1 } });
      pass(1);
      await times(4, () => send(100));
    }
    pass(3_000);
    await times(4, () => send(10));
    await times(8, () => send(100));
    await expect(send(1)).rejects.toMatchObject({ details: { retryAtMs: nowMs() + 1_000 } });
  });

  test('comes by an absolute bound, however usual', async () => {
    const { guard, send } = world({ ...settings, latencyMs: 50 });
    await times(8, () => send(60));
    expect(guard.state().isPaused).toBe(true);
  });

  test('comes when too many fail, before the window is full', async () => {
    const { guard, send } = world(settings);
    await times(4, () => send(10));
    await send(10, 'failure');
    expect(guard.state().isPaused).toBe(true);
  });

  test('bad input of ours says nothing', async () => {
    const { guard, send } = world(settings);
    await times(50, () => send(10, 'neutral'));
    expect(guard.state()).toEqual({ isPaused: false, latencyMs: undefined });
  });

  test('another version may have another usual time', async () => {
    const { guard, send } = world(settings);
    await times(16, () => send(10));
    guard.reset();
    await times(16, () => send(100));
    expect(guard.state()).toEqual({ isPaused: false, latencyMs: 100 });
  });
});

test('switched off, nothing waits and nothing pauses', async () => {
  const { guard, send, nowMs } = world({ enabled: false });
  expect(guard.rows(32)).toBe(32);
  await times(50, () => send(10, 'failure'));
  expect(nowMs()).toBe(500);
});
