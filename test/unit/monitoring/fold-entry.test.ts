import { canonicalJson } from '../../../src/domain/hashing.ts';
import { foldEntry } from '../../../src/monitoring/fold-entry.ts';
import type { FoldEntry } from '../../../src/monitoring/fold-log.ts';
import { computeStatus } from '../../../src/monitoring/status.ts';
import {
  baselineEntry,
  brokenLosses,
  canaries,
  missing,
  observation,
  quietLosses,
  quietRun,
  raised,
  RECIPE,
  run,
  settings,
  START_MS,
  STEP_MS,
  verdicts,
  versionEntry,
} from './entries.ts';

/** Observations that follow n others. */
const after = (n: number, losses: readonly number[]): FoldEntry[] =>
  losses.map((loss, i) => observation(n + i, loss));

describe('verdicts', () => {
  it('are insufficient_data until thirty events were folded, then ok', () => {
    expect(quietRun(29).state.verdict.kind).toBe('insufficient_data');
    const thirty = quietRun(30);
    expect(verdicts(thirty)).toEqual(['ok']);
    expect(thirty.state.verdict.sinceMs).toBe(START_MS + 29 * STEP_MS);
  });

  it('stay ok over five thousand quiet events', () => {
    const quiet = quietRun(5000);
    expect(raised(quiet)).toEqual([]);
    expect(quiet.state.verdict.kind).toBe('ok');
  });

  it('are breached by an undefended model without any baseline', () => {
    const first = run([versionEntry('1'), ...after(0, brokenLosses(40))]);
    const [alarm] = raised(first);
    expect(alarm).toMatchObject({
      monitor: 'breached',
      severity: 'critical',
      recipe: RECIPE,
      limit: 0.5,
      version: '1',
    });
    expect(alarm!.samplesSinceChange).toBeLessThanOrEqual(30);
    expect(alarm!.baselineId).toBeUndefined();
    expect(first.state.verdict.kind).toBe('breached');
  });

  it('are never breached by a risk below the limit', () => {
    const below = run(
      after(
        0,
        quietLosses(2000).map((loss) => Math.min(1, loss + 0.35)),
      ),
    );
    expect(below.state.verdict.kind).toBe('ok');
  });
});

describe('a planted change', () => {
  const quiet = quietRun(400);

  it.each([
    ['an undefended model', brokenLosses(40)],
    ['a moderate rise to about 0.5', brokenLosses(40).map((loss) => loss - 0.3)],
  ])('is noticed within thirty events: %s', (_, losses) => {
    const changed = run([versionEntry('3', START_MS + 400 * STEP_MS), ...after(400, losses)], quiet.state);
    const [alarm] = raised(changed);
    expect(alarm).toMatchObject({ monitor: 'risen', severity: 'warning', version: '3' });
    expect(alarm!.samplesSinceChange).toBeLessThanOrEqual(30);
    expect(alarm!.sinceMs).toBeGreaterThanOrEqual(START_MS + 395 * STEP_MS);
    expect(alarm!.sinceMs).toBeLessThanOrEqual(START_MS + 403 * STEP_MS);
    expect(alarm!.examples.length).toBeGreaterThan(0);
    expect(alarm!.evidence['logValue']).toBeGreaterThanOrEqual(alarm!.evidence['logThreshold'] as number);
  });

  it('is noticed with a baseline as high as 0.3', () => {
    const losses = quietLosses(2000).map((loss) => Math.min(1, loss + 0.18));
    const changed = run([
      versionEntry('2'),
      baselineEntry('2', losses),
      ...after(0, losses.slice(0, 300)),
      versionEntry('3'),
      ...after(300, brokenLosses(40)),
    ]);
    expect(raised(changed)[0]!.monitor).toBe('risen');
    expect(raised(changed)[0]!.samplesSinceChange).toBeLessThanOrEqual(30);
  });

  it('is noticed when every event carries the same time', () => {
    const still = (losses: readonly number[], from: number) =>
      losses.map((loss, i) => observation(from + i, loss, { eventTimeMs: START_MS }));
    const start = run([versionEntry('2'), baselineEntry('2'), ...still(quietLosses(200), 0)]);
    const changed = run(still(brokenLosses(60), 200), start.state);
    expect(raised(changed).map(({ monitor }) => monitor)).toContain('risen');
  });

  it('without a baseline of its own is judged by the last gated one, also over many versions', () => {
    const changed = run(
      [
        versionEntry('3'),
        ...after(400, quietLosses(50, 'x')),
        versionEntry('4'),
        ...after(450, brokenLosses(40)),
      ],
      quiet.state,
    );
    expect(raised(changed)[0]).toMatchObject({ version: '4', baselineId: quiet.state.baselineId });
  });

  it('that breaches the absolute limit is a breach also after a long quiet time under the same version', () => {
    const changed = run(after(2000, brokenLosses(60)), quietRun(2000).state);
    expect(raised(changed).map(({ monitor }) => monitor)).toEqual(['risen', 'breached']);
    expect(changed.state.verdict.kind).toBe('breached');
    const { monitors } = computeStatus(changed.state);
    const breached = monitors.find(({ kind }) => kind === 'breached')!;
    expect(breached.firing && breached.logValue >= breached.logThreshold).toBe(true);
  });

  it('that stays below the absolute limit is none, however long it lasts', () => {
    const raisedTo = quietLosses(3000, 'below').map((loss) => Math.min(1, loss + 0.35));
    const changed = run(after(400, raisedTo), quiet.state);
    expect(raised(changed).map(({ monitor }) => monitor)).toEqual(['risen']);
  });

  it('downwards is noticed too: risk that falls without a promotion', () => {
    const high = brokenLosses(2000, 'high').map((loss) => loss - 0.4);
    const start = run([versionEntry('2'), baselineEntry('2', high), ...after(0, high.slice(0, 300))]);
    const fallen = run(after(300, quietLosses(400)), start.state);
    expect(raised(fallen)[0]).toMatchObject({ monitor: 'fallen' });
    expect(fallen.state.verdict.kind).toBe('degraded');
  });

  it('does not come from one event after a year of silence', () => {
    const late = observation(400, 1, { eventTimeMs: START_MS + 365 * 86_400_000 });
    expect(raised(run([late], quiet.state))).toEqual([]);
  });
});

describe('the latch', () => {
  const degraded = run([versionEntry('3'), ...after(400, brokenLosses(60))], quietRun(400).state);

  it('holds when the risk is back to normal', () => {
    const back = run(after(460, quietLosses(500)), degraded.state);
    expect(degraded.state.verdict.kind).toBe('breached');
    expect(back.state.verdict.kind).toBe('breached');
  });

  it('raises one alarm for each monitor, not one for each event', () => {
    const longer = run(after(460, brokenLosses(300, 'more')), degraded.state);
    expect(raised(degraded).map(({ monitor }) => monitor)).toEqual(['risen', 'breached']);
    expect(raised(longer)).toEqual([]);
  });

  it('opens with a new baseline, which ends every alarm', () => {
    const hardened = run(
      [versionEntry('4'), baselineEntry('4'), ...after(460, quietLosses(30))],
      degraded.state,
    );
    expect(hardened.events.map(({ type }) => type)).toEqual([
      'alarm_resolved',
      'alarm_resolved',
      'verdict_changed',
      'verdict_changed',
    ]);
    expect(verdicts(hardened)).toEqual(['insufficient_data', 'ok']);
    expect(
      hardened.state.alarms.every(
        ({ status, resolvedBy }) => status === 'resolved' && resolvedBy === 'baseline',
      ),
    ).toBe(true);
  });

  it('opens with an acknowledgement, and then waits for a further worsening', () => {
    const acknowledged = run(
      [
        { kind: 'acknowledge', atMs: START_MS, actor: 'ann', reason: 'known' },
        ...after(460, brokenLosses(500, 'same')),
      ],
      degraded.state,
    );
    expect(verdicts(acknowledged)).toEqual(['ok']);
    expect(raised(acknowledged)).toEqual([]);
    expect(acknowledged.state.alarms[0]).toMatchObject({ resolvedBy: 'acknowledge' });
    expect(acknowledged.state.alarms[0]!.evidence).toMatchObject({ acknowledgedBy: 'ann', reason: 'known' });
  });

  it('alarms again, under another id, when it becomes worse than what was accepted', () => {
    const moderate = run(
      [
        versionEntry('3'),
        ...after(
          400,
          brokenLosses(60).map((loss) => loss - 0.45),
        ),
        { kind: 'acknowledge', atMs: START_MS, actor: 'ann', reason: 'known' },
      ],
      quietRun(400).state,
    );
    const worse = run(
      after(
        460,
        brokenLosses(100, 'worse').map((loss) => Math.min(1, loss + 0.15)),
      ),
      moderate.state,
    );
    const [first] = raised(moderate);
    const again = raised(worse).find(({ monitor }) => monitor === 'risen');
    expect(first!.monitor).toBe('risen');
    expect(again!.limit).toBeGreaterThan(first!.limit);
    expect(again!.id).not.toBe(first!.id);
  });

  it.each([
    ['risen', (loss: number) => Math.min(1, loss + 0.25), (loss: number) => Math.min(1, loss + 0.55)],
    ['missing_outcomes', undefined, undefined],
  ])(
    'accepts what was measured since the onset, however long it was quiet before: %s',
    (monitor, bad, worse) => {
      const quiet = quietRun(2000);
      const events = (from: number, count: number, change: typeof bad, seed: string): FoldEntry[] =>
        quietLosses(count, seed).map((loss, i) =>
          change === undefined && i % 2 === 0
            ? missing(from + i)
            : observation(from + i, change === undefined ? loss : change(loss)),
        );
      const changed = run(events(2000, 150, bad, 'bad'), quiet.state);
      expect(raised(changed).map((alarm) => alarm.monitor)).toEqual([monitor]);
      const same = run(
        [
          { kind: 'acknowledge', atMs: START_MS, actor: 'ann', reason: 'known' },
          ...events(2150, 1500, bad, 'same'),
        ],
        changed.state,
      );
      expect(raised(same)).toEqual([]);
      if (worse !== undefined) {
        const [again] = raised(run(events(3650, 150, worse, 'worse'), same.state));
        expect(again).toMatchObject({ monitor });
      }
    },
  );

  it('accepts a breach as it was since its onset, and not as the mean with the quiet time before', () => {
    const changed = run(after(40, brokenLosses(160)), quietRun(40).state);
    expect(raised(changed).map(({ monitor }) => monitor)).toEqual(['risen', 'breached']);
    const same = run(
      [
        { kind: 'acknowledge', atMs: START_MS, actor: 'ann', reason: 'known' },
        ...after(200, brokenLosses(3000, 'same')),
      ],
      changed.state,
    );
    expect(raised(same)).toEqual([]);
    expect(same.state.verdict.kind).toBe('ok');
  });

  it('acknowledges one alarm when one is named', () => {
    const [risen] = degraded.state.alarms;
    const one = run(
      [{ kind: 'acknowledge', atMs: START_MS, actor: 'ann', reason: 'known', alarmId: risen!.id }],
      degraded.state,
    );
    expect(one.state.alarms.map(({ status }) => status)).toEqual(['resolved', 'firing']);
    expect(one.state.verdict.kind).toBe('breached');
  });
});

describe('versions', () => {
  it('a baseline waits until its version is served', () => {
    const waiting = run([versionEntry('1'), ...after(0, brokenLosses(40)), baselineEntry('2')]);
    expect(waiting.state.baselines).toEqual([]);
    expect(waiting.state.verdict.kind).toBe('breached');
    const served = run([versionEntry('2')], waiting.state);
    expect(served.state.baselines).toHaveLength(1);
    expect(served.state.verdict.kind).toBe('insufficient_data');
  });

  it('outcomes of the version before say nothing about the new one', () => {
    const hardened = run([
      versionEntry('1'),
      ...brokenLosses(40).map((loss, i) => observation(i, loss, { version: '1' })),
      versionEntry('2'),
      baselineEntry('2'),
      ...brokenLosses(40, 'late').map((loss, i) => observation(40 + i, loss, { version: '1' })),
    ]);
    expect(hardened.state.stale).toBe(40);
    expect(hardened.state.period.folds).toBe(0);
    expect(hardened.state.verdict.kind).toBe('insufficient_data');
  });

  it('an outcome of a version never seen before is how a new version is noticed', () => {
    const noticed = run([observation(400, 0.9, { version: '3' })], quietRun(400).state);
    expect(noticed.state.served).toMatchObject({ version: '3', samples: 1 });
  });

  it('a baseline applies at once where the server reports no versions', () => {
    expect(run([baselineEntry('2')]).state.baselines).toHaveLength(1);
  });

  it('a baseline that arrives after its version was replaced applies to the one shipped around the gate', () => {
    const late = run([versionEntry('2'), versionEntry('3'), baselineEntry('2')]);
    expect(late.state.baselines).toHaveLength(1);
  });
});

describe('clusters and duplicates', () => {
  it('an event that comes again is not new evidence', () => {
    const once = quietRun(50);
    const again = run([observation(50, 1, { eventId: 'event-3' }), observation(20, 1)], once.state);
    expect(again.state.duplicates).toBe(2);
    expect(again.state.foldsInAll).toBe(50);
    expect(again.state.period).toEqual(once.state.period);
    expect(again.state.frontier).toEqual({ 'sentinel|file:a.jsonl|0': 50 });
  });

  it('an event with many rows counts as one observation', () => {
    const many = run([observation(0, 0.4, { rows: 8 })]);
    expect(many.state.period.folds).toBe(1);
    expect(computeStatus(many.state).recipes[0]!.risk).toMatchObject({ value: 0.4, n: 1 });
  });
});

describe('missing outcomes', () => {
  it('widen the interval on both sides and leave the estimate alone', () => {
    const losses = quietLosses(300);
    const whole = run(after(0, losses));
    const half = run(losses.flatMap((loss, i) => [observation(2 * i, loss), missing(2 * i + 1)]));
    const [complete] = computeStatus(whole.state).recipes;
    const [censored] = computeStatus(half.state).recipes;
    expect(censored!.risk.value).toBeCloseTo(complete!.risk.value, 12);
    expect(censored!.risk.lower).toBeLessThan(complete!.risk.lower);
    expect(censored!.risk.upper).toBeGreaterThan(0.5);
    expect(computeStatus(half.state).missing).toEqual({ share: 0.5, folds: 600 });
  });

  it('alarm by a monitor of their own, and neither as a rise nor as a fall', () => {
    const blind = run(
      Array.from({ length: 100 }, (_, i) => missing(400 + i)),
      quietRun(400).state,
    );
    expect(raised(blind).map(({ monitor }) => monitor)).toEqual(['missing_outcomes']);
    expect(blind.state.verdict.kind).toBe('degraded');
  });
});

describe('canaries', () => {
  const quiet = quietRun(100);
  const worse = canaries({ changed: true, worse: 40, better: 2, version: '3', round: 2, atMs: START_MS + 5 });

  it('that are worse on a changed model degrade it at once', () => {
    const found = run([versionEntry('3', START_MS + 3), worse], quiet.state);
    expect(raised(found)[0]).toMatchObject({
      monitor: 'canaries',
      samplesSinceChange: 0,
      sinceMs: START_MS + 3,
    });
    expect(found.state.verdict.kind).toBe('degraded');
  });

  it('repeated spend no test, other changes do', () => {
    const level = settings().canaryLevel;
    const same = canaries({ changed: true, worse: 3, better: 2, version: '3' });
    const found = run([same, same, same, { ...same, worse: 4 }], quiet.state);
    expect(found.state.canaries.tests).toBe(2);
    expect(Math.exp(found.state.canaries.lastLogLevel!)).toBeCloseTo(level / 6, 12);
    expect(raised(found)).toEqual([]);
  });

  it('put the error of the labelled ones beside a verdict that knows flips only, as long as it is of the served version', () => {
    const round = canaries({ errors: 3, labelled: 100, version: '2', round: 7, atMs: START_MS + 9 });
    const after7 = run([round], quiet.state);
    const status = computeStatus(after7.state);
    expect(status.verdict.evidence).toMatchObject({ cleanError: { errors: 3, labelled: 100 } });
    expect(status.canaries).toEqual({
      round: 7,
      atMs: START_MS + 9,
      version: '2',
      compared: 200,
      changed: false,
      errors: 3,
      labelled: 100,
    });
    const replaced = computeStatus(run([versionEntry('3')], after7.state).state);
    expect(replaced.verdict.evidence).not.toHaveProperty('cleanError');
  });

  it.each([
    ['another set', { ...worse, setId: 'other' }],
    ['scores that did not move', { ...worse, changed: false }],
    ['canaries that were not probed', canaries({ changed: true, version: '3' })],
  ])('say nothing: %s', (_, entry) => {
    expect(raised(run([entry], quiet.state))).toEqual([]);
  });
});

describe('explorers', () => {
  const explore = (offset: number, loss: number, sentinelLoss: number) => ({
    ...observation(offset, loss, { lane: 'explorer', eventId: `explored-${offset}`, sentinelLoss }),
    recipes: [{ recipe: 'odd@00000001', recipeId: 'odd', lossLower: loss, lossUpper: loss, binary: 1 }],
  });

  it('that break what sentinels could not are a new attack', () => {
    const found = run(
      Array.from({ length: 40 }, (_, i) => explore(i, 0.6, 0.05)),
      quietRun(50).state,
    );
    expect(raised(found)[0]).toMatchObject({ monitor: 'explorer', recipe: 'odd@00000001' });
    expect(found.state.foldsInAll).toBe(50);
  });

  it('that find here more and there less, as another start does, are not', () => {
    const [first, second] = [quietLosses(2000, 'first'), quietLosses(2000, 'second')];
    const positive = first.reduce((sum, loss, i) => sum + Math.max(0, loss - second[i]!), 0) / 2000;
    expect(positive).toBeGreaterThan(settings().explorerExcess);
    const found = run(
      first.map((loss, i) => explore(i, loss, second[i]!)),
      quietRun(50).state,
    );
    expect(raised(found)).toEqual([]);
  });

  it('that only break what sentinels broke are not', () => {
    const found = run(
      Array.from({ length: 400 }, (_, i) => explore(i, 0.6, 0.6)),
      quietRun(50).state,
    );
    expect(raised(found)).toEqual([]);
  });
});

describe('the fold', () => {
  it('refuses a gap in the numbers', () => {
    const { state } = quietRun(3);
    expect(() => foldEntry(state, { seq: state.seq + 2, entry: observation(9, 0) })).toThrow(
      'expected entry 6 of the fold log of model digits, got 7',
    );
  });

  it('gives the same bytes again, also when continued from JSON', () => {
    const entries = [
      versionEntry('2'),
      baselineEntry('2'),
      ...after(0, quietLosses(120)),
      missing(120),
      versionEntry('3'),
      canaries({ changed: true, worse: 40, better: 2, version: '3' }),
      ...after(121, brokenLosses(60)),
      { kind: 'acknowledge', atMs: START_MS, actor: 'ann', reason: 'known' } as const,
      ...after(181, quietLosses(40, 'after')),
    ];
    const whole = canonicalJson(run(entries).state);
    const half = run(entries.slice(0, 150)).state;
    const revived = JSON.parse(canonicalJson(half)) as typeof half;
    expect(canonicalJson(run(entries.slice(150), revived).state)).toBe(whole);
    expect(canonicalJson(run(entries).state)).toBe(whole);
  });

  it('judges the past by the settings of its time', () => {
    const entries: FoldEntry[] = [
      { kind: 'threshold', atMs: START_MS, settings: settings({ riskLimit: 0.95 }) },
      ...after(0, brokenLosses(100)),
    ];
    expect(raised(run(entries))).toEqual([]);
    const later = run([
      ...entries,
      { kind: 'threshold', atMs: START_MS, settings: settings({ riskLimit: 0.5 }) },
      ...after(100, brokenLosses(1)),
    ]);
    expect(raised(later).map(({ monitor }) => monitor)).toEqual(['breached']);
  });
});
