import { z } from 'zod';
import { criterionSchema } from '../attacks/config.ts';
import { ACCESSES, NORMS } from '../domain/threat-model.ts';

const share = z.number().min(0).max(1);
const count = z.int().min(0);

/** A proportion with its exact interval. */
export const intervalSchema = z.strictObject({
  value: share.describe('Estimate.'),
  lower: share.describe('Lower confidence limit.'),
  upper: share.describe('Upper confidence limit.'),
  n: count.describe('Examples behind it.'),
  confidence: z.number().gt(0).lt(1).describe('Coverage of the interval.'),
});

const attackSchema = z.strictObject({
  recipe: z.string().describe('Name of the recipe.'),
  id: z.string().describe('Hash of attack and parameters.'),
  suite: z.string().exactOptional().describe('Suite that it ran in; absent when asked for by itself.'),
  scope: z
    .enum(['standalone', 'survivors'])
    .describe(
      'standalone: run on every example that is read right; survivors: only on those that all recipes before left standing, robust_accuracy then counts these recipes together.',
    ),
  limits: z
    .literal('own')
    .exactOptional()
    .describe(
      'own: limited by its own parameters instead of norm and epsilon, distances in its own unit; no part of the worst case. Absent: by the threat model.',
    ),
  attacked: count.describe('Examples that it was run on.'),
  robust_accuracy: intervalSchema.describe('Share of all examples that are read right and were not broken.'),
  median_distance: z
    .number()
    .min(0)
    .exactOptional()
    .describe('Median distance of the examples that it broke; absent when it broke none.'),
  forward_queries: count.describe('Forward passes, summed over examples.'),
  gradient_queries: count.describe('Gradients, summed over examples.'),
  seconds: z.number().min(0).describe('Wall time.'),
});

const suiteSchema = z.strictObject({
  name: z.string().describe('Name of the suite.'),
  version: z.string().describe('Its version: results of different versions do not compare.'),
  recipes: z.array(z.string()).describe('Its recipes, in the order in which they ran.'),
  robust_accuracy: intervalSchema.describe(
    'Share of all examples that are read right and that none of them broke.',
  ),
});

const indicatorsSchema = z.strictObject({
  zero_margin_gradient: share
    .exactOptional()
    .describe('Share of examples at which the margin has no gradient. Raised above 0.01.'),
  randomised: z
    .boolean()
    .exactOptional()
    .describe('Whether equal inputs get scores that differ by more than 1e-4 of the largest.'),
  softmax_output: z.boolean().exactOptional().describe('Whether scores are probabilities.'),
  black_box_beats_white_box: z
    .number()
    .exactOptional()
    .describe(
      'Lower limit of how much more the black-box attack breaks than the white-box recipes, as a share of the same examples. Raised above 0.',
    ),
  silent_success: share
    .exactOptional()
    .describe(
      'Share of examples said to withstand the white-box recipes although a path passed an adversarial inside the ball. Raised above 0.02.',
    ),
  incomplete_optimisation: share
    .exactOptional()
    .describe(
      'Share of examples that withstand on which the margin gained more than a twentieth of its rise in the last tenth of the questions, under the recipe with the fewest. Raised above 0.5.',
    ),
  unbounded_attack_fails: z
    .boolean()
    .exactOptional()
    .describe(
      'Whether more examples than guessing would leave withstand PGD with the whole range as epsilon.',
    ),
  label_leak: z
    .boolean()
    .exactOptional()
    .describe('Whether accuracy under FGSM with true labels is above clean accuracy, at the lower limit.'),
});

const sidesShape = {
  white_box: intervalSchema.exactOptional().describe('Share that withstands the gradient attacks.'),
  black_box: intervalSchema.exactOptional().describe('Share that withstands the black-box attack.'),
};

const maskingEvidenceSchema = z.strictObject({
  examples: count.describe('Examples, read right, that both sides were run on.'),
  raised: z.array(z.string()).describe('Indicators that were raised.'),
  ...sidesShape,
  escalated: z
    .strictObject({
      ...sidesShape,
      advantage_lower: z
        .number()
        .describe('Lower limit of how much more the black-box side breaks. Above 0.02: masked.'),
    })
    .exactOptional()
    .describe('Both sides after they tried harder; absent when nothing was raised, or nothing could.'),
});

const corruptionSchema = z.strictObject({
  corruption: z.string().describe('Name of the corruption.'),
  severity: z.int().min(1).max(5).describe('1, slight, to 5, heavy.'),
  accuracy: intervalSchema.describe('Share of all examples that are read right when corrupted.'),
});

/** result.json. A field that was not measured is absent, never 0. */
export const evaluationResultSchema = z.strictObject({
  schema: z.literal('temper/evaluation/1'),
  seed: z.int(),
  engine: z
    .enum(['tensorflow', 'wasm', 'served'])
    .describe('What computed the scores; served: a model server, which alone knows.'),
  model: z.strictObject({
    path: z.string().describe('Folder of the model, or the URL of a served version.'),
    sha256: z.string().exactOptional().describe('Of topology and weights; absent for a served model.'),
    defences: z
      .array(z.string())
      .exactOptional()
      .describe('Preprocessing declared in front of it, which every attack passed; absent: none.'),
  }),
  data: z.strictObject({ name: z.string(), samples: count, sha256: z.string() }),
  threat_model: z.strictObject({
    norm: z.enum(NORMS),
    epsilon: z.number().min(0),
    access: z.enum(ACCESSES),
    range: z.tuple([z.number(), z.number()]),
    query_budget: count.exactOptional(),
    criterion: criterionSchema
      .exactOptional()
      .describe('What counted as success; absent: any class but the label.'),
    constraints: z.json().exactOptional().describe('What else bound the adversary, by index of the feature.'),
  }),
  clean_accuracy: intervalSchema,
  attacks: z.array(attackSchema),
  suites: z.array(suiteSchema).exactOptional().describe('Suites that ran; absent when none was asked for.'),
  worst_case: intervalSchema
    .exactOptional()
    .describe('Share of all examples that are read right and that no recipe broke; absent without recipes.'),
  certified_accuracy: intervalSchema.exactOptional(),
  corruptions: z
    .strictObject({
      mean_accuracy: share.describe('Mean of the accuracies over all corruptions and severities.'),
      results: z.array(corruptionSchema),
    })
    .exactOptional()
    .describe(
      'Accuracy under common corruptions, which no adversary chose; absent when it was not asked for.',
    ),
  masking: z
    .enum(['none', 'caution', 'masked'])
    .exactOptional()
    .describe('Whether gradients mislead the attacks; absent when it was not checked.'),
  masking_evidence: maskingEvidenceSchema.exactOptional(),
  indicators: indicatorsSchema.exactOptional(),
  per_example: z
    .string()
    .exactOptional()
    .describe('NumPy archive with one value per example: see docs/contracts.md.'),
});

export type EvaluationResult = z.infer<typeof evaluationResultSchema>;
export type CorruptionResult = z.infer<typeof corruptionSchema>;
export type AttackResult = z.infer<typeof attackSchema>;

/** What the result was counted from: one entry per example, in the order of the data. */
export interface PerExample {
  readonly label: Int32Array;
  /** Class that the model gives the unchanged input. */
  readonly cleanPrediction: Int32Array;
  readonly cleanCorrect: Uint8Array;
  /** One per recipe, in order. */
  readonly attacks: readonly AttackPerExample[];
}

export interface AttackPerExample {
  readonly recipe: string;
  /** Whether the recipe was run on the example. */
  readonly attacked: Uint8Array;
  /** 1 where the example is read right and this recipe did not break it; examples that were not attacked keep what they were. */
  readonly survives: Uint8Array;
  /**
   * Distance of the adversarial; 0 where misread from the start, Infinity where none was found or looked for. Attacks that
   * look for the nearest one report it beyond epsilon too.
   */
  readonly distance: Float32Array;
  readonly forwardQueries: Uint32Array;
  readonly gradientQueries: Uint32Array;
}
