import { createCircuitBreaker, type Ending } from '../../../src/models/circuit-breaker.ts';
import { breakerConfigSchema } from '../../../src/models/config.ts';
import { createRateLimit } from '../../../src/models/served-rate.ts';

jest.setTimeout(30_000);

/** Time that passes only when told to. */
function manualTime(): { nowMs(): number; pass(ms: number): void } {
  let nowMs = 1_000_000;
  return { nowMs: () => nowMs, pass: (ms) => void (nowMs += ms) };
}

const CONFIG = breakerConfigSchema.parse({ failures: 3, openMs: 1_000, maxOpenMs: 3_000 });

function breakerAndTime() {
  const time = manualTime();
  const breaker = createCircuitBreaker(CONFIG, time);
  const end = (...endings: Ending[]): void => endings.forEach((ending) => breaker.enter()(ending));
  return { time, breaker, end };
}

const OPEN = expect.objectContaining({ code: 'TEMPER_TARGET_CIRCUIT_OPEN', retryable: true }) as Error;

describe('circuit breaker', () => {
  test('opens after failures in a row, not after as many in sum', () => {
    const { breaker, end } = breakerAndTime();
    end('failure', 'failure', 'success', 'failure', 'failure');
    expect(breaker.state()).toBe('closed');
    end('failure');
    expect(breaker.state()).toBe('open');
    expect(() => breaker.enter()).toThrow(OPEN);
  });

  test('an error 500 neither counts nor forgives', () => {
    const { breaker, end } = breakerAndTime();
    end('failure', 'failure', 'neutral', 'neutral');
    expect(breaker.state()).toBe('closed');
    end('failure');
    expect(breaker.state()).toBe('open');
  });

  test('a failed canary counts', () => {
    const { breaker, end } = breakerAndTime();
    end('failure', 'failure');
    breaker.recordFailure();
    expect(breaker.state()).toBe('open');
  });

  test('after the pause one request tries, and success closes', () => {
    const { breaker, end, time } = breakerAndTime();
    end('failure', 'failure', 'failure');
    time.pass(999);
    expect(() => breaker.enter()).toThrow(OPEN);
    time.pass(1);
    expect(breaker.state()).toBe('half_open');
    const settle = breaker.enter();
    expect(() => breaker.enter()).toThrow(OPEN);
    settle('success');
    expect(breaker.state()).toBe('closed');
    end('failure', 'failure');
    expect(breaker.state()).toBe('closed');
  });

  test('a try that says nothing lets the next one try', () => {
    const { breaker, end, time } = breakerAndTime();
    end('failure', 'failure', 'failure');
    time.pass(1_000);
    end('neutral');
    expect(breaker.state()).toBe('half_open');
    end('success');
    expect(breaker.state()).toBe('closed');
  });

  test('every failed try doubles the pause, up to the limit', () => {
    const { breaker, end, time } = breakerAndTime();
    end('failure', 'failure', 'failure');
    for (const pauseMs of [1_000, 2_000, 3_000, 3_000]) {
      time.pass(pauseMs - 1);
      expect(breaker.state()).toBe('open');
      time.pass(1);
      end('failure');
    }
    time.pass(3_000);
    end('success');
    end('failure', 'failure', 'failure');
    time.pass(1_000);
    expect(breaker.state()).toBe('half_open');
  });

  test('answers to what was sent before it opened change nothing', () => {
    const { breaker, end } = breakerAndTime();
    const early = breaker.enter();
    end('failure', 'failure', 'failure');
    early('success');
    expect(breaker.state()).toBe('open');
  });
});

describe('rate limit', () => {
  const limitAndTime = (perMinute: number, burst: number) => {
    const time = manualTime();
    const slept: number[] = [];
    const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
      if (signal?.aborted === true) return Promise.reject(new Error('aborted'));
      slept.push(ms);
      time.pass(ms);
      return Promise.resolve();
    };
    return { time, slept, limit: createRateLimit({ perMinute, burst, clock: time, sleep }) };
  };

  test('a full bucket passes at once, then requests wait for the rate', async () => {
    const { limit, slept } = limitAndTime(60, 3);
    await limit.take(3);
    expect(slept).toEqual([]);
    await limit.take(1);
    await limit.take(2);
    expect(slept).toEqual([1_000, 2_000]);
  });

  test('in the long run the rate holds, also for requests larger than the bucket', async () => {
    const { limit, time } = limitAndTime(600, 10);
    const startMs = time.nowMs();
    for (const count of [25, 5, 100, 1, 1, 60, 8]) await limit.take(count);
    await limit.take(10);
    // 210 tokens, of which 10 were there: 200 at 10 a second.
    expect(time.nowMs() - startMs).toBeGreaterThanOrEqual(20_000);
    expect(time.nowMs() - startMs).toBeLessThan(20_020);
  });

  test('requests are served in the order of asking', async () => {
    const { limit } = limitAndTime(60, 2);
    const order: number[] = [];
    await Promise.all([2, 1, 2, 1].map((count, i) => limit.take(count).then(() => order.push(i))));
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test('who gives up takes nothing and holds up nobody', async () => {
    const time = manualTime();
    const limit = createRateLimit({ perMinute: 60_000, burst: 10, clock: { nowMs: () => Date.now() } });
    await limit.take(2_000);
    const controller = new AbortController();
    const startMs = performance.now();
    const abandoned = limit.take(5_000, controller.signal);
    const next = limit.take(1);
    controller.abort();
    await expect(abandoned).rejects.toMatchObject({ code: 'TEMPER_INTERRUPTED' });
    expect(performance.now() - startMs).toBeLessThan(1_900);
    await next;
    expect(performance.now() - startMs).toBeLessThan(6_900);
    expect(time.nowMs()).toBe(1_000_000);
  });

  test('a clock that is set back does not drain the bucket', async () => {
    const { limit, time, slept } = limitAndTime(60, 2);
    await limit.take(1);
    time.pass(-3_600_000);
    await limit.take(1);
    expect(slept).toEqual([]);
  });
});
