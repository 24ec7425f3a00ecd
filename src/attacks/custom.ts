import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { AppError, toError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';
import { splitContent, withContent } from '../domain/recipe.ts';
import { NORMS } from '../domain/threat-model.ts';
import { defineAttack, THREAT_CLASSES, type AttackDefinition } from './attack.ts';
import { defineGradientAttack } from './definitions/gradient-attack.ts';
import { namedLoss } from './losses/named.ts';
import { momentum } from './processing/momentum.ts';
import { constant } from './schedules/constant.ts';
import { falling } from './schedules/falling.ts';
import { halving } from './schedules/halving.ts';
import { normalStart } from './starts/noise.ts';
import { originStart } from './starts/origin.ts';
import { surfaceStart, uniformStart } from './starts/random.ts';
import { ascend } from './steps/ascend.ts';
import { inertial } from './steps/inertial.ts';

/** How a recipe names a custom attack: `module:<path>`. */
export const MODULE_PREFIX = 'module:';

/**
 * What a module gets to define its attack with. It is handed over, not imported, so that a module needs no dependency and
 * cannot bring another version of one.
 */
export const ATTACK_KIT = {
  defineAttack,
  defineGradientAttack,
  z,
  THREAT_CLASSES,
  namedLoss,
  starts: { originStart, uniformStart, surfaceStart, normalStart },
  steps: { ascend, inertial },
  schedules: { constant, falling, halving },
  processing: { momentum },
} as const;
export type AttackKit = typeof ATTACK_KIT;

const loaded = new Map<string, AttackDefinition>();
/** Content of each file as it was when it was loaded: Node keeps a module until its process ends. */
const contents = new Map<string, string>();

export function isCustom(attack: string): boolean {
  return attack.startsWith(MODULE_PREFIX);
}

/**
 * The key of a custom attack with the hash of what its file holds now, so that a changed file is another attack.
 * @throws {AppError} TEMPER_ATTACK_MODULE when there is no such file
 */
export async function customAttackKey(attack: string, folder: string): Promise<string> {
  const path = resolve(folder, splitContent(attack.slice(MODULE_PREFIX.length)).path);
  return MODULE_PREFIX + withContent(path, sha256(await readModule(path)));
}

/** The attack of a key, if this process has loaded it. */
export function knownCustomAttack(key: string): AttackDefinition | undefined {
  return loaded.get(key);
}

/**
 * Loads the module that a key names and lets it define its attack: `createAttack(kit)`, exported by name or as default,
 * of an ES or a CommonJS module. The code runs with all rights of the process.
 *
 * @throws {AppError} TEMPER_ATTACK_MODULE when the file cannot be loaded, is another than the key says, or defines no attack
 */
export async function loadCustomAttack(key: string): Promise<AttackDefinition> {
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const { path, hash } = splitContent(key.slice(MODULE_PREFIX.length));
  const found = sha256(await readModule(path)).slice(0, 16);
  const before = contents.get(path) ?? found;
  if (found !== hash || before !== hash)
    throw moduleError(
      path,
      `content ${hash ?? 'of any kind'}, got ${found === hash ? before : found}: it was changed; start the process again`,
    );
  contents.set(path, found);
  const definition = { ...(await define(path)), name: key };
  loaded.set(key, definition);
  return definition;
}

async function readModule(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (caught) {
    throw moduleError(path, `a file that can be read, got ${toError(caught).message}`, caught);
  }
}

async function define(path: string): Promise<AttackDefinition> {
  let exported: Record<string, unknown>;
  try {
    exported = (await import(path)) as Record<string, unknown>;
  } catch (caught) {
    throw moduleError(path, `a module that loads, got ${toError(caught).message}`, caught);
  }
  const inner = exported['default'] as { createAttack?: unknown } | undefined;
  const createAttack = [exported['createAttack'], inner?.createAttack, inner].find(isFunction);
  if (createAttack === undefined)
    throw moduleError(
      path,
      `an export createAttack(kit), got ${Object.keys(exported).join(', ') || 'nothing'}`,
    );
  let made: unknown;
  try {
    made = await createAttack(ATTACK_KIT);
  } catch (caught) {
    throw moduleError(path, `createAttack to define an attack, got ${toError(caught).message}`, caught);
  }
  const mistakes = definitionSchema.safeParse(made).error?.issues ?? [];
  if (mistakes.length > 0)
    throw moduleError(
      path,
      `what defineAttack returns, got ${mistakes.map(({ path: at, message }) => `${at.join('.') || 'it'}: ${message}`).join('; ')}`,
    );
  return made as AttackDefinition; // checked
}

function isFunction(value: unknown): value is (kit: AttackKit) => unknown {
  return typeof value === 'function';
}

const definitionSchema = z.object({
  name: z.string().min(1),
  summary: z.string().min(1),
  access: z.enum(['gradients', 'scores', 'decisions']),
  norms: z.array(z.enum(NORMS)).min(1),
  kind: z.enum(['fixed-epsilon', 'minimum-norm']),
  threatClass: z.string().min(1),
  parameters: z.instanceof(z.ZodObject),
  prepare: z.custom(isFunction, 'expected the function that defineAttack adds'),
});

function moduleError(path: string, expected: string, cause?: unknown): AppError {
  return new AppError('TEMPER_ATTACK_MODULE', `custom attack ${path}: expected ${expected}`, { cause });
}
