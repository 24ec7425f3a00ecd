import { readdirSync, readFileSync } from 'node:fs';
import { trafficLines } from '../../src/app/demo/traffic.ts';
import { loadData } from '../../src/data/dataset.ts';
import { canonicalJson } from '../../src/domain/hashing.ts';
import { silentLogger } from '../../src/domain/logger.ts';
import { presetRecipe } from '../../src/attacks/presets.ts';
import { recipeId, recipeLabel } from '../../src/domain/recipe.ts';
import { threatModelId } from '../../src/domain/threat-model.ts';
import { threatModelOf } from '../../src/config/load.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { createServedModel } from '../../src/models/served.ts';
import { computeBaseline } from '../../src/monitoring/baseline.ts';
import { foldEntry } from '../../src/monitoring/fold-entry.ts';
import { parseFoldEntry, type NumberedEntry } from '../../src/monitoring/fold-log.ts';
import { createJudge } from '../../src/monitoring/judge.ts';
import { judgeSettingsOf } from '../../src/monitoring/judge-settings.ts';
import { initialState, type JudgeState } from '../../src/monitoring/judge-state.ts';
import { canarySetId, type Canary } from '../../src/probing/canaries.ts';
import { encodeCanarySet } from '../../src/probing/canary-codec.ts';
import type { StoreCounts } from '../../src/store/queries/ingest.ts';
import { MODEL, type Deployment } from './deployment.ts';

const EVENT_TIME_MS = Date.UTC(2026, 0, 5, 8);

/** Real digits as requests with labels behind them, and every tenth line one that is no event. */
export async function streamLines(requests: number): Promise<string[]> {
  const lines = trafficLines({
    data: await loadData('mnist:stream-1'),
    from: 0,
    to: requests,
    prefix: 'chaos',
    startMs: EVENT_TIME_MS,
    stepMs: 1000,
    labelDelay: 20,
    model: MODEL,
  });
  return lines.flatMap((line, i) => (i % 10 === 9 ? [line, `{"id":"torn-${i}","instances":[[`] : [line]));
}

/**
 * Writes into the store what verify leaves there: a baseline of version 1, with canaries as the server answers them now.
 * The baseline is made up, better than the model is, so that its monitors have something to say.
 */
export async function seedBaseline(
  { config, store }: Deployment,
  canaryCount: number,
  lossOf: (input: number) => number = (i) => (i % 4 === 0 ? 1 : 0.5),
): Promise<void> {
  const { inputShape, classes } = config.model;
  const served = createServedModel({
    config: config.served,
    inputShape,
    classes,
    clock: systemClock,
    logger: silentLogger,
  });
  const { inputs, labels } = (await loadData('mnist:canaries')).rows(
    Array.from({ length: canaryCount }, (_, i) => i),
  );
  const scores = await served.predict(inputs, canaryCount);
  const part = (values: Float32Array, i: number): Float32Array =>
    values.slice((i * values.length) / canaryCount, ((i + 1) * values.length) / canaryCount);
  const canaries = Array.from({ length: canaryCount }, (_, i): Canary => ({
    kind: 'labelled',
    input: part(inputs, i),
    label: labels[i]!,
  }));
  const setId = canarySetId(MODEL, '1', canaries);
  const set = {
    setId,
    model: MODEL,
    version: '1',
    canaries,
    referenceScores: canaries.map((_, i) => part(scores, i)),
    referenceSurvived: canaries.map(() => false),
  };
  await store.saveCanarySet({ model: MODEL, setId, version: '1', content: encodeCanarySet(set) });
  const recipe = presetRecipe(config.probing.sentinels[0]!);
  const baseline = computeBaseline(
    Array.from({ length: 200 }, (_, i) => ({ loss: lossOf(i), success: true })),
    {
      model: MODEL,
      version: '1',
      recipe: recipeLabel(recipe),
      recipeId: recipeId(recipe),
      threatModelId: threatModelId(threatModelOf(config)),
      canarySetId: setId,
      createdAtMs: EVENT_TIME_MS,
      confidence: config.monitoring.confidence,
    },
  );
  await store.saveBaselines([{ model: MODEL, version: 1, recipeId: recipeId(recipe), baseline }]);
}

/** What a run of the sidecar came to, as far as two runs on one stream must agree. */
export interface SidecarFacts {
  readonly counts: StoreCounts;
  /** Reasons of all ingested ranges together. */
  readonly reasons: unknown;
  /** Records that no range covers, or that two do. */
  readonly gaps: number;
  /** Every observation as it was folded, in order. */
  readonly observations: readonly unknown[];
  /** Rounds of canaries, with the number of observations folded before each. */
  readonly rounds: readonly unknown[];
  /** How many entries of each kind the log has. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly alarms: readonly unknown[];
  readonly alerts: number;
  readonly runRequests: number;
}

export async function factsOf({ store, config }: Deployment): Promise<SidecarFacts> {
  const log = await readLog(store);
  const ranges = await store.connection.query(
    'test_ranges',
    'SELECT first, last FROM ingest_ranges FINAL ORDER BY source, partition, first',
  );
  const [reasons] = await store.connection.query(
    'test_reasons',
    'SELECT sumMap(reasons) AS reasons FROM ingest_ranges FINAL',
  );
  const kinds: Record<string, number> = {};
  for (const { entry } of log) kinds[entry.kind] = (kinds[entry.kind] ?? 0) + 1;
  const { alarms } = foldLog(log, initialState(MODEL, judgeSettingsOf(config.monitoring)));
  return {
    counts: await store.countEverything(MODEL),
    reasons: reasons!['reasons'],
    gaps: ranges.filter(({ first }, i) => first !== (i === 0 ? 0 : Number(ranges[i - 1]!['last']) + 1))
      .length,
    observations: log.flatMap(({ entry }) => (entry.kind === 'observation' ? [entry] : [])),
    rounds: log.flatMap(({ entry }, i) =>
      entry.kind === 'canaries'
        ? [[entry, log.slice(0, i).filter((each) => each.entry.kind === 'observation').length]]
        : [],
    ),
    kinds,
    // When an experiment ran is a matter of the clock; what it found is not.
    alarms: alarms.map((alarm) => ({ ...alarm, raisedSeq: 0 })),
    alerts: (await store.listAlerts(MODEL)).length,
    runRequests: (await store.listRuns(MODEL)).length,
  };
}

/** The state that the fold log gives from scratch, and the one that a judge started on it has. */
export async function judgedFromScratch({
  store,
  config,
}: Deployment): Promise<{ state: JudgeState; folded: string; snapshot: string }> {
  const log = await readLog(store);
  const settings = judgeSettingsOf(config.monitoring);
  const state = foldLog(log, initialState(MODEL, settings));
  const refuse = (): Promise<never> =>
    Promise.reject(new Error('the log holds everything; nothing is left to do'));
  const judge = createJudge(settings, {
    model: MODEL,
    foldLog: { readFrom: (seq) => Promise.resolve(log.slice(seq - 1)), append: refuse },
    experiment: { run: refuse },
    alerts: { deliver: refuse },
    clock: systemClock,
    logger: silentLogger,
  });
  await judge.start();
  return { state, folded: canonicalJson(state), snapshot: judge.snapshot() };
}

async function readLog(store: Deployment['store']): Promise<NumberedEntry[]> {
  const rows = await store.readFoldLog(MODEL, 1, 100_000);
  return rows.map(({ seq, payload }) => ({ seq, entry: parseFoldEntry(JSON.parse(payload), `seq ${seq}`) }));
}

function foldLog(log: readonly NumberedEntry[], start: JudgeState): JudgeState {
  return log.reduce((state, entry) => foldEntry(state, entry).state, start);
}

/** Processes that a process has started; empty where /proc is missing. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
      .map(Number);
  } catch {
    return [];
  }
}

function parentOf(name: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // ended between listing and reading
  }
}
