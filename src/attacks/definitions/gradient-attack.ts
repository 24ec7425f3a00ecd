import { z } from 'zod';
import type { ScoreLoss } from '../../domain/target.ts';
import type { Norm } from '../../domain/threat-model.ts';
import {
  defineAttack,
  THREAT_CLASSES,
  type AttackDefinition,
  type AttackSession,
  type ParameterSchema,
} from '../attack.ts';
import type { GradientAttack } from '../loop/parts.ts';
import { runGradientAttack } from '../loop/run.ts';
import { rescaled, temperaturesOf } from '../losses/rescaled.ts';
import { averaged } from '../processing/averaged.ts';
import { optionalDrawsParameter, optionalTemperatureParameter } from './shared-parameters.ts';

/** What goes round any gradient attack. Optional and without defaults, so that they are no part of a recipe that does not use them. */
const wrappers = { draws: optionalDrawsParameter, temperature: optionalTemperatureParameter };

interface GradientAttackDescription<Shape extends z.ZodRawShape> {
  readonly name: string;
  readonly summary: string;
  /** Default: linf and l2. */
  readonly norms?: readonly Norm[];
  readonly parameters: z.ZodObject<Shape>;
  readonly build: (parameters: z.infer<z.ZodObject<Shape>>, session: AttackSession) => GradientAttack;
}

/**
 * An attack of the gradient family: a page of parts. Each takes two more parameters, whatever it is made of: `draws`
 * (expectation over transformations) and `temperature` (the loss is taken on rescaled scores).
 */
export function defineGradientAttack<Shape extends z.ZodRawShape>({
  name,
  summary,
  norms = ['linf', 'l2'],
  parameters,
  build,
}: GradientAttackDescription<Shape>): AttackDefinition {
  const own = parameters.shape;
  // Own keys come first, and stay when an attack gives a wrapper a default of its own.
  // The parts of the shape are parameters by the signature of defineAttack; a spread of generics loses that.
  const schema = z.strictObject({ ...own, ...wrappers, ...own }) as ParameterSchema;
  return defineAttack({
    name,
    summary,
    access: 'gradients',
    norms,
    kind: 'fixed-epsilon',
    threatClass: THREAT_CLASSES.whiteBox,
    parameters: schema,
    run(session, given) {
      const attack = build(given as z.infer<z.ZodObject<Shape>>, session); // the schema's own output
      return runGradientAttack(session, wrap(attack, given));
    },
  });
}

interface Wrapping {
  readonly draws?: number;
  readonly temperature?: number | 'auto';
}

function wrap(attack: GradientAttack, { draws = 1, temperature }: Wrapping): GradientAttack {
  return {
    ...attack,
    processing: draws > 1 ? [averaged(draws), ...attack.processing] : attack.processing,
    loss: (session, restart) => cooled(attack.loss(session, restart), { session, temperature }),
  };
}

function cooled(
  loss: ScoreLoss,
  { session, temperature }: { session: AttackSession; temperature: number | 'auto' | undefined },
): ScoreLoss {
  if (temperature === undefined) return loss;
  const { cleanScores, labels, target } = session;
  const temperatures =
    temperature === 'auto'
      ? temperaturesOf(cleanScores, target.classes)
      : new Float32Array(labels.length).fill(temperature);
  return rescaled(loss, temperatures);
}
