import { AppError } from '../domain/errors.ts';
import type { AttackDefinition } from './attack.ts';
import { apgdCe, apgdDlr, apgdMargin, apgdTargeted } from './definitions/apgd.ts';
import { bim, momentumIterative } from './definitions/bim.ts';
import { carliniWagner } from './definitions/carlini-wagner.ts';
import { ddn } from './definitions/ddn.ts';
import { blendedNoise, boundary, hopSkipJump, saltAndPepper } from './definitions/decision.ts';
import { deepfool } from './definitions/deepfool.ts';
import { ead } from './definitions/ead.ts';
import { fab, fabTargeted } from './definitions/fab.ts';
import { fgsm, randomFgsm } from './definitions/fgsm.ts';
import { fmn } from './definitions/fmn.ts';
import { iterativeLeastLikely } from './definitions/iterative-least-likely.ts';
import { pgd, tradesPgd } from './definitions/pgd.ts';
import { nes, simba, simbaDct, spsa } from './definitions/score.ts';
import { square } from './definitions/square.ts';
import {
  diverseInputs,
  nesterovIterative,
  scaleInvariant,
  translationInvariant,
  varianceTuned,
} from './definitions/transfer.ts';

/** Every attack, in the order in which people should read them. A new attack is one file and one line here. */
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
  deepfool,
  ddn,
  fmn,
  carliniWagner,
  ead,
  fab,
  fabTargeted,
  square,
  simba,
  simbaDct,
  nes,
  spsa,
  hopSkipJump,
  boundary,
  saltAndPepper,
  blendedNoise,
];

const BY_NAME = new Map(ATTACKS.map((attack) => [attack.name, attack]));

/** @throws {AppError} TEMPER_ATTACK_UNKNOWN */
export function findAttack(name: string): AttackDefinition {
  const attack = BY_NAME.get(name);
  if (attack !== undefined) return attack;
  throw new AppError(
    'TEMPER_ATTACK_UNKNOWN',
    `expected an attack of the catalogue (${Array.from(BY_NAME.keys()).join(', ')}), got "${name}"`,
  );
}
