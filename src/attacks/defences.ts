import { AppError } from '../domain/errors.ts';
import { featureCount, hasGradient, type GradientTarget, type ScoreTarget } from '../domain/target.ts';
import { behindDefence } from './defended.ts';
import { throughJpeg } from './images/coarse.ts';
import { medianSmooth } from './images/median.ts';
import { imageShape, type ImageShape } from './square/windows.ts';

/** A preprocessing step that a deployment has in front of its model, as people declare it. */
export interface DefenceKind {
  readonly name: string;
  /** How it is written. */
  readonly form: string;
  readonly summary: string;
  /** Least and largest constant, whole numbers. */
  readonly limits: readonly [number, number];
  /** Whether it needs images. */
  readonly image: boolean;
  /** What becomes of one example with values in [0, 1]. */
  readonly apply: (values: Float32Array, constant: number, shape: ImageShape) => Float32Array;
}

export const DEFENCES: readonly DefenceKind[] = [
  {
    name: 'bits',
    form: 'bits:<1 to 8>',
    summary: 'Values rounded to so many bits.',
    limits: [1, 8],
    image: false,
    apply: roundToBits,
  },
  {
    name: 'median',
    form: 'median:<3 to 9, odd>',
    summary: 'Each value becomes the median of a square window of so many pixels.',
    limits: [3, 9],
    image: true,
    apply: (values, size, shape) => medianSmooth({ values, shape }, size),
  },
  {
    name: 'jpeg',
    form: 'jpeg:<1 to 100>',
    summary: 'Written as a JPEG of this quality and read back.',
    limits: [1, 100],
    image: true,
    apply: (values, quality, shape) => throughJpeg({ values, shape }, quality),
  },
];

function roundToBits(values: Float32Array, bits: number): Float32Array {
  const steps = 2 ** bits - 1;
  return values.map((x) => Math.round(x * steps) / steps);
}

interface Declared {
  readonly kind: DefenceKind;
  readonly constant: number;
}

/** @throws {AppError} TEMPER_ATTACK_PARAMETER when nothing is declared like that */
export function parseDefence(text: string): Declared {
  const [name = '', constant = ''] = text.split(':');
  const kind = DEFENCES.find((one) => one.name === name);
  const value = /^\d+$/.test(constant) ? Number(constant) : NaN;
  const isFit =
    kind !== undefined &&
    value >= kind.limits[0] &&
    value <= kind.limits[1] &&
    (kind.name !== 'median' || value % 2 === 1);
  if (isFit) return { kind, constant: value };
  throw new AppError(
    'TEMPER_ATTACK_PARAMETER',
    `expected a defence (${DEFENCES.map(({ form }) => form).join(', ')}), got "${text}"`,
  );
}

/**
 * The target with declared preprocessing in front of it, the first nearest to the input. Gradients are taken through it
 * as if it changed nothing (BPDA), since none of it has useful ones. Inputs are taken to lie in [0, 1].
 *
 * @throws {AppError} TEMPER_ATTACK_PARAMETER | TEMPER_ATTACK_SHAPE when a defence needs images
 */
export function declareDefences(
  target: ScoreTarget | GradientTarget,
  declared: readonly string[],
): ScoreTarget | GradientTarget {
  const steps = declared.map(parseDefence);
  if (steps.length === 0) return target;
  const { inputShape } = target;
  const isImage = inputShape.length === 2 || inputShape.length === 3;
  const needy = steps.find(({ kind }) => kind.image && !isImage);
  if (needy !== undefined)
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `defence ${needy.kind.name} needs images, the model takes ${inputShape.join('×')}`,
    );
  const shape = imageShape(inputShape);
  const features = featureCount(inputShape);
  const apply = ({
    inputs,
    count,
  }: {
    readonly inputs: Float32Array;
    readonly count: number;
  }): Float32Array => {
    const defended = new Float32Array(inputs.length);
    for (let i = 0; i < count; i++) {
      const row = inputs.slice(i * features, (i + 1) * features);
      const changed = steps.reduce<Float32Array>(
        (values, { kind, constant }) => kind.apply(values, constant, shape),
        row,
      );
      defended.set(changed, i * features);
    }
    return defended;
  };
  if (hasGradient(target)) return behindDefence(target, { apply });
  return {
    inputShape,
    classes: target.classes,
    scores: (batch) => target.scores({ ...batch, inputs: apply(batch) }),
  };
}
