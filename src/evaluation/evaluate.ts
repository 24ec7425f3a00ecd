import { clopperPearson } from '../statistics/clopper-pearson.ts';
import { AppError } from '../domain/errors.ts';
import type { Interval } from '../domain/interval.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import type { Recipe } from '../domain/recipe.ts';
import { predictedClass } from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import { certifyExamples } from './certificates.ts';
import { corruptionStages, evaluateCorruptions } from './corruptions.ts';
import { checkMasking, type MaskingOptions, type MaskingReport } from './indicators/masking.ts';
import { isSoftmaxOutput } from './indicators/softmax-output.ts';
import type { AttackPerExample, AttackResult, EvaluationResult, PerExample } from './result.ts';
import { scoreRows } from './shards.ts';
import { countOnes, runStage, type Run, type Stage, type Subject } from './stage.ts';
import type { Suite } from './suites.ts';

export interface EvaluateOptions extends Subject {
  readonly recipes: readonly Recipe[];
  /** Run before the recipes, each on all examples that are read right; its own recipes only on what those before left. */
  readonly suites?: readonly Suite[];
  /**
   * standalone (default): every recipe on every example that is read right, so that each figure stands for its recipe.
   * survivors: each recipe only on what those before left standing; the worst case is the same, for less. Suites always
   * run like that.
   */
  readonly mode?: 'standalone' | 'survivors';
  /** With it gradient masking is looked for too, on some of the examples, with the recipes' own white-box attacks. */
  readonly masking?: MaskingOptions;
  /**
   * Whether what no attack can break is proved first (interval bounds). Proved examples are not attacked: the verdict is
   * the same, for less. Default false.
   */
  readonly certify?: boolean;
  /** Whether accuracy under common corruptions is measured too. Images only. Default false. */
  readonly corruptions?: boolean;
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

export interface EvaluationProgress {
  /** `clean`, or the name of a recipe. */
  readonly stage: string;
  /** Examples done over all stages, and in all. */
  readonly done: number;
  readonly total: number;
}

export interface Evaluation {
  readonly result: EvaluationResult;
  readonly perExample: PerExample;
}

/** Attacks a data set in shards and counts what is left. See `evaluateExamples`. */
export async function evaluateModel(options: EvaluateOptions): Promise<EvaluationResult> {
  return (await evaluateExamples(options)).result;
}

/**
 * Clean accuracy, robust accuracy per recipe, and the worst case per example over all recipes, with Clopper–Pearson
 * intervals. Shards have a fixed size, so the result does not depend on the number of workers.
 *
 * @throws {AppError} TEMPER_STATS_EMPTY without data | TEMPER_ATTACK_PARAMETER when two recipes share a name | what attacks throw
 */
export async function evaluateExamples(options: EvaluateOptions): Promise<Evaluation> {
  const { data, recipes, suites = [], seed, pool, model, threat, confidence = 0.95 } = options;
  checkNames([...suites.flatMap((suite) => suite.recipes), ...recipes]);
  const run = await certified(await scoreClean(options), options);
  const { labels, cleanCorrect, cleanScores } = run.examples;
  const proportion = (flags: Uint8Array): Interval =>
    clopperPearson(countOnes(flags), data.count, confidence);
  const attacked = await attackAll(run, options);
  const masking = await maskingOf(run, options, attacked);
  const corruptions =
    options.corruptions === true ? await evaluateCorruptions({ ...options, onRows: run.advance }) : undefined;
  return {
    result: {
      schema: 'temper/evaluation/1',
      seed,
      engine: pool.engine,
      model: describeModel(model),
      data: { name: data.name, samples: data.count, sha256: data.sha256 },
      threat_model: describeThreat(threat),
      clean_accuracy: proportion(cleanCorrect),
      attacks: attacked.results,
      ...(suites.length === 0 ? {} : { suites: attacked.suites.map(summarise(proportion)) }),
      ...(attacked.results.some(({ limits }) => limits !== 'own')
        ? { worst_case: proportion(attacked.standing) }
        : {}),
      ...(run.proved === undefined ? {} : { certified_accuracy: proportion(run.proved) }),
      ...(corruptions === undefined ? {} : { corruptions }),
      ...(masking === undefined
        ? { indicators: { softmax_output: isSoftmaxOutput(cleanScores, data.classes) } }
        : {
            masking: masking.masking,
            masking_evidence: masking.evidence,
            indicators: masking.indicators,
          }),
    },
    perExample: {
      label: labels,
      cleanPrediction: labels.map((_, i) => predictedClass(cleanScores, data.classes, i)),
      cleanCorrect,
      attacks: attacked.perExample,
    },
  };
}

/** The run with what is proved about its examples, when that is asked for. */
async function certified(run: Run, { certify = false }: EvaluateOptions): Promise<Run> {
  if (!certify) return run;
  return {
    ...run,
    proved: await certifyExamples(run.subject, run.examples, (rows) => run.advance('certificates', rows)),
  };
}

interface Attacked {
  readonly results: AttackResult[];
  readonly perExample: AttackPerExample[];
  /** 1 where an example is read right and nothing broke it. */
  readonly standing: Uint8Array;
  readonly suites: SuiteOutcome[];
}

interface SuiteOutcome {
  readonly suite: Suite;
  readonly standing: Uint8Array;
}

/** Suites one by one, then the recipes. */
async function attackAll(
  run: Run,
  { mode = 'standalone', recipes, suites = [] }: EvaluateOptions,
): Promise<Attacked> {
  const { cleanCorrect } = run.examples;
  const attacked: Attacked = { results: [], perExample: [], standing: cleanCorrect.slice(), suites: [] };
  const attack = async (stage: Stage, others: readonly Uint8Array[]): Promise<void> => {
    const { result, perExample } = await runStage(run, stage);
    // What has limits of its own breaks nothing within those of the threat model.
    const lists = result.limits === 'own' ? [] : [attacked.standing, ...others];
    for (const standing of lists) perExample.survives.forEach((survives, i) => (standing[i]! &= survives));
    attacked.results.push(result);
    attacked.perExample.push(perExample);
  };
  for (const suite of suites) {
    const standing = cleanCorrect.slice();
    for (const recipe of suite.recipes)
      await attack({ recipe, scope: 'survivors', suite: suite.name, wanted: standing.slice() }, [standing]);
    attacked.suites.push({ suite, standing });
  }
  for (const recipe of recipes) {
    const wanted = mode === 'survivors' ? attacked.standing.slice() : cleanCorrect;
    await attack({ recipe, scope: mode, wanted }, []);
  }
  return attacked;
}

/** Nothing when it was not asked for, or when the adversary sees no gradients: then they mislead nobody. */
async function maskingOf(
  run: Run,
  { masking: options, recipes, suites = [], threat }: EvaluateOptions,
  { perExample: known }: Attacked,
): Promise<MaskingReport | undefined> {
  if (options === undefined || threat.access !== 'gradients') return undefined;
  run.advance('masking', 0);
  const all = [...suites.flatMap((suite) => suite.recipes), ...recipes];
  return checkMasking(run, { recipes: all, known, options });
}

function summarise(
  proportion: (flags: Uint8Array) => Interval,
): (outcome: SuiteOutcome) => NonNullable<EvaluationResult['suites']>[number] {
  return ({ suite: { name, version, recipes }, standing }) => ({
    name,
    version,
    recipes: recipes.map((recipe) => recipe.name),
    robust_accuracy: proportion(standing),
  });
}

async function scoreClean(options: EvaluateOptions): Promise<Run> {
  const { data, onProgress, pool, model } = options;
  const total = data.count * stageCount(options);
  let done = 0;
  const advance: Run['advance'] = (stage, examples) => {
    done += examples;
    onProgress?.({ stage, done, total });
  };
  const examples = await scoreRows({ pool, model, data, onRows: (rows) => advance('clean', rows) });
  return { subject: options, examples, advance };
}

/** Scoring, certificates, one stage for each recipe, and one for each corruption and severity: what progress counts, times the examples. */
export function stageCount({
  recipes,
  suites = [],
  corruptions = false,
  certify = false,
  data,
}: Pick<EvaluateOptions, 'recipes' | 'suites' | 'corruptions' | 'certify' | 'data'>): number {
  const attacks = suites.reduce((sum, suite) => sum + suite.recipes.length, recipes.length);
  return 1 + attacks + (certify ? 1 : 0) + (corruptions ? corruptionStages(data.inputShape) : 0);
}

function describeModel({ path, sha256, defences = [] }: ModelRef): EvaluationResult['model'] {
  return {
    path,
    ...(sha256 === '' ? {} : { sha256 }),
    ...(defences.length === 0 ? {} : { defences: [...defences] }),
  };
}

function describeThreat(threat: ThreatModel): EvaluationResult['threat_model'] {
  const { norm, epsilon, access, range, queryBudget, criterion, constraints } = threat;
  return {
    norm,
    epsilon,
    access,
    range: [range[0], range[1]],
    ...(queryBudget === undefined ? {} : { query_budget: queryBudget }),
    ...(criterion === undefined ? {} : { criterion: structuredClone(criterion) as Described['criterion'] }),
    ...(constraints === undefined
      ? {}
      : { constraints: structuredClone(constraints) as Described['constraints'] }),
  };
}

/** Results are mutable JSON; the threat model is not. */
type Described = Required<EvaluationResult['threat_model']>;

function checkNames(recipes: readonly Recipe[]): void {
  const names = recipes.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      `expected recipes with different names, got "${twice}" twice`,
    );
}
