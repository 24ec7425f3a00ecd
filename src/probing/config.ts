import { z } from 'zod';

/** Settings of the probing room: what is tried on production samples, how often, at what cost to the served model. */
export const probingConfigSchema = z
  .strictObject({
    acknowledgeProbeTraffic: z
      .boolean()
      .default(false)
      .describe(
        'Must be true before Temper sends any query to the served model: probes cost money and may have side effects. Default false.',
      ),
    dryRun: z
      .boolean()
      .default(false)
      .describe(
        'Everything but the queries: events are sampled and stored, and nothing is sent to the served model but questions about its state. Default false. Needs no acknowledgeProbeTraffic.',
      ),
    killSwitch: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A file. While it exists nothing is sent to the served model; it is looked for before every request. Default: none.',
      ),
    echoWaitSeconds: z
      .number()
      .min(0)
      .max(600)
      .default(10)
      .describe(
        'At start one tagged query is sent, and the stream watched this long for it, 0 to 600 seconds: when it comes back without its tag, nothing more is sent. Default 10. 0 sends and checks nothing, for streams that cannot show probes.',
      ),
    sentinels: z
      .array(z.string().min(1))
      .min(1)
      .max(8)
      .default(['bim-20'])
      .describe(
        'Names of the recipes run on every sample and compared with the baseline over time. 1 to 8. Default [bim-20]: it starts at the input itself, so that the distance at which it first succeeds says how far the model is from failing.',
      ),
    slotSamples: z
      .int()
      .min(1)
      .max(256)
      .default(32)
      .describe(
        'Samples probed together as one batch. 1 to 256. Default 32. Larger is faster, smaller reacts sooner.',
      ),
    samplesPerMinute: z
      .number()
      .positive()
      .default(600)
      .describe(
        'Cap on samples probed in any minute; below 1, one sample in a longer time. Above 0. Default 600. It limits probing only, never sampling; what waits too long expires.',
      ),
    expireAfterSeconds: z
      .number()
      .positive()
      .default(3600)
      .describe(
        'A sample that could not be probed within this many seconds of its ingestion expires. Default 3600.',
      ),
    bisectionSteps: z
      .int()
      .min(0)
      .max(20)
      .default(8)
      .describe(
        'Bisection steps between a sample and its adversarial, on the replica, to find the distance. Default 8.',
      ),
    workers: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('Compute processes for probing. Default: chosen from the engine and the cores available.'),
    explorers: z
      .strictObject({
        share: z
          .number()
          .min(0)
          .max(0.5)
          .default(0.1)
          .describe(
            'Share of samplesPerMinute that recipes which were never tried before may take, on samples that the sentinels have measured. 0 to 0.5; 0 tries none. Default 0.1.',
          ),
        recipes: z
          .array(z.string().min(1))
          .max(100)
          .default([])
          .describe(
            'Recipes and suites of recipe files (attacks.recipes) that are tried, beside those of attacks.feed. At most 100. Default none.',
          ),
      })
      .prefault({})
      .describe('Recipes tried beside the sentinels, for attacks that nobody knew when the model was gated.'),
    canaries: z
      .strictObject({
        everySamples: z
          .int()
          .min(1)
          .default(200)
          .describe(
            'A round of canaries runs after this many folded samples, and at every change of version. Default 200.',
          ),
        count: z
          .int()
          .min(2)
          .max(10_000)
          .default(200)
          .describe(
            'Canaries in a set: half labelled hold-out inputs, half production samples. Default 200.',
          ),
        tolerance: z
          .number()
          .min(0)
          .default(1e-4)
          .describe(
            'Largest difference of a served canary score that counts as rounding. Default 1e-4, in logits.',
          ),
      })
      .prefault({})
      .describe('Fixed inputs scored again and again to notice that the model itself changed.'),
  })
  .describe('What is probed, how often, and at what cost to the served model.');

export type ProbingConfig = z.infer<typeof probingConfigSchema>;
