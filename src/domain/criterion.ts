import { isMisclassified } from './misclassified.ts';
import { predictedClass } from './target.ts';

/** How a model says that it would rather not answer. */
export type Rejection =
  /** One class stands for "none of these". */
  | { readonly class: number }
  /** Answers whose largest softmax probability is below this are not given. In (0, 1]. */
  | { readonly confidence: number };

export const CRITERION_KINDS = ['misclassified', 'targeted', 'top-k', 'costly'] as const;

/** What counts as success of an attack. With `reject`, an abstained answer never does. */
export type Criterion = (
  | { readonly kind: 'misclassified' }
  /** The model must answer a chosen class: one for all, one for each label, or (absent) given with each example. */
  | { readonly kind: 'targeted'; readonly target?: number | readonly number[] }
  /** The label must not be among the k best classes. */
  | { readonly kind: 'top-k'; readonly k: number }
  /** Only confusions that cost at least `least` count; costs[label][answer], shape [classes][classes]. */
  | { readonly kind: 'costly'; readonly costs: readonly (readonly number[])[]; readonly least: number }
) & { readonly reject?: Rejection };

export const MISCLASSIFIED: Criterion = { kind: 'misclassified' };

/** A criterion bound to the examples of one batch. */
export interface Judge {
  readonly criterion: Criterion;
  /** Whether row `row` of scores [·, classes] is what the adversary wants for an example. NaN never is. */
  isSuccess(scores: Float32Array, row: number, example: number): boolean;
  /** Whether any answer could be a success: not where the target is the label itself, or no confusion costs enough. */
  canSucceed(example: number): boolean;
  /** 1 for the classes that count when they win, shape [classes]. For top-k: all but the label. */
  wanted(example: number): Uint8Array;
}

export interface JudgeOptions {
  /** Default: misclassified. */
  readonly criterion?: Criterion | undefined;
  readonly classes: number;
  /** Class to get away from, shape [examples]. */
  readonly labels: Int32Array;
  /** Class to get to, shape [examples]; for a targeted criterion that names none. */
  readonly targets?: Int32Array | undefined;
}

/**
 * The criterion as a pure function on one row of scores. Classes fall into wanted and unwanted ones; success is that some
 * wanted class beats every unwanted one, ties going to the first class as in `predictedClass`. Plain misclassification
 * is the case in which only the label is unwanted.
 */
export function createJudge(options: JudgeOptions): Judge {
  const { criterion = MISCLASSIFIED, classes, labels } = options;
  if (criterion.kind === 'misclassified' && criterion.reject === undefined) {
    return {
      criterion,
      isSuccess: (scores, row, example) => isMisclassified(scores, classes, row, labels[example]!),
      canSucceed: () => classes > 1,
      wanted: (example) => allBut(classes, labels[example]!),
    };
  }
  const wanted = cached((example) => wantedClasses(options, example));
  const decides = decisionOf(options, wanted);
  return {
    criterion,
    wanted,
    canSucceed: (example) => wanted(example).includes(1),
    isSuccess: (scores, row, example) =>
      decides(scores, row, example) &&
      !isAbstained(scores.subarray(row * classes, (row + 1) * classes), criterion.reject),
  };
}

/**
 * How many classes come before `label` in one row of scores [·, classes]: 0 where it wins. Ties go to the first class;
 * a comparison with NaN never counts.
 */
export function rankOf(
  scores: Float32Array,
  classes: number,
  [row, label]: readonly [number, number],
): number {
  let before = 0;
  for (let k = 0; k < classes; k++)
    if (k !== label) before += Number(beats(scores, row * classes, [k, label]));
  return before;
}

/** Whether the model abstains. `scores` is one row; probabilities are those of a softmax over them. */
export function isAbstained(scores: Float32Array, reject: Rejection | undefined): boolean {
  if (reject === undefined) return false;
  if ('class' in reject) return predictedClass(scores, scores.length) === reject.class;
  const most = scores.reduce((a, b) => Math.max(a, b));
  const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
  return !(1 / sum >= reject.confidence);
}

type Decision = Judge['isSuccess'];

function decisionOf(
  { criterion = MISCLASSIFIED, classes, labels }: JudgeOptions,
  wanted: (example: number) => Uint8Array,
): Decision {
  if (criterion.kind === 'top-k')
    return (scores, row, example) => rankOf(scores, classes, [row, labels[example]!]) >= criterion.k;
  return (scores, row, example) => {
    const counts = wanted(example);
    const from = row * classes;
    return counts.some(
      (isWanted, k) =>
        isWanted === 1 && counts.every((other, u) => other === 1 || beats(scores, from, [k, u])),
    );
  };
}

function beats(scores: Float32Array, from: number, [k, other]: readonly [number, number]): boolean {
  const own = scores[from + k]!;
  const its = scores[from + other]!;
  return own > its || (k < other && own === its && Number.isFinite(own));
}

function wantedClasses(
  { criterion = MISCLASSIFIED, classes, labels, targets }: JudgeOptions,
  example: number,
): Uint8Array {
  const label = labels[example]!;
  const wanted = allBut(classes, label);
  if (criterion.kind === 'targeted') {
    const target = targetOf(criterion.target, label) ?? targets?.[example];
    wanted.forEach((_, k) => (wanted[k]! &= Number(k === target)));
  } else if (criterion.kind === 'costly') {
    wanted.forEach((_, k) => (wanted[k]! &= Number((criterion.costs[label]?.[k] ?? 0) >= criterion.least)));
  }
  if (criterion.reject !== undefined && 'class' in criterion.reject) wanted[criterion.reject.class] = 0;
  return wanted;
}

function targetOf(target: number | readonly number[] | undefined, label: number): number | undefined {
  return typeof target === 'object' ? target[label] : target;
}

function allBut(classes: number, label: number): Uint8Array {
  const wanted = new Uint8Array(classes).fill(1);
  wanted[label] = 0;
  return wanted;
}

function cached(compute: (example: number) => Uint8Array): (example: number) => Uint8Array {
  const known = new Map<number, Uint8Array>();
  return (example) => {
    const found = known.get(example) ?? compute(example);
    known.set(example, found);
    return found;
  };
}
