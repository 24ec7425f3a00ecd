import { AppError } from '../../domain/errors.ts';
import { createRng } from '../../domain/rng.ts';
import { featureCount } from '../../domain/target.ts';
import { imageShape } from '../square/windows.ts';
import { CORRUPTIONS, type Corruption, type Severity } from './catalogue.ts';

export interface CorruptOptions {
  /** Shape [count, features], inside the range. */
  readonly inputs: Float32Array;
  /** Identity of each example: with the seed it decides every draw. */
  readonly ids: readonly string[];
  readonly inputShape: readonly number[];
  /** Valid range of the inputs, which is taken for [black, white]. */
  readonly range: readonly [number, number];
  readonly severity: Severity;
  readonly seed: number;
}

/** The corruptions that make sense for inputs of a shape: none for what is no image, those of colours for three channels. */
export function corruptionsFor(inputShape: readonly number[]): readonly Corruption[] {
  if (inputShape.length !== 2 && inputShape.length !== 3) return [];
  const { channels } = imageShape(inputShape);
  return CORRUPTIONS.filter(({ coloured }) => coloured !== true || channels === 3);
}

/**
 * The images corrupted, shape [count, features], inside the range. Draws are those of (corruption, seed, id), whatever the
 * severity and whoever else is there: severities of one image differ in strength alone.
 *
 * @throws {AppError} TEMPER_ATTACK_SHAPE when the inputs are no images, or have too few channels
 */
export function corrupt(
  corruption: Corruption,
  { inputs, ids, inputShape, range: [low, high], severity, seed }: CorruptOptions,
): Float32Array {
  if (!corruptionsFor(inputShape).includes(corruption))
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `corruption ${corruption.name} needs images${corruption.coloured === true ? ' with three channels' : ''}, got inputs of shape ${inputShape.join('×')}`,
    );
  const shape = imageShape(inputShape);
  const features = featureCount(inputShape);
  const corrupted = new Float32Array(inputs.length);
  ids.forEach((id, i) => {
    const values = inputs.slice(i * features, (i + 1) * features).map((x) => (x - low) / (high - low));
    const rng = createRng('corruption', corruption.name, seed, id);
    const changed = corruption.apply({ values, shape }, severity, rng);
    changed.forEach((x, j) => {
      // Rounding to float32 may leave the range by a hair.
      const back = Math.fround(low + (high - low) * Math.min(Math.max(x, 0), 1));
      corrupted[i * features + j] = Math.min(Math.max(back, low), high);
    });
  });
  return corrupted;
}
