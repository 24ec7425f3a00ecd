import type { Rng } from '../../domain/rng.ts';
import type { Image } from '../images/sample.ts';

/** x + deviation·N(0, 1). */
export function gaussianNoise({ values }: Image, deviation: number, rng: Rng): Float32Array {
  return values.map((x) => x + deviation * rng.normal());
}

/** Poisson(photons·x) / photons: what a sensor counts when white is `photons` on average. */
export function shotNoise({ values }: Image, photons: number, rng: Rng): Float32Array {
  return values.map((x) => poisson(photons * Math.max(x, 0), rng) / photons);
}

/** With the given chance a value becomes 0 or 1, either as likely. Two draws a value, so that severities share them. */
export function impulseNoise({ values }: Image, chance: number, rng: Rng): Float32Array {
  return values.map((x) => {
    const isHit = rng.uniform() < chance;
    const extreme = rng.uniform() < 0.5 ? 0 : 1;
    return isHit ? extreme : x;
  });
}

/** Knuth's product of uniforms; fine for the means up to 60 that corruptions have. */
function poisson(mean: number, rng: Rng): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = rng.uniform(); product > limit; product *= rng.uniform()) count++;
  return count;
}
