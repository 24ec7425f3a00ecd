import { join } from 'node:path';
import { readManifest } from '../../../pipelines/harden/run.ts';
import type { GateDecision } from '../../../pipelines/harden/gate-policy.ts';
import { trainOutput } from '../../../pipelines/harden/stages/train.ts';
import { presetRecipe } from '../../attacks/presets.ts';
import { threatModelOf } from '../../config/load.ts';
import { recipeLabel } from '../../domain/recipe.ts';
import { STAGES, type StageName } from '../../domain/run.ts';
import type { EvaluationResult } from '../../evaluation/result.ts';
import type { Alarm } from '../../monitoring/alarm.ts';
import { judgeSettingsOf } from '../../monitoring/judge-settings.ts';
import type {
  DemoStory,
  Gallery,
  StoryAlarm,
  StoryEvaluation,
  StoryRun,
  StoryVersion,
} from '../../reports/story.ts';
import type { StoreCounts } from '../../store/queries/ingest.ts';
import type { RequestWithRun } from '../../store/queries/runs.ts';
import { readChronicle, type Chronicle } from './chronicle.ts';
import { DEMO_MODEL } from './config-file.ts';
import type { DemoOutcome, VersionEvaluation } from './run-demo.ts';
import type { DemoSummary } from './summary.ts';

const EXAMPLES_PER_GALLERY = 12;

export interface Told {
  readonly story: DemoStory;
  readonly summary: DemoSummary;
}

/** Turns what the demo came to into what people read and scripts check. Everything is read back from where it lasts. */
export async function tellStory(outcome: DemoOutcome): Promise<Told> {
  const { stage, evaluations } = outcome;
  const { config, store, options } = stage;
  const sentinel = presetRecipe(config.probing.sentinels[0]!);
  const gated = new Set(
    evaluations.filter(({ arrival }) => arrival === 'gated').map(({ version }) => String(version)),
  );
  const chronicle = await readChronicle({
    store,
    model: DEMO_MODEL,
    sentinel,
    settings: judgeSettingsOf(config.monitoring),
    gated,
  });
  const counts = await store.countEverything(DEMO_MODEL);
  const runs = await store.listRuns(DEMO_MODEL);
  const alarm = carelessAlarm(chronicle, evaluations);
  const probes = Object.values(counts.probes).reduce((sum, n) => sum + n, 0);
  const story: DemoStory = {
    scenario: `the whole loop on real digits, ${options.scenario.name} scenario`,
    seed: options.seed,
    engine: options.engine.name,
    seconds: outcome.seconds,
    startedAtMs: options.clock.nowMs() - 1000 * outcome.seconds,
    model: DEMO_MODEL,
    threatModel: threatModelOf(config),
    sentinel: recipeLabel(sentinel),
    versions: evaluations.map((evaluation) => versionOf(evaluation, chronicle)),
    risk: chronicle.risk,
    events: [...chronicle.events, ...runEvents(chronicle, runs)],
    alarm: alarm === undefined ? null : alarmOf(alarm),
    recovered: outcome.recovered,
    finalVerdict: chronicle.last.verdict.kind,
    runs: await Promise.all(runs.map((run) => runOf(run, outcome, chronicle))),
    evaluation: finalEvaluation(evaluations.at(-1)!),
    galleries: await galleries(outcome),
    counts: {
      events: counts.events,
      sampled: counts.samples,
      probes,
      deadLetters: counts.deadLetters,
      servedQueries: counts.servedQueries,
    },
    timings: outcome.timings,
  };
  return { story, summary: summaryOf(outcome, { chronicle, counts, alarm, probes }) };
}

interface SummaryFacts {
  readonly chronicle: Chronicle;
  readonly counts: StoreCounts;
  readonly alarm: Alarm | undefined;
  readonly probes: number;
}

function summaryOf(outcome: DemoOutcome, { chronicle, counts, alarm, probes }: SummaryFacts): DemoSummary {
  const { stage, evaluations, seconds, recovered } = outcome;
  const { options } = stage;
  return {
    schema: 'temper/demo/1',
    scenario: options.scenario.name,
    seed: options.seed,
    engine: options.engine.name,
    seconds: Math.round(seconds),
    versions: evaluations.map(({ version, result }) => ({
      version: String(version),
      clean_accuracy: result.clean_accuracy,
      robust_accuracy: result.worst_case ?? result.clean_accuracy,
    })),
    baseline_risk: [...chronicle.baselines.values()][0] ?? 1,
    alarm:
      alarm === undefined
        ? null
        : { cause: alarm.cause ?? 'unknown', samples_since_change: alarm.samplesSinceChange },
    recovered,
    counts: { events: counts.events, sampled: counts.samples, probes, dead_letters: counts.deadLetters },
    peak_memory_bytes: outcome.peakMemoryBytes,
  };
}

/** The first alarm that the careless update raised. */
function carelessAlarm({ alarms }: Chronicle, evaluations: readonly VersionEvaluation[]): Alarm | undefined {
  const careless = evaluations.find(({ arrival }) => arrival === 'around the gate');
  return alarms.find(({ version }) => version === String(careless?.version));
}

function versionOf(
  { version, name, arrival, result }: VersionEvaluation,
  { since }: Chronicle,
): StoryVersion {
  const attacks = result.attacks.map(({ recipe }) => recipe).join(' + ');
  return {
    version: String(version),
    name,
    arrival,
    sinceSample: since.get(String(version)) ?? 0,
    cleanAccuracy: result.clean_accuracy,
    robustAccuracy: result.worst_case ?? result.clean_accuracy,
    evaluatedOn: `${result.data.name}, ${result.data.samples} inputs, ${attacks}`,
  };
}

function alarmOf(alarm: Alarm): StoryAlarm {
  const { canaries, replica, cleanError } = alarm.causeEvidence ?? {};
  const evidence: StoryAlarm['evidence'][number][] = [];
  if (canaries !== undefined) {
    const { changed, compared, maximumDifference = 0, worse } = canaries;
    const finding = changed
      ? 'served scores changed on fixed inputs'
      : 'served scores are the same on fixed inputs';
    evidence.push({
      name: 'canaries',
      finding,
      value: `${compared} compared, largest difference ${maximumDifference.toPrecision(3)}`,
    });
    if (worse !== undefined)
      evidence.push({
        name: 'canaries under attack',
        finding: 'withstood before, broken now',
        value: `${worse} of ${compared}`,
      });
  }
  if (replica !== undefined)
    evidence.push({
      name: 'replica',
      finding: 'answers as the served model does',
      value: `${replica.agreed} of ${replica.compared}`,
    });
  if (cleanError !== undefined)
    evidence.push({
      name: 'labelled canaries',
      finding: 'misread without an attack',
      value: `${cleanError.errors} of ${cleanError.labelled}`,
    });
  return {
    id: alarm.id,
    sample: alarm.raisedAtFold,
    verdict: alarm.monitor === 'breached' ? 'breached' : 'degraded',
    cause: alarm.cause ?? 'unknown',
    samplesSinceChange: alarm.samplesSinceChange,
    version: alarm.version,
    risk: alarm.risk,
    ...(alarm.baselineUpper === undefined ? {} : { baselineUpper: alarm.baselineUpper }),
    limit: alarm.limit,
    recipe: alarm.recipe ?? 'canaries',
    evidence,
  };
}

function runEvents({ alarms }: Chronicle, runs: readonly RequestWithRun[]): DemoStory['events'][number][] {
  return runs.flatMap(({ request }) => {
    const alarm = alarms.find(({ id }) => id === request.alarmId);
    return alarm === undefined
      ? []
      : [{ sample: alarm.raisedAtFold, kind: 'run_requested' as const, label: 'run requested' }];
  });
}

async function runOf(
  { request, run }: RequestWithRun,
  outcome: DemoOutcome,
  { alarms }: Chronicle,
): Promise<StoryRun> {
  const directory = join(outcome.stage.config.harden.directory, run?.runId ?? '');
  const manifests = await Promise.all(
    STAGES.map(async (stage: StageName) => [stage, await readManifest(directory, stage)] as const),
  );
  const byStage = new Map(manifests);
  const train = byStage.get('train');
  const gate = byStage.get('gate')?.output as { decision: GateDecision } | undefined; // written by the gate stage
  const version = outcome.runDirectories.find(({ requestId }) => requestId === request.requestId)?.version;
  return {
    runId: run?.runId ?? '',
    reason: request.reason,
    startedAtSample: alarms.find(({ id }) => id === request.alarmId)?.raisedAtFold ?? 0,
    outcome: run?.state === 'claimed' || run === undefined ? 'failed' : run.state,
    ...(version === undefined ? {} : { version: String(version) }),
    stages: manifests.flatMap(([stage, manifest]) =>
      manifest === undefined ? [] : [{ stage, seconds: manifest.seconds }],
    ),
    epochs: train === undefined ? [] : trainOutput(train.output).history.map(epochOf),
    gate: (gate?.decision.rules ?? []).map(({ rule, finding, passed }) => {
      const [got, required = ''] = finding.split(': ');
      return { rule: rule.replaceAll('_', ' '), got: got!, required, passed };
    }),
  };
}

function epochOf(record: ReturnType<typeof trainOutput>['history'][number]): StoryRun['epochs'][number] {
  const { epoch, epsilon, loss, cleanAccuracy, robustAccuracy } = record;
  return {
    epoch,
    epsilon,
    loss,
    ...(cleanAccuracy === undefined ? {} : { cleanAccuracy }),
    ...(robustAccuracy === undefined ? {} : { robustAccuracy }),
  };
}

function finalEvaluation({ version, result }: VersionEvaluation): StoryEvaluation {
  return {
    version: String(version),
    data: `${result.data.name}, first ${result.data.samples}`,
    cleanAccuracy: result.clean_accuracy,
    worstCase: result.worst_case ?? result.clean_accuracy,
    attacks: attacksOf(result),
  };
}

function attacksOf({ attacks }: EvaluationResult): StoryEvaluation['attacks'] {
  return attacks.map(({ recipe, robust_accuracy, seconds }) => ({
    recipe,
    robustAccuracy: robust_accuracy,
    seconds,
  }));
}

async function galleries({ stage, evaluations }: DemoOutcome): Promise<Gallery[]> {
  const { store, config } = stage;
  const shown = await Promise.all(
    evaluations.map(async ({ version, name }): Promise<Gallery> => {
      const examples = await store.recentExamples({
        model: DEMO_MODEL,
        version: String(version),
        limit: EXAMPLES_PER_GALLERY,
      });
      return {
        title: `Version ${version}, ${name}`,
        caption:
          'Production digits that the served model read differently after the smallest perturbation found.',
        inputShape: config.model.inputShape,
        range: config.model.range,
        examples: examples.map(
          ({ input, label, adversarial, predictionBefore, predictionAfter, distance, sampleId }) => ({
            clean: input,
            adversarial,
            predictionBefore,
            predictionAfter,
            distance,
            sampleId,
            ...(label === undefined ? {} : { label }),
          }),
        ),
      };
    }),
  );
  return shown.filter(({ examples }) => examples.length > 0);
}
