import fc from 'fast-check';
import { admit } from '../../../src/probing/admit.ts';
import { createPace } from '../../../src/probing/pace.ts';
import type { PendingSample } from '../../../src/probing/slot.ts';

const MINUTE_MS = 60_000;

/** A clock that is moved by hand; it can be set back, while real time only passes. */
function handClock(startMs = Date.UTC(2024, 5, 1)) {
  let shownMs = startMs;
  return {
    nowMs: () => shownMs,
    pass: (ms: number) => (shownMs += ms),
    set: (ms: number) => (shownMs = ms),
  };
}

describe('createPace', () => {
  it('grants the budget at once, then nothing until the minute of each grant is over', () => {
    const clock = handClock();
    const pace = createPace(60, clock);
    expect(pace.take(40)).toBe(40);
    clock.pass(20_000);
    expect(pace.take(40)).toBe(20);
    expect(pace.take(1)).toBe(0);
    clock.pass(MINUTE_MS - 20_001);
    expect(pace.take(1)).toBe(0);
    clock.pass(1);
    expect(pace.take(100)).toBe(40);
    clock.pass(20_000);
    expect(pace.take(100)).toBe(20);
  });

  it('saves nothing up: after a day of silence a minute gets no more than any other', () => {
    const clock = handClock();
    const pace = createPace(60, clock);
    clock.pass(24 * 60 * MINUTE_MS);
    expect(pace.take(1000)).toBe(60);
    clock.pass(MINUTE_MS - 1);
    expect(pace.take(1000)).toBe(0);
  });

  it('tells the share that is left without taking anything', () => {
    const clock = handClock();
    const pace = createPace(10, clock);
    expect(pace.remaining()).toBe(1);
    pace.take(4);
    expect(pace.remaining()).toBeCloseTo(0.6, 12);
    expect(pace.remaining()).toBeCloseTo(0.6, 12);
    clock.pass(MINUTE_MS);
    expect(pace.remaining()).toBe(1);
  });

  it('grants nothing, ever, on a budget of 0', () => {
    const clock = handClock();
    const pace = createPace(0, clock);
    for (let minute = 0; minute < 5; minute++, clock.pass(10 * MINUTE_MS)) {
      expect(pace.take(1000)).toBe(0);
      expect(pace.remaining()).toBe(0);
    }
  });

  it('does not starve on a budget below one a minute: it waits longer for each', () => {
    const clock = handClock();
    const pace = createPace(0.25, clock);
    const grantedAt: number[] = [];
    for (let minute = 0; minute < 12; minute++, clock.pass(MINUTE_MS))
      if (pace.take(5) > 0) grantedAt.push(minute);
    expect(grantedAt).toEqual([0, 4, 8]);
  });

  it('goes on when the clock is set back by an hour', () => {
    const clock = handClock();
    const pace = createPace(60, clock);
    expect(pace.take(60)).toBe(60);
    clock.pass(-60 * MINUTE_MS);
    expect(pace.take(1)).toBe(0);
    clock.pass(MINUTE_MS);
    expect(pace.take(100)).toBe(60);
  });

  it.each([0, -3])('takes nothing, and gives nothing back, when %d is wanted', (wanted) => {
    const pace = createPace(10, handClock());
    pace.take(10);
    expect(pace.take(wanted)).toBe(0);
    expect(pace.take(1)).toBe(0);
  });

  it('never grants more than the budget in any minute, nor more than is wanted, whatever the clock does', () => {
    const budget = fc.oneof(fc.integer({ min: 1, max: 700 }), fc.double({ min: 0.05, max: 20, noNaN: true }));
    const step = fc.record({
      passMs: fc.oneof(
        fc.constant(0),
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 0, max: 150_000 }),
      ),
      setBackMs: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 7_200_000 })),
      wanted: fc.integer({ min: 0, max: 900 }),
    });
    fc.assert(
      fc.property(budget, fc.array(step, { maxLength: 80 }), (perMinute, steps) => {
        const clock = handClock();
        const pace = createPace(perMinute, clock);
        let realMs = 0;
        const grants = steps.map(({ passMs, setBackMs, wanted }) => {
          realMs += passMs;
          clock.pass(passMs - setBackMs);
          const granted = pace.take(wanted);
          expect(granted).toBeLessThanOrEqual(wanted);
          expect(Number.isInteger(granted) && granted >= 0).toBe(true);
          return { realMs, granted };
        });
        const windowMs = MINUTE_MS / Math.min(1, perMinute);
        for (const { realMs: from } of grants) {
          const within = grants.filter((grant) => grant.realMs >= from && grant.realMs < from + windowMs);
          const sum = within.reduce((total, { granted }) => total + granted, 0);
          expect(sum).toBeLessThanOrEqual(Math.max(1, perMinute));
        }
      }),
    );
  });

  it('wastes nothing: who always wants more gets the whole budget in every minute', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 59 }),
        fc.integer({ min: 1, max: 64 }),
        (perMinute, seconds, slot) => {
          const clock = handClock();
          const pace = createPace(perMinute, clock);
          const slots = Math.ceil(perMinute / slot);
          let granted = 0;
          // Whole minutes in steps of whole seconds, several slots at each, as the sidecar takes its turns.
          for (let ms = 0; ms < 10 * MINUTE_MS; ms += 1000, clock.pass(1000))
            if ((ms / 1000) % seconds === 0 || (ms / 1000) % 60 === 0)
              for (let turn = 0; turn < slots; turn++) granted += pace.take(slot);
          expect(granted).toBe(10 * perMinute);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('admit', () => {
  const pending = (id: number, ingestedAtMs: number): PendingSample => ({
    ingestedAtMs,
    sample: {
      sampleId: `${id}#0`,
      eventId: String(id),
      row: 0,
      model: 'm',
      position: { source: 'file', partition: 0, offset: id },
      eventTimeMs: 0,
      input: Float32Array.of(0),
    },
  });
  const EXPIRE_MS = 10 * MINUTE_MS;

  it('takes what has expired for nothing, and keeps the order', () => {
    const clock = handClock(0);
    const pace = createPace(2, clock);
    clock.pass(EXPIRE_MS + 1);
    const waiting = [pending(0, 0), pending(1, 500), pending(2, 0), pending(3, 900), pending(4, 900)];
    const options = { pace, nowMs: clock.nowMs(), expireAfterMs: EXPIRE_MS };
    expect(admit(waiting, options).map(({ sample }) => sample.position.offset)).toEqual([0, 1, 2, 3]);
    expect(admit(waiting.slice(4), options)).toEqual([]);
    expect(admit(waiting.slice(0, 1), options)).toHaveLength(1);
  });

  it('lets expire what is beyond a budget of 0', () => {
    const clock = handClock(0);
    const options = { pace: createPace(0, clock), expireAfterMs: EXPIRE_MS };
    expect(admit([pending(0, 0)], { ...options, nowMs: EXPIRE_MS })).toEqual([]);
    expect(admit([pending(0, 0)], { ...options, nowMs: EXPIRE_MS + 1 })).toHaveLength(1);
  });

  it('a stream of twice the budget is probed at the full budget for ever, and the rest expires', () => {
    const PER_MINUTE = 60;
    const SLOT = 32;
    const clock = handClock(0);
    const pace = createPace(PER_MINUTE, clock);
    let waiting: PendingSample[] = [];
    const probedPerHour = [0, 0, 0];
    let expired = 0;
    for (let second = 0; second < 3 * 3600; second++, clock.pass(1000)) {
      waiting.push(pending(2 * second, clock.nowMs()), pending(2 * second + 1, clock.nowMs()));
      // A few turns a second, each of which sees no more than a slot.
      for (let turn = 0; turn < 4; turn++) {
        const nowMs = clock.nowMs();
        const open = new Set(admit(waiting.slice(0, SLOT), { pace, nowMs, expireAfterMs: EXPIRE_MS }));
        const tooOld = [...open].filter(({ ingestedAtMs }) => nowMs - ingestedAtMs > EXPIRE_MS).length;
        expired += tooOld;
        probedPerHour[Math.floor(second / 3600)]! += open.size - tooOld;
        waiting = waiting.filter((entry) => !open.has(entry));
      }
    }
    expect(probedPerHour).toEqual([3600, 3600, 3600]);
    expect(waiting.length).toBeLessThanOrEqual(2 * 600 + 2 * PER_MINUTE);
    expect(expired + 3 * 3600 + waiting.length).toBe(2 * 3 * 3600);
  });
});
