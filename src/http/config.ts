import { z } from 'zod';

const secretReferenceSchema = z.union([
  z.strictObject({
    env: z.string().min(1).describe('Name of an environment variable that holds the value.'),
  }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file that holds the value.') }),
]);

/** Settings of the http room: where metrics, health, API and status page are served. */
export const httpConfigSchema = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe(
        'Address to listen on. Default 127.0.0.1: this machine only. 0.0.0.0 lets others read risk, alarms and, unless examples is false, inputs.',
      ),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(9464)
      .describe('Port for metrics, health, API and status page, 0 to 65,535. Default 9464. 0: any free one.'),
    token: secretReferenceSchema
      .optional()
      .meta({ examples: [{ env: 'TEMPER_HTTP_TOKEN' }] })
      .describe(
        'Bearer token for requests that change something (acknowledge, ask for a run). Default: none, and those requests are refused.',
      ),
    examples: z
      .boolean()
      .default(true)
      .describe(
        'Whether the status page shows recent adversarial examples, which are production inputs. Default true. Set to false for private data.',
      ),
  })
  .describe('The HTTP server for metrics, health, API and status page.');

export type HttpConfig = z.infer<typeof httpConfigSchema>;
