import type { NpyArray } from '../protocols/npz.ts';
import type { PerExample } from './result.ts';

/**
 * What an evaluation was counted from, as arrays of a NumPy archive; one value per example, in the order of the data.
 * For each recipe: whether it broke the example, whether the example is read right and was not broken (false where an
 * earlier recipe had broken it and this one was not tried), the distance of the adversarial (infinite where there is none),
 * and what was asked of the model.
 */
export function perExampleArrays(perExample: PerExample): Record<string, NpyArray> {
  const { label, cleanPrediction, cleanCorrect, attacks } = perExample;
  const ofAttacks = attacks.flatMap(
    ({ recipe, attacked, survives, distance, forwardQueries, gradientQueries }): [string, NpyArray][] => [
      [`success_${recipe}`, flags(survives.map((stands, i) => (attacked[i] === 1 && stands === 0 ? 1 : 0)))],
      [`survives_${recipe}`, flags(survives)],
      [`distance_${recipe}`, { data: distance }],
      [`queries_${recipe}`, { data: forwardQueries }],
      [`gradient_queries_${recipe}`, { data: gradientQueries }],
    ],
  );
  return {
    label: { data: label },
    clean_prediction: { data: cleanPrediction },
    clean_correct: flags(cleanCorrect),
    ...Object.fromEntries(ofAttacks),
  };
}

function flags(data: Uint8Array): NpyArray {
  return { data, isBoolean: true };
}
