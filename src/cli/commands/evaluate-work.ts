import { resolve } from 'node:path';

import type { DataSlice } from '../../data/dataset.ts';
import type { Interval } from '../../domain/interval.ts';
import type { ModelRef } from '../../domain/model-ref.ts';
import type { Recipe } from '../../domain/recipe.ts';
import type { Norm, ThreatModel } from '../../domain/threat-model.ts';
import type { Evaluation } from '../../evaluation/evaluate.ts';
import type { EvaluationResult } from '../../evaluation/result.ts';
import type { Suite } from '../../evaluation/suites.ts';
import type { TaskRunner } from '../../evaluation/task-runner.ts';
import type { ServedCounters } from '../../models/served.ts';
import { findExamples } from '../broken-examples.ts';
import { startPool } from '../compute-pool.ts';
import { chooseRows } from '../data-choice.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { resolveModel } from '../model-choice.ts';
import { printLine, styled } from '../output.ts';
import { formatDuration } from '../progress.ts';
import { checkRequirement, parseRequirement } from '../requirement.ts';
import type { Requirement, RequirementOutcome } from '../requirement.ts';
import { untilStopped } from '../run.ts';
import type { Run } from '../run.ts';
import { isServedUrl } from '../served-choice.ts';
import { formatTable } from '../table.ts';
import { writeWhole } from '../write-file.ts';

export interface EvaluateCommandOptions {
  readonly model: string;
  readonly data: string;
  readonly samples?: number;
  readonly shuffle?: boolean;
  readonly norm: Norm;
  readonly epsilon: number;
  /** Absent: what suits the model. */
  readonly attacks?: readonly string[];
  /** Recipe files whose names `attacks` may use. */
  readonly recipes?: readonly string[];
  readonly range?: readonly [number, number];
  readonly criterion?: string;
  readonly reject?: string;
  readonly constraints?: string;
  readonly defence?: readonly string[];
  readonly queryBudget?: number;
  readonly seed: number;
  readonly confidence: number;
  readonly survivors?: boolean;
  readonly certify?: boolean;
  readonly masking?: boolean;
  readonly corruptions?: boolean;
  /** A file, not a flag. */
  readonly json?: string;
  readonly report?: string;
  readonly perExample?: string;
  readonly require?: readonly string[];
  readonly workers?: number;
  readonly engine?: string;
  readonly registry?: string;
  readonly config: string;
}

/** What runs against a model's files when no attack is named. */
const ATTACKS: readonly string[] = ['pgd-40x5', 'apgd-ce', 'square-2000'];

/** What is evaluated: everything that mistakes can be found in before any work begins. */
interface Subject {
  readonly data: DataSlice;
  readonly recipes: readonly Recipe[];
  readonly suites: readonly Suite[];
  readonly threat: ThreatModel;
  readonly requirements: readonly Requirement[];
}

/** The model, and who asks it. */
interface Asked {
  readonly model: ModelRef;
  readonly pool: TaskRunner;
  /** What was sent to a served model; absent for one whose files are here. */
  readonly counters?: () => ServedCounters;
}

type Work = Subject & Asked;

export async function runEvaluate(run: Run, options: EvaluateCommandOptions): Promise<ExitCode> {
  const { subject, ask } = await prepare(run, options);
  const work: Work = { ...subject, ...(await ask()) };
  const evaluation = await untilStopped(run, evaluate(run, work, options));
  const result = withFiles(evaluation.result, options);
  const outcomes = subject.requirements.map((requirement) => checkRequirement(requirement, result));
  printResult(run, result, outcomes);
  if (work.counters !== undefined) {
    const { queries, requests } = work.counters();
    printLine(run.stdout, `sent to the served model: ${queries} rows in ${requests} requests`);
  }
  if (options.perExample !== undefined) await savePerExample(run, options.perExample, evaluation);
  if (options.json !== undefined) save(run, options.json, `${JSON.stringify(result, null, 2)}\n`);
  if (options.report !== undefined) {
    const page = await untilStopped(run, report(work, evaluation, options.seed));
    save(run, options.report, page);
  }
  return outcomes.every(({ met }) => met) ? EXIT.done : EXIT.refused;
}

/** The result names the files that go with it. */
function withFiles(result: EvaluationResult, { perExample }: EvaluateCommandOptions): EvaluationResult {
  return perExample === undefined ? result : { ...result, per_example: perExample };
}

async function savePerExample(run: Run, file: string, { perExample }: Evaluation): Promise<void> {
  const [{ encodeNpz }, { perExampleArrays }] = await Promise.all([
    import('../../protocols/npz.ts'),
    import('../../evaluation/per-example.ts'),
  ]);
  save(run, file, encodeNpz(perExampleArrays(perExample)));
}

/** The mistakes of the command line are found, the data are read; `ask` starts what answers. */
async function prepare(
  run: Run,
  options: EvaluateCommandOptions,
): Promise<{ subject: Subject; ask: () => Promise<Asked> }> {
  const [{ openAttacks }, { loadData }, { adversaryOf }] = await Promise.all([
    import('../../evaluation/open-attacks.ts'),
    import('../../data/dataset.ts'),
    import('../adversary.ts'),
  ]);
  const requirements = (options.require ?? []).map(parseRequirement);
  const { norm, epsilon } = options;
  const served = isServedUrl(options.model) ? await import('./evaluate-served.ts') : undefined;
  const names = options.attacks ?? served?.SERVED_ATTACKS ?? ATTACKS;
  const { cwd } = run.host;
  // Names are checked before data are read; how many classes there are is known after.
  const chosen = await openAttacks(names, { folder: cwd, files: options.recipes ?? [] });
  served?.checkServedWork(options, chosen.for({ norm, classes: Infinity }));
  const open = await (served?.servedModel(run, options.model) ?? modelInFiles(run, options));
  const data = chooseRows(await loadData(options.data), options);
  const queryBudget = options.queryBudget ?? served?.SERVED_QUERY_BUDGET;
  return {
    subject: {
      data,
      ...chosen.for({ norm, classes: data.classes }),
      requirements,
      threat: {
        norm,
        epsilon,
        ...(await adversaryOf(options, { cwd, subject: data })),
        access: served === undefined ? 'gradients' : 'scores',
        ...(queryBudget === undefined ? {} : { queryBudget }),
      },
    },
    ask: () => open(data),
  };
}

/** The model is found now; the pool that works on it is started later. */
async function modelInFiles(run: Run, options: EvaluateCommandOptions): Promise<() => Promise<Asked>> {
  const resolved = await resolveModel(run, options.model, options);
  const { defence = [] } = options;
  const model = defence.length === 0 ? resolved : { ...resolved, defences: defence };
  return async () => ({ model, pool: await startPool(run, options) });
}

async function evaluate(
  run: Run,
  { model, data, recipes, suites, threat, pool }: Work,
  options: EvaluateCommandOptions,
): Promise<Evaluation> {
  const { evaluateExamples, stageCount } = await import('../../evaluation/evaluate.ts');
  const corruptions = options.corruptions === true;
  const certify = options.certify === true;
  const stages = stageCount({ recipes, suites, corruptions, certify, data });
  const progress = run.progress('evaluate', data.count * stages);
  const evaluation = await evaluateExamples({
    pool,
    model,
    data,
    recipes,
    suites,
    threat,
    seed: options.seed,
    confidence: options.confidence,
    mode: options.survivors === true ? 'survivors' : 'standalone',
    ...(options.masking === true ? { masking: {} } : {}),
    corruptions,
    certify,
    clock: run.host.clock,
    onProgress: ({ stage, done }) => progress.update(done, stage),
  });
  progress.end('done');
  return evaluation;
}

async function report(subject: Work, evaluation: Evaluation, seed: number): Promise<string> {
  const { renderEvaluationReport } = await import('../../reports/evaluation-report.ts');
  const recipes = [...subject.suites.flatMap((suite) => suite.recipes), ...subject.recipes];
  return renderEvaluationReport(
    evaluation.result,
    await findExamples({ ...subject, recipes, evaluation, seed }),
  );
}

function printResult(run: Run, result: EvaluationResult, outcomes: readonly RequirementOutcome[]): void {
  const { stdout } = run;
  const row = (name: string, { value, lower, upper }: Interval, seconds?: number): string[] => [
    name,
    percent(value),
    `[${percent(lower)}, ${percent(upper)}]`,
    seconds === undefined ? '' : formatDuration(1000 * seconds),
  ];
  const rows = [
    row('clean', result.clean_accuracy),
    ...result.attacks.map(({ recipe, robust_accuracy, seconds }) => row(recipe, robust_accuracy, seconds)),
    ...(result.suites ?? []).map(({ name, version, robust_accuracy }) =>
      row(`${name}, version ${version}`, robust_accuracy),
    ),
    ...(result.worst_case === undefined ? [] : [row('worst case', result.worst_case)]),
  ];
  const { norm, epsilon } = result.threat_model;
  const { n, confidence } = result.clean_accuracy;
  printLine(
    stdout,
    `${styled(stdout, 'bold', result.data.name)}, ${n} examples, ${norm} ${epsilon}, seed ${result.seed}, engine ${result.engine}`,
  );
  const columns = [
    { title: 'attack' },
    { title: 'accuracy', align: 'right' as const },
    { title: `${100 * confidence} % interval` },
    { title: 'time' },
  ];
  printLine(stdout, formatTable(columns, rows));
  if (result.certified_accuracy !== undefined) {
    const { value, lower, upper } = result.certified_accuracy;
    printLine(stdout, `certified accuracy: ${percent(value)} [${percent(lower)}, ${percent(upper)}]`);
  }
  if (result.corruptions !== undefined) printCorruptions(run, result.corruptions);
  if (result.masking !== undefined) {
    const raised = result.masking_evidence?.raised ?? [];
    const because = raised.length === 0 ? '' : ` (${raised.join(', ')})`;
    printLine(stdout, `gradient masking: ${result.masking}${because}`);
  }
  for (const { requirement, met, got } of outcomes) {
    const state = met ? styled(stdout, 'green', 'holds') : styled(stdout, 'red', 'fails');
    printLine(stdout, `${state}  ${requirement.text}  (${got === undefined ? 'not measured' : String(got)})`);
  }
}

function printCorruptions(
  { stdout }: Run,
  { mean_accuracy, results }: NonNullable<EvaluationResult['corruptions']>,
): void {
  const names = [...new Set(results.map(({ corruption }) => corruption))];
  const rows = names.map((name) => [
    name,
    ...results.filter(({ corruption }) => corruption === name).map(({ accuracy }) => percent(accuracy.value)),
  ]);
  const severities = [1, 2, 3, 4, 5].map((severity) => ({
    title: String(severity),
    align: 'right' as const,
  }));
  printLine(stdout, formatTable([{ title: 'corruption, severity' }, ...severities], rows));
  printLine(stdout, `mean accuracy under corruptions: ${percent(mean_accuracy)}`);
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function save(run: Run, file: string, content: string | Uint8Array): void {
  const path = resolve(run.host.cwd, file);
  writeWhole(path, content);
  printLine(run.stdout, `${styled(run.stdout, 'green', 'wrote')} ${path}`);
}
