import { createRng } from '../../src/domain/rng.ts';
import { computeBaseline, type Baseline } from '../../src/monitoring/baseline.ts';
import { foldEntry } from '../../src/monitoring/fold-entry.ts';
import type { FoldEntry, ObservationEntry } from '../../src/monitoring/fold-log.ts';
import { judgeSettingsOf, type JudgeSettings } from '../../src/monitoring/judge-settings.ts';
import { initialState } from '../../src/monitoring/judge-state.ts';
import { monitoringConfigSchema } from '../../src/monitoring/config.ts';
import {
  logThreshold,
  monitorLog,
  startMonitors,
  stepMonitor,
  type MonitorState,
} from '../../src/monitoring/monitors.ts';
import {
  correlatedLosses,
  DEGRADED_POOL,
  createTable,
  drawLoss,
  lagCorrelation,
  largestCompatible,
  meanOf,
  OUTCOMES,
  percent,
  POOL,
  RETRAINED_POOL,
  smallestCompatible,
  STREAMS,
  stretchedLosses,
} from './streams.ts';

const RECIPE = 'pgd-20@1f3a5c7e';
const MS_PER_DAY = 86_400_000;
const EVENTS_PER_DAY = 80;

const defaults = judgeSettingsOf(monitoringConfigSchema.parse({}));
/** A stream lasts a tenth of the budget, so at most a tenth of them may alarm: P(alarm by T) ≤ T / D. */
const DAYS = defaults.falseAlarmDays / 10;
const CLAIM = DAYS / defaults.falseAlarmDays;
const EVENTS = DAYS * EVENTS_PER_DAY;

const names = {
  model: 'digits',
  version: '2',
  recipe: RECIPE,
  recipeId: '1f3a5c7e00000000',
  threatModelId: 'threat',
};

/** What a gate would measure on a thousand untouched inputs of the same distribution. */
function estimateBaseline(stream: number): Baseline {
  const rng = createRng('calibration-baseline', stream);
  const outcomes = Array.from({ length: 1000 }, () => {
    const loss = drawLoss(rng);
    return { loss, success: loss > 0 };
  });
  return computeBaseline(outcomes, { ...names, createdAtMs: 0, confidence: 0.99 });
}

const estimated = new Map<number, Baseline>();

function estimatedBaseline(stream: number): Baseline {
  const known = estimated.get(stream) ?? estimateBaseline(stream);
  estimated.set(stream, known);
  return known;
}

/** The hardest case: the bounds are the true risk itself, and nothing is tolerated. */
function hardestFor(pool: readonly number[]): { baseline: Baseline; settings: JudgeSettings } {
  const measured = computeBaseline(
    pool.map((loss) => ({ loss, success: loss > 0 })),
    { ...names, createdAtMs: 0, confidence: 0.99 },
  );
  const baseline = { ...measured, upper: meanOf(pool), lower: meanOf(pool) };
  return { baseline, settings: { ...defaults, tolerance: 0 } };
}

const hardest = hardestFor(POOL);
const retrained = hardestFor(RETRAINED_POOL);

function observation(offset: number, loss: number, eventTimeMs: number): ObservationEntry {
  return {
    kind: 'observation',
    lane: 'sentinel',
    eventId: `event-${offset}`,
    position: { source: 'file:a', partition: 0, offset },
    eventTimeMs,
    rows: 1,
    recipes: [
      {
        recipe: RECIPE,
        recipeId: names.recipeId,
        lossLower: loss,
        lossUpper: loss,
        binary: loss > 0 ? 1 : 0,
      },
    ],
  };
}

/** Poisson arrivals at the daily rate. */
function eventTimes(n: number, stream: number): number[] {
  const rng = createRng('calibration-times', stream);
  let timeMs = 0;
  return Array.from(
    { length: n },
    () => (timeMs += (-Math.log1p(-rng.uniform()) * MS_PER_DAY) / EVENTS_PER_DAY),
  );
}

/** Whether the judge, with everything it does, raises any alarm on a stream. */
function judgeAlarms(
  losses: readonly number[],
  stream: number,
  baseline: Baseline,
  settings: JudgeSettings,
): boolean {
  const times = eventTimes(losses.length, stream);
  const entries: FoldEntry[] = [
    { kind: 'baseline', atMs: 0, baselines: [baseline] },
    ...losses.map((loss, offset) => observation(offset, loss, times[offset]!)),
  ];
  let state = initialState('digits', settings);
  for (const entry of entries) {
    state = foldEntry(state, { seq: state.seq + 1, entry }).state;
    if (state.alarms.length > 0) return true;
  }
  return false;
}

/** The same by the detectors alone, which is what decides and much faster. */
function detectorsAlarm(
  losses: readonly number[],
  stream: number,
  { baseline, settings }: { baseline: Baseline; settings: JudgeSettings } = hardest,
): boolean {
  const times = eventTimes(EVENTS, stream);
  const rows = losses.length / EVENTS;
  let monitors: MonitorState[] = startMonitors([baseline], settings);
  const threshold = logThreshold(monitors, settings);
  return losses.some((loss, offset) => {
    const entry = observation(offset, loss, times[Math.floor(offset / rows)]!);
    monitors = monitors.map((monitor) =>
      stepMonitor(monitor, entry, { index: offset, confidence: settings.confidence }),
    );
    return monitors.some((monitor) => monitorLog(monitor) >= threshold);
  });
}

const drawnFrom =
  (pool: readonly number[]) =>
  (stream: number): number[] => {
    const rng = createRng('calibration-stream', stream);
    return Array.from({ length: EVENTS }, () => drawLoss(rng, pool));
  };
const independent = drawnFrom(POOL);

/** Twenty after one another as the demo's sidecar folded them. */
const stretched = (stream: number): number[] =>
  stretchedLosses(EVENTS, 20, createRng('calibration-stretches', stream));

/** Events of five rows that share half their fate, folded as one: their mean. */
const clustered = (stream: number): number[] => {
  const rng = createRng('calibration-clusters', stream);
  return Array.from({ length: EVENTS }, () => {
    const shared = drawLoss(rng);
    const rows = Array.from({ length: 5 }, () => (rng.uniform() < 0.5 ? shared : drawLoss(rng)));
    return rows.reduce((sum, loss) => sum + loss, 0) / rows.length;
  });
};

const count = (alarms: (stream: number) => boolean): number =>
  Array.from({ length: STREAMS }, (_, stream) => stream).filter(alarms).length;

const table = createTable(
  `Judge on ${STREAMS} streams of ${DAYS} days (D = ${defaults.falseAlarmDays}), claim: at most ${100 * CLAIM} % alarm`,
);

it.each(['2', '3', '4'] as const)(
  'stored outcomes of version %s: each event once, in order of time',
  (version) => {
    const ids = OUTCOMES[version].map(([id]) => id);
    const times = OUTCOMES[version].map(([, seconds]) => seconds);
    const losses = OUTCOMES[version].map(([, , loss]) => loss);
    expect(ids.length).toBeGreaterThan(150);
    expect(new Set(ids).size).toBe(ids.length);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(losses.every((loss) => loss >= 0 && loss <= 1)).toBe(true);
    table.row(`version ${version}: events, mean loss`, `${ids.length}, ${meanOf(losses).toFixed(3)}`);
    table.row(`version ${version}: correlation of neighbours`, lagCorrelation(losses).toFixed(2));
  },
);

describe('streams without a fault', () => {
  it.each([
    ['independent', independent],
    ['clusters folded as one', clustered],
  ])('hardly ever alarm against an estimated baseline with the default tolerance: %s', (name, losses) => {
    const alarms = count((stream) =>
      judgeAlarms(losses(stream), stream, estimatedBaseline(stream), defaults),
    );
    table.row(`estimated baseline, tolerance 0.05, ${name}`, percent(alarms, STREAMS));
    expect(alarms).toBeLessThanOrEqual(largestCompatible(STREAMS, CLAIM));
  });

  it.each([
    ['independent', independent, hardest],
    ['clusters folded as one', clustered, hardest],
    ['stretches of twenty as they were folded', stretched, hardest],
    ['independent, the retrained version', drawnFrom(RETRAINED_POOL), retrained],
  ])(
    'alarm at most as claimed when the risk is exactly the limit: %s',
    (name, losses, { baseline, settings }) => {
      const alarms = count((stream) => judgeAlarms(losses(stream), stream, baseline, settings));
      table.row(`risk exactly at the limit, ${name}`, percent(alarms, STREAMS));
      expect(alarms).toBeLessThanOrEqual(largestCompatible(STREAMS, CLAIM));
    },
  );

  it('the detectors alone decide as the judge does', () => {
    const few = Array.from({ length: 40 }, (_, stream) => stream);
    const byJudge = few.filter((stream) =>
      judgeAlarms(independent(stream), stream, hardest.baseline, hardest.settings),
    );
    expect(few.filter((stream) => detectorsAlarm(independent(stream), stream))).toEqual(byJudge);
  });
});

const QUIET = 300;
const SOON = 60;

/** Events after the switch to the careless version until a risk monitor alarms; Infinity when none does within `SOON`. */
function delayAfterUpdate(stream: number, settings: JudgeSettings): number {
  const rng = createRng('calibration-update', stream);
  const baseline = estimatedBaseline(stream);
  let monitors = startMonitors([baseline], settings);
  const threshold = logThreshold(monitors, settings);
  for (let offset = 0; offset < QUIET + SOON; offset++) {
    const loss = drawLoss(rng, offset < QUIET ? POOL : DEGRADED_POOL);
    const entry = observation(offset, loss, offset * 30_000);
    monitors = monitors.map((monitor) =>
      stepMonitor(monitor, entry, { index: offset, confidence: settings.confidence }),
    );
    if (monitors.some((monitor) => monitorLog(monitor) >= threshold)) return offset + 1 - QUIET;
  }
  return Infinity;
}

it.each([
  ['the default tolerance', defaults],
  ['the tolerance of the demo, 0.03', { ...defaults, tolerance: 0.03 }],
])(
  `a careless update is noticed by the risk alone, without canaries, within ${SOON} events: %s`,
  (name, settings) => {
    const streams = Math.max(100, Math.round(0.4 * STREAMS));
    const delays = Array.from({ length: streams }, (_, stream) => delayAfterUpdate(stream, settings));
    const noticed = delays.filter((delay) => delay > 0 && delay <= SOON).length;
    const sorted = [...delays].sort((a, b) => a - b);
    const quantile = (share: number): number => sorted[Math.ceil(share * streams) - 1]!;
    table.row(`careless update noticed within ${SOON} events, ${name}`, percent(noticed, streams));
    table.row('median, 90 % and largest number of events', [0.5, 0.9, 1].map(quantile).join(', '));
    expect(noticed).toBeGreaterThanOrEqual(smallestCompatible(streams, 0.95));
  },
);

describe('where the null does not hold', () => {
  it.each([0.1, 0.3, 0.5])('lag correlation %d is measured, not promised', (lag) => {
    const losses = (stream: number) =>
      correlatedLosses(EVENTS, lag, createRng('calibration-lag', lag, stream));
    const atLimit = count((stream) => detectorsAlarm(losses(stream), stream));
    const usual = count((stream) =>
      detectorsAlarm(losses(stream), stream, { baseline: estimatedBaseline(stream), settings: defaults }),
    );
    table.row(`risk exactly at the limit, lag correlation ${lag}`, percent(atLimit, STREAMS));
    table.row(`estimated baseline, tolerance 0.05, lag correlation ${lag}`, percent(usual, STREAMS));
    expect(usual).toBeLessThanOrEqual(atLimit);
  });

  it('clusters that are not folded as one alarm far more often: why they are', () => {
    const rows = (stream: number): number[] =>
      independent(stream).flatMap((loss) => Array<number>(5).fill(loss));
    const unfolded = count((stream) => detectorsAlarm(rows(stream), stream));
    const folded = count((stream) => detectorsAlarm(independent(stream), stream));
    table.row('risk exactly at the limit, five equal rows, each folded', percent(unfolded, STREAMS));
    table.row('risk exactly at the limit, five equal rows, folded as one', percent(folded, STREAMS));
    expect(unfolded).toBeGreaterThan(folded);
  });
});
