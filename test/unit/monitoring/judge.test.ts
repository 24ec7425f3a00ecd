import { createRng } from '../../../src/domain/rng.ts';
import { silentLogger } from '../../../src/domain/logger.ts';
import type { VerdictKind } from '../../../src/domain/verdict.ts';
import type { CauseEvidence } from '../../../src/monitoring/cause.ts';
import { degradationEventSchema, type DegradationEvent } from '../../../src/monitoring/degradation-event.ts';
import type { NumberedEntry } from '../../../src/monitoring/fold-log.ts';
import { createJudge, type Judge, type JudgeDependencies } from '../../../src/monitoring/judge.ts';
import type { FoldLogPort } from '../../../src/monitoring/ports.ts';
import {
  baselineOf,
  brokenLosses,
  observation,
  quietLosses,
  settings,
  START_MS,
  STEP_MS,
} from './entries.ts';

/** A log in memory that keeps JSON text, as a store does, in pages of 64, and fails when it is told to. */
function createLog() {
  const lines: string[] = [];
  const fault: { next: 'before' | 'after' | undefined } = { next: undefined };
  const port: FoldLogPort = {
    readFrom(seq) {
      return Promise.resolve(lines.slice(seq - 1, seq + 63).map((line) => JSON.parse(line) as NumberedEntry));
    },
    append(entries) {
      const failing = fault.next;
      fault.next = undefined;
      if (failing === 'before') return Promise.reject(new Error('the store is away'));
      for (const entry of entries) {
        if (entry.seq !== lines.length + 1) return Promise.reject(new Error(`number ${entry.seq} is taken`));
        lines.push(JSON.stringify(entry));
      }
      return failing === 'after' ? Promise.reject(new Error('no answer')) : Promise.resolve();
    },
  };
  const kinds = () => lines.map((line) => (JSON.parse(line) as NumberedEntry).entry.kind);
  return { lines, fault, port, kinds };
}

const CHANGED: CauseEvidence = { canaries: { compared: 200, changed: true, worse: 90, better: 1 } };

function setUp(log = createLog(), more: Partial<JudgeDependencies> = {}, config = settings()) {
  const delivered: DegradationEvent[] = [];
  const verdicts: VerdictKind[] = [];
  const judge = createJudge(config, {
    model: 'digits',
    foldLog: log.port,
    experiment: { run: () => Promise.resolve(CHANGED) },
    alerts: {
      deliver: (event) => {
        delivered.push(event);
        return Promise.resolve();
      },
    },
    onVerdict: ({ kind }) => verdicts.push(kind),
    links: { runbook: 'https://example.com/runbook' },
    clock: { nowMs: () => START_MS },
    logger: silentLogger,
    ...more,
  });
  return { judge, log, delivered, verdicts };
}

const quiet = quietLosses(100).map((loss, i) => observation(i, loss, { version: '2' }));
const broken = brokenLosses(60).map((loss, i) => observation(100 + i, loss, { version: '3' }));

/** Served version 2 with its baseline, quiet traffic, then version 3 shipped around the gate. */
async function degrade(judge: Judge) {
  await judge.start();
  await judge.control({ kind: 'version', atMs: START_MS, version: '2' });
  await judge.control({ kind: 'baseline', atMs: START_MS, baselines: [baselineOf('2')] });
  await judge.fold(quiet);
  await judge.control({ kind: 'version', atMs: START_MS + 100 * STEP_MS, version: '3' });
  await judge.fold(broken);
}

describe('a running judge', () => {
  it('raises alarms with a cause, and tells each once', async () => {
    const { judge, delivered, verdicts } = setUp();
    await degrade(judge);
    await judge.fold([]);
    expect(delivered.map(({ status, evidence }) => [status, evidence.monitor['kind']])).toEqual([
      ['firing', 'risen'],
      ['firing', 'breached'],
    ]);
    expect(delivered.every(({ cause }) => cause === 'model_changed')).toBe(true);
    expect(verdicts.at(-1)).toBe('breached');
    expect(judge.status().verdict).toMatchObject({ kind: 'breached', cause: 'model_changed', version: '3' });
  });

  it('delivers events as the contract has them, and resolves them with the same id', async () => {
    const { judge, delivered } = setUp();
    await degrade(judge);
    const [firing] = delivered;
    expect(degradationEventSchema.parse(JSON.parse(JSON.stringify(firing)))).toEqual(firing);
    expect(firing).toMatchObject({
      schema: 'temper/degradation/1',
      status: 'firing',
      model: { name: 'digits', version: '3' },
      cause: 'model_changed',
      baseline: { upper: baselineOf('2').upper },
      recipe: 'pgd-20@1f3a5c7e',
      evidence: { canary_risk: CHANGED.canaries, clean_error: {}, input_drift: {}, replica_agreement: {} },
      links: { runbook: 'https://example.com/runbook#alert-name-tempermodelchanged' },
    });
    expect(Date.parse(firing!.since)).toBeGreaterThanOrEqual(START_MS + 95 * STEP_MS);
    await judge.control({ kind: 'version', atMs: START_MS, version: '4' });
    await judge.control({ kind: 'baseline', atMs: START_MS, baselines: [baselineOf('4')] });
    const resolved = delivered.filter(({ status }) => status === 'resolved');
    expect(resolved.map(({ id }) => id)).toEqual(delivered.slice(0, 2).map(({ id }) => id));
    expect(judge.status().verdict.kind).toBe('insufficient_data');
  });

  it('rebuilds the same bytes from the log', async () => {
    const { judge, log, delivered } = setUp();
    await degrade(judge);
    const again = setUp(log);
    await again.judge.start();
    expect(again.judge.snapshot()).toBe(judge.snapshot());
    expect(JSON.stringify(again.judge.status())).toBe(JSON.stringify(judge.status()));
    expect(again.delivered).toEqual([]);
    expect(delivered).toHaveLength(2);
  });

  it('appends the settings first, and again only when they changed', async () => {
    const { judge, log } = setUp();
    await judge.start();
    await setUp(log).judge.start();
    expect(log.kinds()).toEqual(['threshold']);
    await setUp(log, {}, settings({ tolerance: 0.1 })).judge.start();
    expect(log.kinds()).toEqual(['threshold', 'threshold']);
  });

  it('notes a served version once, however often it is polled', async () => {
    const { judge, log } = setUp();
    await judge.start();
    for (const version of ['1', '1', '2', '2', '1'])
      await judge.control({ kind: 'version', atMs: START_MS, version });
    expect(log.kinds()).toEqual(['threshold', 'version', 'version', 'version']);
  });

  it('leaves out what it folded before', async () => {
    const { judge, log } = setUp();
    await degrade(judge);
    const before = log.lines.length;
    await judge.fold([...quiet.slice(50), ...broken]);
    expect(log.lines).toHaveLength(before);
    expect(judge.status()).toMatchObject({ foldsInAll: 160, duplicates: 0 });
  });

  it('takes an event in that comes again at a later position: it counts for nothing, but the frontier moves on', async () => {
    const { judge, log } = setUp();
    await judge.start();
    await judge.fold(quiet);
    const again = quiet.map((one, i) => ({ ...one, position: { ...one.position, offset: 100 + i } }));
    await judge.fold(again);
    expect(judge.status()).toMatchObject({
      foldsInAll: 100,
      observed: 200,
      duplicates: 100,
      frontier: { 'sentinel|file:a.jsonl|0': 199 },
    });
    await judge.fold(again);
    expect(log.lines).toHaveLength(1 + 200);
  });

  it('queues its work: calls that are not awaited do not overlap', async () => {
    const { judge } = setUp();
    const calls = [judge.start(), ...quiet.map((one) => judge.fold([one]))];
    await Promise.all(calls);
    expect(judge.status()).toMatchObject({ foldsInAll: 100, seq: 101 });
  });
});

describe('a judge in trouble', () => {
  it.each(['before', 'after'] as const)(
    'loses and repeats nothing when an append fails %s it was written',
    async (when) => {
      const undisturbed = setUp();
      await degrade(undisturbed.judge);
      const { judge, log } = setUp();
      await judge.start();
      await judge.control({ kind: 'version', atMs: START_MS, version: '2' });
      await judge.control({ kind: 'baseline', atMs: START_MS, baselines: [baselineOf('2')] });
      log.fault.next = when;
      await expect(judge.fold(quiet)).rejects.toThrow(when === 'before' ? 'the store is away' : 'no answer');
      await judge.fold(quiet);
      await judge.control({ kind: 'version', atMs: START_MS + 100 * STEP_MS, version: '3' });
      await judge.fold(broken);
      expect(judge.snapshot()).toBe(undisturbed.judge.snapshot());
    },
  );

  it('delivers after a restart what could not be delivered, under the same id', async () => {
    const refused: DegradationEvent[] = [];
    const alerts = {
      deliver: (event: DegradationEvent) => {
        refused.push(event);
        return Promise.reject(new Error('the topic is away'));
      },
    };
    const { judge, log } = setUp(createLog(), { alerts });
    await degrade(judge);
    expect(judge.status().verdict.kind).toBe('breached');
    const again = setUp(log);
    await again.judge.start();
    expect(again.delivered).toHaveLength(2);
    expect(again.delivered[0]).toEqual(refused[0]);
    await setUp(log).judge.start();
    expect(again.delivered).toHaveLength(2);
  });

  it('killed at any number of the log, ends in the same alarms', async () => {
    const whole = setUp();
    await degrade(whole.judge);
    const rng = createRng('kill');
    for (let trial = 0; trial < 8; trial++) {
      const log = createLog();
      log.lines.push(...whole.log.lines.slice(0, 4 + rng.below(whole.log.lines.length - 4)));
      const { judge, delivered } = setUp(log);
      await degradeAgain(judge);
      expect(
        judge
          .status()
          .alarms.map(({ id, cause }) => [id, cause])
          .sort(),
      ).toEqual(
        whole.judge
          .status()
          .alarms.map(({ id, cause }) => [id, cause])
          .sort(),
      );
      expect(judge.status()).toMatchObject({ foldsInAll: 160, duplicates: 0 });
      const known = new Set(whole.delivered.map(({ id }) => id));
      expect(delivered.every(({ id }) => known.has(id))).toBe(true);
    }
  });

  it('tells people even if the experiment for the cause fails', async () => {
    const experiment = { run: () => Promise.reject(new Error('the served model did not answer')) };
    const { judge, delivered } = setUp(createLog(), { experiment });
    await degrade(judge);
    expect(delivered[0]!.cause).toBe('unknown');
    expect(judge.status().alarms[0]!.causeEvidence).toEqual({ failure: 'the served model did not answer' });
  });

  it('refuses what cannot be folded, and goes on', async () => {
    const { judge, log } = setUp();
    await judge.start();
    await expect(judge.fold([observation(0, Number.NaN)])).rejects.toThrow(
      'expected a fold log entry at number 2, got recipes.0.lossLower',
    );
    await judge.fold([observation(0, 0.5)]);
    expect(log.lines).toHaveLength(2);
  });

  it('refuses a log with a gap', async () => {
    const { judge, log } = setUp();
    await degrade(judge);
    log.lines.splice(20, 1);
    await expect(setUp(log).judge.start()).rejects.toMatchObject({ code: 'TEMPER_FOLD_LOG_BROKEN' });
  });
});

/** What a caller does after a restart: everything again, and only what is missing is folded. */
async function degradeAgain(judge: Judge) {
  await judge.start();
  await judge.fold(quiet);
  if (judge.status().version !== '3')
    await judge.control({ kind: 'version', atMs: START_MS + 100 * STEP_MS, version: '3' });
  await judge.fold(broken);
}
