import { z } from 'zod';
import { trainingConfigSchema } from '../../src/training/config.ts';

/** Keys of `harden.data` that name splits, in the order in which stages see them. */
export const HARDEN_SPLITS = ['train', 'validation', 'gate', 'baseline', 'canaries'] as const;

export const hardenDataSchema = z
  .strictObject({
    train: z.string().default('mnist:train').describe('Training split. Default mnist:train.'),
    trainRows: z
      .int()
      .min(1)
      .optional()
      .describe('Rows of the training split used per run, drawn anew each run. Default: all.'),
    validation: z
      .string()
      .default('mnist:validation')
      .describe('Split for early stopping. Default mnist:validation.'),
    gate: z
      .string()
      .default('mnist:gate')
      .describe('Split that decides the gate; trained on by nobody. Default mnist:gate.'),
    gateRows: z.int().min(30).optional().describe('Rows of the gate split that are attacked. Default: all.'),
    baseline: z
      .string()
      .default('mnist:baseline')
      .describe(
        'Split on which the baseline is measured after the gate; it decides nothing. Default mnist:baseline.',
      ),
    baselineRows: z
      .int()
      .min(30)
      .optional()
      .describe('Rows of the baseline split that are probed. Default: all.'),
    canaries: z
      .string()
      .default('mnist:canaries')
      .describe('Split the labelled canaries come from. Default mnist:canaries.'),
  })
  .prefault({})
  .describe('Which data each stage sees. No two stages share a split.');

const policy = z
  .strictObject({
    minimumCleanAccuracy: z
      .number()
      .min(0)
      .max(1)
      .default(0.95)
      .describe('The lower limit of clean accuracy must be at least this. Default 0.95.'),
    minimumRobustAccuracy: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe(
        'The lower limit of the worst-case accuracy under held-out attacks must be at least this. Default 0.5.',
      ),
    maximumCleanDrop: z
      .number()
      .min(0)
      .max(1)
      .default(0.02)
      .describe(
        'Clean accuracy may fall by at most this against the version it replaces (point estimates). Default 0.02.',
      ),
    maximumRobustDrop: z
      .number()
      .min(0)
      .max(1)
      .default(0.02)
      .describe(
        'Worst-case accuracy may fall by at most this against the champion, on the same images. Default 0.02.',
      ),
    requireHeldOutAttacks: z
      .int()
      .min(1)
      .default(2)
      .describe('At least this many attacks that training did not use must have been run. Default 2.'),
  })
  .prefault({})
  .describe('What the gate demands. Held-out attacks decide; the training attack only informs.');

const trigger = z
  .strictObject({
    onVerdict: z
      .array(z.enum(['degraded', 'breached']))
      .default(['degraded', 'breached'])
      .describe('Verdicts that write a run request. Default both.'),
    cooldownSeconds: z
      .number()
      .min(0)
      .default(3600)
      .describe('Least event time between two requests by threshold, seconds. Default 3600.'),
    settleSamples: z
      .int()
      .min(0)
      .default(0)
      .describe(
        'Samples folded after the alarm before the request is written, so that collect sees the new state. Default 0.',
      ),
    schedule: z
      .string()
      .optional()
      .describe('Cron expression in UTC for periodic runs, e.g. "0 3 * * 0". Default: none.'),
  })
  .prefault({})
  .describe('What writes run requests.');

/** Settings of the hardening pipeline. */
export const hardenConfigSchema = z
  .strictObject({
    directory: z
      .string()
      .default('runs')
      .describe('Folder of the runs, one subfolder each. Default runs.')
      .meta({ path: true }),
    pollSeconds: z
      .number()
      .positive()
      .default(2)
      .describe('How often the worker looks for a request, seconds. Default 2.'),
    workers: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('Compute processes. Default: from engine and cores.'),
    heldOutAttacks: z
      .array(z.string().min(1))
      .min(1)
      .default(['apgd-ce', 'square-1000'])
      .describe(
        'Recipes and suites (e.g. autoattack-standard) that decide the gate; names of recipe files too. Training must not use them. Default [apgd-ce, square-1000].',
      ),
    informationalAttacks: z
      .array(z.string().min(1))
      .default(['pgd-20'])
      .describe('Recipes that are reported but decide nothing (the training attack). Default [pgd-20].'),
    verifyTimeoutSeconds: z
      .number()
      .positive()
      .default(120)
      .describe('How long verify waits for the served model to report the new version. Default 120.'),
    warmStart: z
      .enum(['champion', 'served', 'none'])
      .default('champion')
      .describe(
        'Where training starts: the last gated version (fresh weights when there is none), the served version, or always fresh weights of the served topology. Default champion.',
      ),
    dangerouslyAllowSingleStep: z
      .boolean()
      .default(false)
      .describe(
        'Allow training on single-step attacks from random starts, which overfit catastrophically. Default false.',
      ),
    generatedRows: z
      .int()
      .min(0)
      .default(512)
      .describe(
        'Training rows attacked with every sentinel before training and used as they are, besides production adversarials. Default 512.',
      ),
    generatedWith: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Recipes beside the sentinels with which those rows are attacked, e.g. finds of the explorer from a recipe file. Default none.',
      ),
    data: hardenDataSchema,
    training: trainingConfigSchema.prefault({}),
    policy,
    trigger,
  })
  .describe('How a model is hardened and what the gate demands.');

export type HardenConfig = z.infer<typeof hardenConfigSchema>;
