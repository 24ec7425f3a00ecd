import { AppError } from '../domain/errors.ts';
import type { AttackDefinition } from './attack.ts';
import { isCustom, knownCustomAttack } from './custom.ts';
import { apgdCe, apgdDlr, apgdMargin, apgdTargeted } from './definitions/apgd.ts';
import { bim, momentumIterative } from './definitions/bim.ts';
import { carliniWagner, carliniWagnerLinf } from './definitions/carlini-wagner.ts';
import { composed } from './definitions/composed.ts';
import { ddn } from './definitions/ddn.ts';
import {
  blendedNoise,
  boundary,
  geoDa,
  hopSkipJump,
  saltAndPepper,
  signOpt,
} from './definitions/decision.ts';
import { deepfool } from './definitions/deepfool.ts';
import { ead } from './definitions/ead.ts';
import { fab, fabTargeted } from './definitions/fab.ts';
import { fgsm, randomFgsm } from './definitions/fgsm.ts';
import { fmn } from './definitions/fmn.ts';
import { iterativeLeastLikely } from './definitions/iterative-least-likely.ts';
import { jsma } from './definitions/jsma.ts';
import { precomputed, transfer, universal } from './definitions/made-elsewhere.ts';
import { pgd, tradesPgd } from './definitions/pgd.ts';
import { nes, simba, simbaDct, spsa } from './definitions/score.ts';
import { spatial } from './definitions/spatial.ts';
import { square } from './definitions/square.ts';
import {
  diverseInputs,
  nesterovIterative,
  scaleInvariant,
  translationInvariant,
  varianceTuned,
} from './definitions/transfer.ts';

/** Attacks on a target by itself, in the order in which people should read them. A new attack is one file and one line here. */
export const ATTACKS: readonly AttackDefinition[] = [
  fgsm,
  randomFgsm,
  bim,
  momentumIterative,
  nesterovIterative,
  diverseInputs,
  translationInvariant,
  scaleInvariant,
  varianceTuned,
  iterativeLeastLikely,
  pgd,
  tradesPgd,
  apgdCe,
  apgdDlr,
  apgdMargin,
  apgdTargeted,
  composed,
  deepfool,
  ddn,
  fmn,
  carliniWagner,
  carliniWagnerLinf,
  ead,
  jsma,
  fab,
  fabTargeted,
  square,
  simba,
  simbaDct,
  nes,
  spsa,
  hopSkipJump,
  boundary,
  geoDa,
  signOpt,
  saltAndPepper,
  blendedNoise,
];

/** Attacks that need other models, files or data as well, or have limits of their own. */
export const FURTHER_ATTACKS: readonly AttackDefinition[] = [transfer, universal, precomputed, spatial];

/** The whole catalogue. */
export const CATALOGUE: readonly AttackDefinition[] = [...ATTACKS, ...FURTHER_ATTACKS];

const BY_NAME = new Map(CATALOGUE.map((attack) => [attack.name, attack]));

/**
 * An attack of the catalogue, or a custom one that this process has loaded.
 * @throws {AppError} TEMPER_ATTACK_UNKNOWN
 */
export function findAttack(name: string): AttackDefinition {
  const attack = isCustom(name) ? knownCustomAttack(name) : BY_NAME.get(name);
  if (attack !== undefined) return attack;
  throw new AppError(
    'TEMPER_ATTACK_UNKNOWN',
    `expected an attack of the catalogue (${Array.from(BY_NAME.keys()).join(', ')}), got "${name}"`,
  );
}
