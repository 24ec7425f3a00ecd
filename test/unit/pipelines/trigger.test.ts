import { dueAlarm, requestIdOf, type ThresholdState } from '../../../pipelines/harden/threshold-trigger.ts';
import { missedSlot, startSchedule } from '../../../pipelines/harden/trigger.ts';
import { silentLogger } from '../../../src/domain/logger.ts';

const settings = { onVerdict: ['degraded', 'breached'] as const, cooldownSeconds: 60, settleSamples: 10 };
const alarm = {
  alarmId: 'a',
  verdict: 'breached' as const,
  cause: 'unknown',
  raisedAtFold: 40,
  raisedAtMs: 990_000,
};
const state: ThresholdState = { alarms: [alarm], requests: [], folds: 50, nowMs: 1_000_000 };

describe('dueAlarm', () => {
  it('waits until enough samples were folded after the alarm', () => {
    expect(dueAlarm({ ...state, folds: 49 }, settings)).toBeUndefined();
    expect(dueAlarm(state, settings)).toBe(alarm);
  });

  it('makes one request per alarm, ever', () => {
    expect(dueAlarm({ ...state, requests: [{ alarmId: 'a', requestedAtMs: 0 }] }, settings)).toBeUndefined();
  });

  it('keeps the cooldown after any request, in event time', () => {
    const earlier = { alarmId: 'b', requestedAtMs: alarm.raisedAtMs - 1 };
    const at = (nowMs: number) => dueAlarm({ ...state, requests: [earlier], nowMs }, settings);
    expect(at(earlier.requestedAtMs + 59_999)).toBeUndefined();
    expect(at(earlier.requestedAtMs + 60_000)).toBe(alarm);
  });

  it('takes a request as the answer to every alarm raised before it', () => {
    const request = { alarmId: 'b', requestedAtMs: alarm.raisedAtMs };
    expect(dueAlarm({ ...state, requests: [request], nowMs: state.nowMs + 1e9 }, settings)).toBeUndefined();
  });

  it('answers only the verdicts it was told to', () => {
    expect(dueAlarm(state, { ...settings, onVerdict: ['degraded'] })).toBeUndefined();
  });

  it('names a request by what it answers', () => {
    expect(requestIdOf('m', 'threshold', 'a')).toBe(requestIdOf('m', 'threshold', 'a'));
    expect(requestIdOf('m', 'threshold', 'a')).not.toBe(requestIdOf('m', 'threshold', 'b'));
  });
});

describe('startSchedule', () => {
  const sunday3am = Date.UTC(2026, 10, 22, 3, 0);
  const start = async (lastSuccessMs: number | undefined, nowMs: number) => {
    const due: number[] = [];
    const running = await startSchedule({
      expression: '0 3 * * 0',
      clock: { nowMs: () => nowMs },
      logger: silentLogger,
      lastSuccessMs: () => Promise.resolve(lastSuccessMs),
      onDue: (slot) => {
        due.push(slot);
        return Promise.resolve();
      },
    });
    await running.stop();
    return due;
  };

  it('catches up the latest slot since the last success, once', async () => {
    expect(await start(sunday3am - 15 * 86_400_000, sunday3am + 3_600_000)).toEqual([sunday3am]);
  });

  it.each([
    ['the slot was served', sunday3am, sunday3am + 3_600_000],
    ['the slot is still to come', sunday3am - 6 * 86_400_000, sunday3am - 1],
    ['nothing ever ran', undefined, sunday3am + 1],
  ])('catches up nothing when %s', async (_, last, now) => {
    expect(await start(last, now)).toEqual([]);
  });

  it.each(['0 3 * *', '61 3 * * *', '*/5 * * * * *', 'daily'])(
    'refuses %p with the reason',
    async (expression) => {
      await expect(
        startSchedule({
          expression,
          clock: { nowMs: () => 0 },
          logger: silentLogger,
          lastSuccessMs: () => Promise.resolve(undefined),
          onDue: () => Promise.resolve(),
        }),
      ).rejects.toMatchObject({ code: 'TEMPER_CONFIG_INVALID' });
    },
  );

  it('looks back a month at most', () => {
    const asked: number[] = [];
    const never = { match: (date: Date) => (asked.push(date.getTime()), false) };
    const now = Date.UTC(2026, 5, 1);
    expect(missedSlot(never, 0, now)).toBeUndefined();
    expect(Math.min(...asked)).toBe(now - 32 * 86_400_000);
  });
});
