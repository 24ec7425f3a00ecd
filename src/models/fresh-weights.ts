import { createRng } from '../domain/rng.ts';
import { featureCount } from '../domain/target.ts';
import type { ModelArtifact } from './artifact.ts';
import { joinFloats, type WeightSpec } from './flat-weights.ts';

/**
 * The same network with new weights: kernels normal with variance 2 / fan-in (He), biases zero, scales and variances of
 * normalisations one. Equal seeds give equal weights on every engine.
 * @see He et al. (2015), Delving deep into rectifiers, ICCV
 */
export function buildFreshWeights(model: ModelArtifact, seed: number): ModelArtifact {
  return { ...model, weights: joinFloats(model.weightSpecs.map((spec) => freshWeight(spec, seed))) };
}

function freshWeight({ name, shape }: WeightSpec, seed: number): Float32Array {
  const count = featureCount(shape);
  if (/(gamma|moving_variance)$/.test(name)) return new Float32Array(count).fill(1);
  if (shape.length < 2) return new Float32Array(count);
  const deviation = Math.sqrt(2 / (count / shape.at(-1)!));
  const rng = createRng('fresh-weights', seed, name);
  return Float32Array.from({ length: count }, () => deviation * rng.normal());
}
