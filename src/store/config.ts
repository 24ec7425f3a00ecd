import { z } from 'zod';

const secret = z.union([
  z.strictObject({ env: z.string().min(1).describe('Name of an environment variable that holds it.') }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file that holds it.') }),
]);

/** Where facts are kept. */
export const storeConfigSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'URL of a ClickHouse server, e.g. http://clickhouse:8123. Default: none; an embedded engine is started by itself.',
      ),
    username: z.string().default('default').describe('User at the ClickHouse server. Default: default.'),
    password: secret.optional().describe('Password at the ClickHouse server. Default: none.'),
    database: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/)
      .default('temper')
      .describe('Database; made if it is missing. Letters, digits and "_". Default: temper.'),
    embedded: z
      .strictObject({
        directory: z
          .string()
          .min(1)
          .default('store')
          .describe('Folder of the embedded engine, used when no url is set. Default: store.')
          .meta({ path: true }),
        idleSeconds: z
          .number()
          .positive()
          .default(60)
          .describe('The embedded engine ends after so many seconds without a request. Default: 60.'),
      })
      .prefault({})
      .describe('The embedded ClickHouse engine, for one machine without a server.'),
    tables: z
      .strictObject({
        cluster: z
          .string()
          .regex(/^[A-Za-z0-9_.-]*$/)
          .default('')
          .describe('Cluster on which tables are made (ON CLUSTER). Default: empty, one server.'),
        replicated: z
          .boolean()
          .default(false)
          .describe(
            'Whether tables use Replicated engines; the server must have a keeper. Changing it later changes no table that exists. Default: false.',
          ),
      })
      .prefault({})
      .describe('How tables are made on a ClickHouse server.'),
  })
  .describe('Where samples, probes, verdicts, runs and everything else that must last is kept.');

export type StoreConfig = z.infer<typeof storeConfigSchema>;
