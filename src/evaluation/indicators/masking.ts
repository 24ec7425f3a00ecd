import { findAttack } from '../../attacks/catalogue.ts';
import { presetRecipe } from '../../attacks/presets.ts';
import { parseRecipe } from '../../attacks/recipe.ts';
import type { Recipe } from '../../domain/recipe.ts';
import { featureCount } from '../../domain/target.ts';
import type { Norm, ThreatModel } from '../../domain/threat-model.ts';
import { clopperPearson } from '../../statistics/clopper-pearson.ts';
import type { AttackPerExample, EvaluationResult } from '../result.ts';
import { countOnes, type Run } from '../stage.ts';
import { inspectShard, type Inspection } from './inspect.ts';
import { pairedLower } from './paired.ts';
import { isSoftmaxOutput } from './softmax-output.ts';
import { survivorsOf } from './survivors.ts';
import { followPaths } from './paths.ts';
import { MASKED_ADVANTAGE, SILENT_SHARE, UNFINISHED_SHARE, VANISHING_SHARE } from './thresholds.ts';

export interface MaskingOptions {
  /** Examples looked at: the first of the data. Default 200. */
  readonly examples?: number;
  /** Queries of the black-box attack at first. Default 1,000. */
  readonly queries?: number;
  /** Its queries when an indicator was raised. Default 20,000. */
  readonly escalatedQueries?: number;
}

type Indicators = NonNullable<EvaluationResult['indicators']>;
type IndicatorName = keyof Indicators;

export interface MaskingReport {
  readonly masking: NonNullable<EvaluationResult['masking']>;
  readonly indicators: Indicators;
  readonly evidence: NonNullable<EvaluationResult['masking_evidence']>;
}

/** The check's own material: a few examples, and what the evaluation's white-box recipes do to them. */
export interface Check {
  readonly run: Run;
  readonly options: Required<MaskingOptions>;
  /** Those of the examples looked at that are read right. */
  readonly rows: readonly number[];
  readonly whiteBox: readonly Recipe[];
  readonly known: readonly AttackPerExample[];
  readonly confidence: number;
}

/**
 * Whether gradients mislead the attacks. Indicators first: vanishing gradients, answers at random, probabilities instead
 * of logits, black-box attacks that beat the evaluation's own white-box recipes on the same examples, attacks without
 * limits that fail, accuracy that rises under FGSM, adversarials that were passed and not kept, and paths that were still
 * rising when they ended. When one is raised, both sides try harder: gradients with margin
 * loss, rescaled scores, output-diversified starts and restarts, and Square with many more queries.
 *
 * none: nothing was raised. caution: something was, but gradients then did as well. masked: black-box attacks still beat
 * them by more than 2 points at the lower limit, or there was nothing to escalate with.
 *
 * @see Carlini et al. (2019), arXiv 1902.06705; Pintor et al. (2022), NeurIPS, arXiv 2106.09947
 */
export async function checkMasking(
  run: Run,
  given: { recipes: readonly Recipe[]; known: readonly AttackPerExample[]; options: MaskingOptions },
): Promise<MaskingReport> {
  const check = prepare(run, given);
  const measured = await measure(check);
  const raised = raisedOf(measured.indicators);
  const evidence = {
    examples: check.rows.length,
    raised,
    ...shares(check, measured.survives),
  };
  if (raised.length === 0) return { masking: 'none', indicators: measured.indicators, evidence };
  const escalated = await escalate(check, measured);
  const isMasked = escalated === undefined || escalated.advantage_lower > MASKED_ADVANTAGE;
  return {
    masking: isMasked ? 'masked' : 'caution',
    indicators: measured.indicators,
    evidence: { ...evidence, ...(escalated === undefined ? {} : { escalated }) },
  };
}

function prepare(run: Run, { recipes, known, options }: Parameters<typeof checkMasking>[1]): Check {
  const { examples: most = 200, queries = 1_000, escalatedQueries = 20_000 } = options;
  const looked = Math.min(most, run.subject.data.count);
  return {
    run,
    options: { examples: looked, queries, escalatedQueries },
    rows: Array.from({ length: looked }, (_, i) => i).filter((i) => run.examples.cleanCorrect[i] === 1),
    whiteBox: recipes.filter(({ attack }) => findAttack(attack).access === 'gradients'),
    known,
    confidence: run.subject.confidence ?? 0.95,
  };
}

/** Which of the rows withstand the white-box and the black-box attacks; absent where there are none. */
interface Survives {
  readonly whiteBox?: Uint8Array;
  readonly blackBox?: Uint8Array;
}

interface Measured {
  readonly indicators: Indicators;
  readonly survives: Survives;
}

async function measure(check: Check): Promise<Measured> {
  const { run, rows, whiteBox, known, confidence } = check;
  const inspections = await inspectAll(check);
  const survives: { whiteBox?: Uint8Array; blackBox?: Uint8Array } = {};
  if (rows.length > 0 && whiteBox.length > 0)
    survives.whiteBox = await survivorsOf(run, { recipes: whiteBox, rows, known });
  const square = squareFor(run.subject.threat.norm, check.options.queries);
  if (rows.length > 0 && square !== undefined)
    survives.blackBox = await survivorsOf(run, { recipes: [square], rows });
  const paths = await followPaths(check, survives.whiteBox);
  const fails = await unboundedFails(check);
  const join = (name: 'vanishing' | 'cleanCorrect' | 'fgsmCorrect'): Uint8Array =>
    Uint8Array.from(inspections.flatMap((inspection) => [...inspection[name]]));
  const vanishing = join('vanishing');
  return {
    survives,
    indicators: {
      softmax_output: isSoftmaxOutput(run.examples.cleanScores, run.subject.data.classes),
      randomised: inspections.some((inspection) => inspection.randomised),
      zero_margin_gradient: countOnes(vanishing) / vanishing.length,
      label_leak: pairedLower(join('fgsmCorrect'), join('cleanCorrect'), confidence) > 0,
      ...(survives.whiteBox === undefined || survives.blackBox === undefined
        ? {}
        : { black_box_beats_white_box: pairedLower(survives.whiteBox, survives.blackBox, confidence) }),
      ...(fails === undefined ? {} : { unbounded_attack_fails: fails }),
      ...paths,
    },
  };
}

function inspectAll({ run, options }: Check): Promise<Inspection[]> {
  const { pool, model, data, threat } = run.subject;
  const SHARD_ROWS = 128;
  const starts = Array.from({ length: Math.ceil(options.examples / SHARD_ROWS) }, (_, i) => i * SHARD_ROWS);
  return Promise.all(
    starts.map((from) => {
      const count = Math.min(SHARD_ROWS, options.examples - from);
      const { inputs, labels } = data.rows(Array.from({ length: count }, (_, i) => from + i));
      return pool.run(inspectShard, { model, inputs, labels, threat });
    }),
  );
}

/** Whether PGD that may change an input into any other leaves more examples than guessing would. */
async function unboundedFails({ run, rows, confidence }: Check): Promise<boolean | undefined> {
  const { threat, data } = run.subject;
  const recipe = presetRecipe('pgd-40');
  if (rows.length === 0 || !findAttack(recipe.attack).norms.includes(threat.norm)) return undefined;
  const unbounded = { ...threat, epsilon: wholeRange(threat, featureCount(data.inputShape)) };
  const subject = { ...run.subject, threat: unbounded };
  const left = await survivorsOf({ ...run, subject }, { recipes: [recipe], rows });
  return clopperPearson(countOnes(left), rows.length, confidence).lower > 1 / data.classes;
}

function wholeRange({ norm, range: [low, high] }: ThreatModel, features: number): number {
  const width = high - low;
  const radii: Readonly<Record<Norm, number>> = {
    linf: width,
    l2: width * Math.sqrt(features),
    l1: width * features,
    l0: features,
  };
  return radii[norm];
}

function raisedOf(indicators: Indicators): IndicatorName[] {
  const isRaised: Readonly<Partial<Record<IndicatorName, boolean>>> = {
    zero_margin_gradient: (indicators.zero_margin_gradient ?? 0) > VANISHING_SHARE,
    randomised: indicators.randomised === true,
    softmax_output: indicators.softmax_output === true,
    black_box_beats_white_box: (indicators.black_box_beats_white_box ?? 0) > 0,
    unbounded_attack_fails: indicators.unbounded_attack_fails === true,
    label_leak: indicators.label_leak === true,
    silent_success: (indicators.silent_success ?? 0) > SILENT_SHARE,
    incomplete_optimisation: (indicators.incomplete_optimisation ?? 0) > UNFINISHED_SHARE,
  };
  return (Object.keys(isRaised) as IndicatorName[]).filter((name) => isRaised[name]);
}

/** Both sides with all they have; undefined when one of them has nothing for this norm. */
async function escalate(
  check: Check,
  { indicators, survives }: Measured,
): Promise<NonNullable<MaskingReport['evidence']['escalated']> | undefined> {
  const { run, rows, confidence, options } = check;
  const { norm } = run.subject.threat;
  const square = squareFor(norm, options.escalatedQueries);
  const gradients = escalatedRecipes(indicators.randomised === true).filter(({ attack }) =>
    findAttack(attack).norms.includes(norm),
  );
  if (rows.length === 0 || square === undefined || gradients.length === 0) return undefined;
  const harder = await survivorsOf(run, { recipes: gradients, rows });
  const whiteBox = harder.map((flag, i) => flag & (survives.whiteBox?.[i] ?? 1));
  const further = await survivorsOf(run, { recipes: [square], rows });
  const blackBox = further.map((flag, i) => flag & (survives.blackBox?.[i] ?? 1));
  return {
    ...shares(check, { whiteBox, blackBox }),
    advantage_lower: pairedLower(whiteBox, blackBox, confidence),
  };
}

/** Margins do not saturate; rescaled scores revive cross-entropy; diversified starts leave flat regions. */
function escalatedRecipes(isRandom: boolean): Recipe[] {
  const draws = isRandom ? { draws: 20 } : {};
  return [
    parseRecipe({
      name: 'escalated-margin',
      attack: 'pgd',
      parameters: { steps: 100, restarts: 5, loss: 'margin', start: 'diversified', ...draws },
    }),
    parseRecipe({
      name: 'escalated-ce',
      attack: 'apgd-ce',
      parameters: { steps: 100, restarts: 2, temperature: 'auto', ...draws },
    }),
  ];
}

function squareFor(norm: Norm, queries: number): Recipe | undefined {
  return findAttack('square').norms.includes(norm) ? presetRecipe(`square-${queries}`) : undefined;
}

function shares(
  { confidence }: Check,
  { whiteBox, blackBox }: Survives,
): Pick<MaskingReport['evidence'], 'white_box' | 'black_box'> {
  const share = (flags: Uint8Array): ReturnType<typeof clopperPearson> =>
    clopperPearson(countOnes(flags), flags.length, confidence);
  return {
    ...(whiteBox === undefined ? {} : { white_box: share(whiteBox) }),
    ...(blackBox === undefined ? {} : { black_box: share(blackBox) }),
  };
}
