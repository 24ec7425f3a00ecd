import { createHash } from 'node:crypto';

/** A stream of random draws. Equal seeds give equal streams on every machine and engine. */
export interface Rng {
  /** 32 random bits as an integer in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1) with 53 random bits. */
  uniform(): number;
  /** Uniform integer in [0, bound), bound in 1..2^32; unbiased. */
  below(bound: number): number;
  /** Standard normal. */
  normal(): number;
}

/**
 * Generator seeded by identity (seed, sample id, recipe id, restart…), not by order, so that batching, sharding and
 * retries draw the same numbers. The parts are hashed with SHA-256 into the 128-bit state of xoshiro128**.
 *
 * @param identity parts that name the stream; ['a', 'b'] and ['ab'] are different streams
 * @see Blackman & Vigna (2021), Scrambled linear pseudorandom number generators, ACM TOMS 47(4)
 */
export function createRng(...identity: readonly (string | number)[]): Rng {
  const state = seedState(identity);
  const uint32 = (): number => nextXoshiro(state);
  const uniform = (): number => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;
  let spare: number | undefined;
  return {
    uint32,
    uniform,
    below(bound) {
      const limit = 2 ** 32 - (2 ** 32 % bound);
      let draw = uint32();
      while (draw >= limit) draw = uint32();
      return draw % bound;
    },
    /** Marsaglia's polar method: draws come in pairs, the second is kept. */
    normal() {
      if (spare !== undefined) {
        const kept = spare;
        spare = undefined;
        return kept;
      }
      for (;;) {
        const u = 2 * uniform() - 1;
        const v = 2 * uniform() - 1;
        const s = u * u + v * v;
        if (s === 0 || s >= 1) continue;
        const scale = Math.sqrt((-2 * Math.log(s)) / s);
        spare = v * scale;
        return u * scale;
      }
    },
  };
}

/** Fisher–Yates: a uniformly random order of 0 … n−1. O(n). */
export function permutation(n: number, rng: Rng): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}

function seedState(identity: readonly (string | number)[]): Uint32Array {
  const digest = createHash('sha256').update(JSON.stringify(identity)).digest();
  const state = Uint32Array.from({ length: 4 }, (_, i) => digest.readUInt32LE(4 * i));
  if (state.every((word) => word === 0)) state[0] = 1;
  return state;
}

function nextXoshiro(s: Uint32Array): number {
  const result = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0;
  const t = s[1]! << 9;
  s[2]! ^= s[0]!;
  s[3]! ^= s[1]!;
  s[1]! ^= s[2]!;
  s[0]! ^= s[3]!;
  s[2]! ^= t;
  s[3] = rotateLeft(s[3]!, 11);
  return result;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
