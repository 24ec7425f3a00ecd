import { readFile } from 'node:fs/promises';
import type { AttackAids, NamedArray } from '../attacks/attack.ts';
import { findAttack } from '../attacks/catalogue.ts';
import { presetRecipe } from '../attacks/presets.ts';
import { loadData } from '../data/dataset.ts';
import { AppError, toError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';
import { splitContent } from '../domain/recipe.ts';
import type { GradientTarget, ScoreTarget } from '../domain/target.ts';
import { decodeNpz } from '../protocols/npz-read.ts';

/** Three beside the target are as many as a process keeps loaded. */
const MOST_SURROGATES = 3;
const MOST_KEPT = 32;

/** What was made once in this process, oldest first. */
const kept = new Map<string, Promise<unknown>>();

/**
 * Files, models and data for the attacks on one target.
 * @param identity of the target: what is made once is made once for it
 */
export function createAids(target: ScoreTarget | GradientTarget, identity: string): AttackAids {
  return {
    target,
    arrays: (reference) => once(`arrays ${reference}`, () => readArrays(reference)),
    surrogates,
    async examples(name, rows) {
      const data = await loadData(name);
      return data.rows(Array.from({ length: Math.min(rows, data.count) }, (_, i) => i));
    },
    attack(recipe) {
      const { attack, parameters } = presetRecipe(recipe);
      const { name, norms, kind, prepare } = findAttack(attack);
      return Promise.resolve({ name, norms, kind, run: prepare(parameters) });
    },
    once: (key, make) => once(`${identity} ${key}`, make),
  };
}

async function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  const known = kept.get(key) as Promise<T> | undefined; // only this function writes, and a key has one type
  if (known !== undefined) return known;
  const making = make();
  kept.set(key, making);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  try {
    return await making;
  } catch (caught) {
    kept.delete(key);
    throw caught;
  }
}

async function readArrays(reference: string): Promise<ReadonlyMap<string, NamedArray>> {
  const { path, hash } = splitContent(reference);
  const bytes = await readFile(path).catch((caught: unknown) => {
    throw new AppError('TEMPER_DATA_NOT_FOUND', `${path} cannot be read: ${toError(caught).message}`);
  });
  const found = sha256(bytes).slice(0, 16);
  if (hash !== undefined && hash !== found)
    throw new AppError(
      'TEMPER_DATA_CORRUPT',
      `${path}: expected content ${hash}, got ${found}: it was changed`,
    );
  return decodeNpz(bytes);
}

async function surrogates(references: readonly string[]): Promise<readonly GradientTarget[]> {
  if (references.length > MOST_SURROGATES)
    throw new AppError(
      'TEMPER_ATTACK_PARAMETER',
      `expected at most ${MOST_SURROGATES} surrogates, got ${references.length}`,
    );
  const [{ modelRefOf }, { replicaOf }] = await Promise.all([
    import('../models/artifact.ts'),
    import('../models/replica.ts'),
  ]);
  const models: GradientTarget[] = [];
  for (const reference of references) {
    const { path, hash } = splitContent(reference);
    const ref = await modelRefOf(path);
    if (hash !== undefined && !ref.sha256.startsWith(hash))
      throw new AppError('TEMPER_MODEL_CORRUPT', `${path}: expected content ${hash}, got ${ref.sha256}`);
    models.push(await replicaOf(ref));
  }
  return models;
}
