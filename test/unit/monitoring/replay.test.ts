import fc from 'fast-check';
import { canonicalJson } from '../../../src/domain/hashing.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import { createRng } from '../../../src/domain/rng.ts';
import type { Baseline } from '../../../src/monitoring/baseline.ts';
import { foldEntry } from '../../../src/monitoring/fold-entry.ts';
import type { ControlEntry, NumberedEntry, ObservationEntry } from '../../../src/monitoring/fold-log.ts';
import { createJudge, type Judge } from '../../../src/monitoring/judge.ts';
import { initialState, type JudgeState } from '../../../src/monitoring/judge-state.ts';
import {
  baselineOf,
  brokenLosses,
  canaries,
  missing,
  observation,
  quietLosses,
  settings,
  START_MS,
  STEP_MS,
} from './entries.ts';

/**
 * Dropping the monitors' state and rebuilding it from the fold log gives the same verdict, byte for byte: on random
 * histories of a model, with a kill after every append.
 */

/** What a caller does, one command after another; observations come in slots. */
type Command =
  | { readonly kind: 'fold'; readonly observations: readonly ObservationEntry[] }
  | { readonly kind: 'control'; readonly entry: ControlEntry };

/** One chapter of a history, before it has offsets and times. */
type Chapter =
  | {
      readonly kind: 'traffic';
      readonly losses: 'quiet' | 'broken' | 'missing';
      readonly events: number;
      readonly slot: number;
      readonly pauseMs: number;
      /** Every n-th event is one of the chapter before, again; 0: none. */
      readonly repeatEvery: number;
      /** Version that the outcomes say they are of. */
      readonly probed: string | undefined;
    }
  | { readonly kind: 'explorer'; readonly events: number; readonly loss: number }
  | { readonly kind: 'version'; readonly version: string }
  | { readonly kind: 'baseline'; readonly version: string }
  | { readonly kind: 'canaries'; readonly worse: number; readonly better: number }
  | { readonly kind: 'acknowledge' };

const anyVersion = fc.constantFrom('1', '2', '3');
const chapter: fc.Arbitrary<Chapter> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('traffic' as const),
      losses: fc.constantFrom('quiet', 'broken', 'missing'),
      events: fc.integer({ min: 1, max: 60 }),
      slot: fc.integer({ min: 5, max: 40 }),
      pauseMs: fc.constantFrom(0, 1, 86_400_000, -3_600_000),
      repeatEvery: fc.constantFrom(0, 0, 3),
      probed: fc.constantFrom(undefined, undefined, '1', '2'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('explorer' as const),
      events: fc.integer({ min: 1, max: 40 }),
      loss: fc.constantFrom(0, 0.6, 0.9),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('version' as const), version: anyVersion }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('baseline' as const), version: anyVersion }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('canaries' as const),
      worse: fc.integer({ min: 0, max: 40 }),
      better: fc.integer({ min: 0, max: 10 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const) }) },
);

/** A gated model under quiet traffic, and then anything. */
const history = fc
  .array(chapter, { minLength: 3, maxLength: 9 })
  .map((chapters): Chapter[] => [
    { kind: 'version', version: '1' },
    { kind: 'baseline', version: '1' },
    ...chapters,
  ]);

const baselines = new Map<string, Baseline>();

/** Other versions have other baselines; a hundred inputs are enough to judge by. */
function baselineOfVersion(name: string): Baseline {
  const known = baselines.get(name) ?? baselineOf(name, quietLosses(100, `baseline-${name}`));
  baselines.set(name, known);
  return known;
}

/** Gives chapters their offsets and times. */
function commandsOf(chapters: readonly Chapter[]): Command[] {
  let offset = 0;
  let timeMs = START_MS;
  return chapters.flatMap((each, number): Command[] => {
    switch (each.kind) {
      case 'traffic': {
        timeMs += each.pauseMs;
        const observations = trafficOf(each, { offset, timeMs, number });
        offset += each.events;
        timeMs += each.events * STEP_MS;
        return slotsOf(observations, each.slot);
      }
      case 'explorer':
        return [{ kind: 'fold', observations: exploredOf(each, { timeMs, number }) }];
      case 'version':
        return [{ kind: 'control', entry: { kind: 'version', atMs: timeMs, version: each.version } }];
      case 'baseline':
        return [
          {
            kind: 'control',
            entry: { kind: 'baseline', atMs: timeMs, baselines: [baselineOfVersion(each.version)] },
          },
        ];
      case 'canaries': {
        const { worse, better } = each;
        return [
          { kind: 'control', entry: canaries({ atMs: timeMs, round: number, changed: true, worse, better }) },
        ];
      }
      case 'acknowledge':
        return [
          {
            kind: 'control',
            entry: { kind: 'acknowledge', atMs: timeMs, actor: 'ann', reason: `chapter ${number}` },
          },
        ];
      default:
        return each satisfies never;
    }
  });
}

interface Place {
  readonly offset: number;
  readonly timeMs: number;
  readonly number: number;
}

function trafficOf(
  { losses, events, repeatEvery, probed }: Extract<Chapter, { kind: 'traffic' }>,
  { offset, timeMs, number }: Place,
): ObservationEntry[] {
  const drawn = losses === 'broken' ? brokenLosses(events, `${number}`) : quietLosses(events, `${number}`);
  return drawn.map((loss, i) => {
    const at = offset + i;
    const event = losses === 'missing' ? missing(at) : observation(at, loss);
    const isRepeat = repeatEvery > 0 && i % repeatEvery === repeatEvery - 1;
    const eventId = isRepeat ? `event-${Math.max(0, offset - 1 - i)}` : event.eventId;
    return {
      ...event,
      eventId,
      eventTimeMs: timeMs + i * STEP_MS,
      ...(probed !== undefined && { version: probed }),
    };
  });
}

function exploredOf(
  { events, loss }: Extract<Chapter, { kind: 'explorer' }>,
  { timeMs, number }: Omit<Place, 'offset'>,
): ObservationEntry[] {
  return Array.from({ length: events }, (_, i) => ({
    ...observation(i, loss, { lane: 'explorer', eventId: `explored-${number}-${i}`, sentinelLoss: 0.05 }),
    eventTimeMs: timeMs,
    recipes: [{ recipe: 'odd@00000001', recipeId: 'odd', lossLower: loss, lossUpper: loss, binary: 1 }],
  }));
}

function slotsOf(observations: readonly ObservationEntry[], slot: number): Command[] {
  return Array.from({ length: Math.ceil(observations.length / slot) }, (_, i) => ({
    kind: 'fold',
    observations: observations.slice(i * slot, (i + 1) * slot),
  }));
}

type Append = readonly string[];

/** A judge on what was appended so far. Alerts fail now and then, always the same ones. */
function judgeOn(appends: Append[]): Judge {
  const entries = (): NumberedEntry[] =>
    appends.flatMap((lines) => lines.map((line) => JSON.parse(line) as NumberedEntry));
  return createJudge(settings(), {
    model: 'digits',
    foldLog: {
      readFrom: (seq) => Promise.resolve(entries().slice(seq - 1, seq + 40)),
      append: (numbered) => {
        appends.push(numbered.map((entry) => JSON.stringify(entry)));
        return Promise.resolve();
      },
    },
    experiment: {
      run: ({ id }) =>
        createRng('experiment', id).uniform() < 0.2
          ? Promise.reject(new Error('the served model did not answer'))
          : Promise.resolve({ canaries: { compared: 200, changed: id < '8' } }),
    },
    alerts: { deliver: () => Promise.resolve() },
    clock: { nowMs: () => START_MS },
    logger: silentLogger,
  });
}

const obey = (judge: Judge, command: Command): Promise<void> =>
  command.kind === 'fold' ? judge.fold(command.observations) : judge.control(command.entry);

interface Life {
  readonly appends: Append[];
  /** How many appends there were when each command began. */
  readonly beganAt: readonly number[];
  readonly judge: Judge;
}

async function live(commands: readonly Command[]): Promise<Life> {
  const appends: Append[] = [];
  const judge = judgeOn(appends);
  await judge.start();
  const beganAt: number[] = [];
  for (const command of commands) {
    beganAt.push(appends.length);
    await obey(judge, command);
  }
  return { appends, beganAt, judge };
}

/** Starts on the first `kept` appends, and does what the log does not say was done; traffic is handed in from the start. */
async function liveAgain(commands: readonly Command[], { appends, beganAt }: Life, kept: number) {
  const log = appends.slice(0, kept);
  const judge = judgeOn(log);
  await judge.start();
  const isDone = (i: number): boolean => beganAt[i]! < kept && appends[beganAt[i]!] !== undefined;
  for (const [i, command] of commands.entries())
    if (command.kind === 'fold' || !isDone(i)) await obey(judge, command);
  return { log, judge };
}

const tellEverything = (judge: Judge): string => JSON.stringify(judge.status());

describe('a judge that is killed after any append', () => {
  const seen = { alarms: 0, kinds: new Set<string>(), resolved: 0, duplicates: 0, stale: 0, kills: 0 };

  it('goes on to the same log, state and verdict, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (chapters) => {
        const commands = commandsOf(chapters);
        const whole = await live(commands);
        const { alarms, duplicates, stale } = whole.judge.status();
        seen.alarms += alarms.length;
        alarms.forEach(({ monitor }) => seen.kinds.add(monitor));
        seen.resolved += alarms.filter(({ status }) => status === 'resolved').length;
        seen.duplicates += duplicates;
        seen.stale += stale;
        for (let kept = 0; kept <= whole.appends.length; kept++) {
          const { log, judge } = await liveAgain(commands, whole, kept);
          expect(log).toEqual(whole.appends);
          expect(judge.snapshot()).toBe(whole.judge.snapshot());
          expect(tellEverything(judge)).toBe(tellEverything(whole.judge));
          seen.kills++;
        }
      }),
      { numRuns: 24, seed: 20240601 },
    );
  }, 120_000);

  it('on histories that have something of everything', () => {
    expect(seen.kinds).toEqual(new Set(['risen', 'breached', 'canaries', 'missing_outcomes', 'explorer']));
    expect(seen.resolved).toBeGreaterThan(2);
    expect(seen.alarms - seen.resolved).toBeGreaterThan(5);
    expect(seen.duplicates).toBeGreaterThan(20);
    expect(seen.stale).toBeGreaterThan(20);
    expect(seen.kills).toBeGreaterThan(200);
  });
});

describe('the state after any entry', () => {
  it('is its own canonical JSON: revived from text it folds the next entry to the same bytes and events', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (chapters) => {
        const { appends, judge } = await live(commandsOf(chapters));
        const entries = appends.flat().map((line) => JSON.parse(line) as NumberedEntry);
        let state = initialState('digits', settings());
        for (const entry of entries) {
          const revived = JSON.parse(canonicalJson(state)) as JudgeState;
          const next = foldEntry(state, entry);
          const again = foldEntry(revived, entry);
          expect(canonicalJson(again.state)).toBe(canonicalJson(next.state));
          expect(canonicalJson(again.events)).toBe(canonicalJson(next.events));
          state = next.state;
        }
        expect(canonicalJson(state)).toBe(judge.snapshot());
      }),
      { numRuns: 10 },
    );
  }, 120_000);
});
