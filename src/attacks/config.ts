import { z } from 'zod';

const featureRef = z
  .union([z.int().min(0), z.string().min(1)])
  .describe(
    'Features: an index from 0, a range of indexes such as "3..7", a name, or a range of names such as "age..income"; both ends are in.',
  );

/** Where features are told apart by what an adversary may do to them. */
export const constraintsConfigSchema = z
  .strictObject({
    names: z
      .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_ -]*$/))
      .min(1)
      .optional()
      .describe(
        'Names of the features, in the order of the input, so that rules can use them; the last ones may have none. Left out: indexes only.',
      ),
    features: z
      .array(
        z.strictObject({
          of: z
            .union([featureRef, z.array(featureRef).min(1)])
            .describe('Which features the rule is for, one or a list.'),
          bounds: z
            .tuple([z.number(), z.number()])
            .optional()
            .describe('Least and largest value, [low, high]. Left out: model.range.'),
          scale: z
            .number()
            .positive()
            .optional()
            .describe(
              'What counts as a change of 1 in this feature: epsilon is in units of it. Above 0. Left out: 1, the unit of the input.',
            ),
          change: z
            .enum(['any', 'up', 'down', 'never'])
            .optional()
            .describe('Which way the adversary can change it: any, up, down or never. Left out: any.'),
          whole: z.boolean().optional().describe('Whether it is a whole number. Left out: false.'),
        }),
      )
      .optional()
      .describe(
        'Rules for features. A later rule adds to an earlier one, and wins where both say something.',
      ),
    oneHot: z
      .array(z.union([featureRef, z.array(featureRef).min(1)]))
      .optional()
      .describe(
        'Groups of features of which exactly one is on (1, or the high end of its bounds) and the others off (0, or the low end).',
      ),
  })
  .describe(
    'What else binds the adversary, for inputs that are not images. A feature whose original value breaks its own rule is left as it is.',
  )
  .meta({
    inline: true,
    examples: [
      { features: [{ of: 0, bounds: [0, 1], scale: 0.5, change: 'up', whole: true }] },
      { names: ['age', 'income'], features: [{ of: 'age..income', change: 'never' }], oneHot: ['2..4'] },
    ],
  });

type ReadonlyDeep<T> = T extends object ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> } : T;

export type ConstraintsConfig = ReadonlyDeep<z.output<typeof constraintsConfigSchema>>;

const reject = z
  .union([
    z.strictObject({
      class: z.int().min(0).describe('The class that means "none of these".'),
    }),
    z.strictObject({
      confidence: z
        .number()
        .gt(0)
        .max(1)
        .describe('Answers with a smaller largest probability are not given. Above 0 up to 1.'),
    }),
  ])
  .exactOptional()
  .describe(
    'How the model abstains: { class: 9 } or { confidence: 0.8 }. An abstained answer is no success of an attack. Left out: it never does.',
  );

const classIndex = z.int().min(0);

/** What counts as success of an attack; also how results name it. */
export const criterionSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('misclassified').describe('Any class but the label.'), reject }),
    z.strictObject({
      kind: z.literal('targeted').describe('The class that the adversary wants.'),
      target: z
        .union([classIndex, z.array(classIndex).min(1)])
        .exactOptional()
        .describe(
          'That class, or a list with one class for each label. An example of that class is not attacked.',
        ),
      reject,
    }),
    z.strictObject({
      kind: z.literal('top-k').describe('The label is not among the k best classes.'),
      k: z.int().min(1).describe('How many classes count as an answer, 1 or more.'),
      reject,
    }),
    z.strictObject({
      kind: z.literal('costly').describe('A confusion that costs at least `least`.'),
      costs: z.array(z.array(z.number())).describe('Costs by label (rows) and answer (columns).'),
      least: z.number().describe('Confusions that cost less are no success.'),
      reject,
    }),
  ])
  .describe('What counts as success of an attack. Left out: any class but the label.')
  .meta({
    inline: true,
    examples: [
      { kind: 'targeted', target: 3 },
      { kind: 'top-k', k: 5, reject: { confidence: 0.8 } },
      { kind: 'misclassified', reject: { class: 9 } },
      {
        kind: 'costly',
        costs: [
          [0, 1],
          [5, 0],
        ],
        least: 5,
      },
    ],
  });

/** Recipes beyond the built-in ones: where they come from, and who is trusted to bring them. */
export const attacksConfigSchema = z
  .strictObject({
    recipes: z
      .array(z.string().min(1).meta({ path: true }))
      .default([])
      .describe(
        'Recipe files whose recipes and suites other keys may name; see docs/attacks.md. A custom attack is a recipe with attack module:<path> in one of them. Default none.',
      ),
    feed: z
      .strictObject({
        directory: z
          .string()
          .min(1)
          .optional()
          .describe(
            'Folder of sealed recipe packs that is watched: a new or newer pack is checked and in rotation without a restart. Default: none.',
          )
          .meta({ path: true }),
        urls: z
          .array(z.url({ protocol: /^https?$/ }))
          .max(16)
          .default([])
          .describe('URLs of sealed recipe packs, asked again and again. At most 16. Default none.'),
        everySeconds: z
          .number()
          .min(1)
          .default(20)
          .describe('How often the folder is looked at and the URLs are asked, seconds, from 1. Default 20.'),
        keys: z
          .array(
            z.strictObject({
              name: z
                .string()
                .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/)
                .describe('Name of the key, as signatures give it.'),
              file: z.string().min(1).describe('File with the public Ed25519 key, PEM.').meta({ path: true }),
            }),
          )
          .default([])
          .describe(
            'Public keys: with any here, a pack has to be signed by one of them; without, its own checksum is enough. Default none.',
          ),
      })
      .prefault({})
      .describe('Recipe packs that arrive while Temper runs. A feed brings recipes, never code.'),
  })
  .describe('Recipes from files and from a feed.');

export type AttacksConfig = ReadonlyDeep<z.output<typeof attacksConfigSchema>>;
