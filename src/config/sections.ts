import { hardenConfigSchema } from '../../pipelines/harden/config.ts';
import { probingConfigSchema } from '../probing/config.ts';
import { epsilonWithinRange, logSchema, modelSchema, seedSchema, threatModelSchema } from './base.ts';
import type { CrossRule } from './load-sections.ts';

/** Every top-level key of temper.yaml, in the order in which the example shows them. */
export const SECTIONS = {
  model: modelSchema,
  threatModel: threatModelSchema,
  probing: probingConfigSchema.prefault({}),
  harden: hardenConfigSchema.prefault({}),
  log: logSchema,
  seed: seedSchema,
} as const;

export const RULES: readonly CrossRule[] = [epsilonWithinRange];
