import { z } from 'zod';
import { defineAttack, THREAT_CLASSES, type AttackDescription } from '../attack.ts';
import { runFab } from '../minimum-norm/fab.ts';
import { candidatesParameter, restartsParameter, stepsParameter } from './shared-parameters.ts';

const parameters = z.strictObject({
  steps: stepsParameter(100),
  restarts: restartsParameter,
  largestBias: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Most of a step that leads towards the original, 0 to 1. Default 0.1.'),
  extrapolation: z
    .number()
    .min(1)
    .max(2)
    .default(1.05)
    .describe(
      'How far a step goes, as a multiple of the way to the linearised boundary, 1 to 2. Default 1.05.',
    ),
  backStep: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.9)
    .describe(
      'What is left of the perturbation after an adversarial was found, between 0 and 1. Default 0.9.',
    ),
});

const description = {
  access: 'gradients',
  norms: ['linf', 'l2', 'l1'],
  kind: 'minimum-norm',
  threatClass: THREAT_CLASSES.whiteBox,
} as const satisfies Partial<AttackDescription>;

const ranksUpTo = (most: number): number[] => Array.from({ length: most }, (_, i) => i + 1);

/** @see Croce & Hein (2020), ICML, arXiv 1907.02044: parameters of AutoAttack */
export const fab = defineAttack({
  ...description,
  name: 'fab',
  summary: 'Fast adaptive boundary: to the nearest of all linearised boundaries, with a pull to the example.',
  parameters: parameters.extend({ candidates: candidatesParameter }),
  run: (session, { candidates, ...given }) => runFab(session, given, [ranksUpTo(candidates)]),
});

/** Each of the likeliest other classes in turn: one gradient per step instead of one per class. */
export const fabTargeted = defineAttack({
  ...description,
  name: 'fab-t',
  summary: 'Fast adaptive boundary, one target class after another.',
  parameters: parameters.extend({
    targets: z.int().min(1).max(1_000).default(9).describe('Target classes, likeliest first. Default 9.'),
  }),
  run: (session, { targets, ...given }) =>
    runFab(
      session,
      given,
      ranksUpTo(targets).map((rank) => [rank]),
    ),
});
