import { z } from 'zod';

import { HARDEN_SPLITS, hardenDataSchema } from '../../pipelines/harden/config.ts';
import { constraintsConfigSchema, criterionSchema } from '../attacks/config.ts';
import { resolveConstraints } from '../attacks/constraints/resolve.ts';
import { criterionMistakes } from '../attacks/criteria/check.ts';
import { featureCount } from '../domain/target.ts';
import { ACCESSES, NORMS } from '../domain/threat-model.ts';
import type { CrossRule } from './load-sections.ts';

/** What is watched: the model by name, and the shape of what it is asked. */
export const modelSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/)
      .describe(
        'Name of the model in the registry, at the served endpoint and in every metric. Letters, digits, "_", "." and "-", at most 63.',
      )
      .meta({ examples: ['digits'] }),
    inputShape: z
      .array(z.int().min(1))
      .min(1)
      .max(4)
      .describe('Shape of one input without the batch dimension, e.g. [height, width, channels].')
      .meta({ examples: [[28, 28, 1]] }),
    classes: z
      .int()
      .min(2)
      .describe('Number of classes, at least 2.')
      .meta({ examples: [10] }),
    range: z
      .tuple([z.number(), z.number()])
      .refine(([low, high]) => low < high, 'a low end below the high end, [low, high]')
      .default([0, 1])
      .describe(
        'Valid range of every input value, [low, high], in the units that the model is served in. Attacks stay inside.',
      ),
  })
  .describe('The model that is kept robust.');

export const threatModelSchema = z
  .strictObject({
    norm: z
      .enum(NORMS)
      .default('linf')
      .describe(
        'How the size of a perturbation is measured: the largest change (linf), Euclidean (l2), sum (l1), number of values (l0).',
      ),
    epsilon: z
      .number()
      .positive()
      .describe(
        'Largest perturbation that the adversary may make, in units of the input and the norm. Above 0.',
      )
      .meta({ examples: [0.3] }),
    access: z
      .enum(ACCESSES)
      .default('gradients')
      .describe(
        'What the adversary may see of the model, from most to least: gradients, scores or decisions.',
      ),
    queryBudget: z
      .int()
      .min(1)
      .optional()
      .describe(
        'Most forward queries that an attack may spend on one input. Left out: what the recipe itself allows.',
      )
      .meta({ examples: [5000] }),
    criterion: criterionSchema.optional(),
    constraints: constraintsConfigSchema.optional(),
  })
  .describe('The adversary that the model must withstand.');

export const logSchema = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('Least important level that is logged: debug, info, warn or error.'),
  })
  .describe('Logging. Lines go to standard error: JSON, or readable text on a terminal.');

export const seedSchema = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .default(0)
  .describe(
    'Seed of every random draw. The same seed, data and engine give the same numbers. 0 to 4294967295.',
  );

/** A perturbation wider than the valid range is no limit at all (Linf only: other norms grow with the number of values). */
export const epsilonWithinRange: CrossRule = ({ model, threatModel }) => {
  const range = memberOf(model, 'range') ?? [0, 1];
  const epsilon = memberOf(threatModel, 'epsilon');
  const norm = memberOf(threatModel, 'norm') ?? 'linf';
  // With scales epsilon is in other units than the range.
  if (memberOf(threatModel, 'constraints') !== undefined) return [];
  if (!Array.isArray(range) || typeof epsilon !== 'number' || norm !== 'linf') return [];
  const [low, high] = range as readonly unknown[];
  if (typeof low !== 'number' || typeof high !== 'number' || epsilon <= high - low || low >= high) return [];
  const expected = `at most ${high - low}, the width of model.range`;
  return [{ path: ['threatModel', 'epsilon'], expected, got: String(epsilon) }];
};

/** What decides must not have been trained on, and what measures must not have decided: each stage has a split of its own. */
export const splitsAreDisjoint: CrossRule = ({ harden }) => {
  const data = hardenDataSchema.safeParse(memberOf(harden, 'data') ?? {});
  if (!data.success) return [];
  const firstUse = new Map<string, string>();
  return HARDEN_SPLITS.flatMap((key) => {
    const split = data.data[key];
    const other = firstUse.get(split);
    if (other === undefined) {
      firstUse.set(split, key);
      return [];
    }
    const expected = `a split that no other stage sees, harden.data.${other} is the same`;
    return [{ path: ['harden', 'data', key], expected, got: `"${split}"` }];
  });
};

/** A criterion names classes, and constraints name features: those that the model has. */
export const adversaryFitsModel: CrossRule = ({ model: rawModel, threatModel: rawThreat }) => {
  const model = modelSchema.safeParse(rawModel);
  const threat = threatModelSchema.safeParse(rawThreat);
  // What is wrong by itself has been reported with its section.
  if (!model.success || !threat.success) return [];
  const { inputShape, classes, range } = model.data;
  const { criterion, constraints } = threat.data;
  const unfit = criterion === undefined ? [] : criterionMistakes(criterion, { classes, hasTargets: false });
  const unresolved =
    constraints === undefined
      ? []
      : resolveConstraints(constraints, { features: featureCount(inputShape), range }).mistakes;
  return [
    ...unfit.map(({ path, expected, got }) => ({
      path: ['threatModel', 'criterion', ...path],
      expected,
      got,
    })),
    ...unresolved.map(({ path, ...rest }) => ({ path: ['threatModel', 'constraints', ...path], ...rest })),
  ];
};

function memberOf(value: unknown, key: string): unknown {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined;
}
