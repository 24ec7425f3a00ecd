import { basename } from 'node:path';

import { z } from 'zod';

const secretReferenceSchema = z.union([
  z.strictObject({
    env: z.string().min(1).describe('Name of an environment variable that holds the value.'),
  }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file that holds the value.') }),
]);

const fileSchema = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .meta({ path: true, examples: ['stream/requests.jsonl'] })
      .describe(
        'A file of JSON lines that grows. It may appear later; it must never be truncated or rotated.',
      ),
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/)
      .optional()
      .meta({ examples: ['requests.jsonl'] })
      .describe(
        'Name under which positions in the file are remembered. Default: the last part of the path. Two files need different names.',
      ),
  })
  .describe('One growing file.');

const samplingSchema = z
  .strictObject({
    rate: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe(
        'Share of events that become samples, 0 to 1. Default 0.1. Chosen by a keyed hash of the event id.',
      ),
    key: secretReferenceSchema
      .meta({ examples: [{ env: 'TEMPER_SAMPLING_KEY' }] })
      .describe('Secret key of that hash, so that nobody can choose ids that are never sampled.'),
    maxRowsPerEvent: z
      .int()
      .min(1)
      .max(10_000)
      .default(16)
      .describe(
        'Rows of one request that become samples, 1 to 10,000. Default 16. Further rows are left out and counted.',
      ),
  })
  .describe('Which events are probed.');

const preprocessingSchema = z
  .strictObject({
    scale: z
      .number()
      .positive()
      .default(1)
      .describe(
        'Every logged number is multiplied by this before it enters the model, e.g. 0.00392156862745098 for bytes. Above 0. Default 1.',
      ),
    offset: z.number().default(0).describe('Added after scaling. Default 0.'),
  })
  .describe('How logged numbers become inputs of the model.');

const limitsSchema = z
  .strictObject({
    lineBytes: z
      .int()
      .min(1024)
      .max(256 * 2 ** 20)
      .default(4 * 2 ** 20)
      .describe('A line longer than this is a dead letter, bytes, 1,024 to 268,435,456. Default 4,194,304.'),
    batchLines: z
      .int()
      .min(1)
      .max(100_000)
      .default(256)
      .describe('Lines that are read and classified at a time, 1 to 100,000. Default 256.'),
    batchBytes: z
      .int()
      .min(1024)
      .max(256 * 2 ** 20)
      .default(2 ** 20)
      .describe('Bytes that are read and classified at a time, 1,024 to 268,435,456. Default 1,048,576.'),
    pollMs: z
      .int()
      .min(10)
      .max(1000)
      .default(100)
      .describe(
        'How often a file is looked at when nothing announces a change, milliseconds, 10 to 1,000. Default 100.',
      ),
    commitRecords: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(20_000)
      .describe('A commit to the store is cut after so many events, 1 to 1,000,000. Default 20,000.'),
    commitBytes: z
      .int()
      .min(1024)
      .max(2 ** 30)
      .default(8 * 2 ** 20)
      .describe(
        '… or after so many bytes of samples and dead letters, 1,024 to 1,073,741,824. Default 8,388,608.',
      ),
    commitIntervalMs: z
      .int()
      .min(1)
      .max(60_000)
      .default(250)
      .describe('… or after so much time, milliseconds, 1 to 60,000. Default 250.'),
    maxUncommitted: z
      .int()
      .min(1)
      .max(1000)
      .default(4)
      .describe(
        'Commits that may wait for the store before reading pauses, 1 to 1,000. Default 4. Bounds memory.',
      ),
  })
  .describe('Bounds on memory, and the size of commits.');

/** Settings of the ingest room: where production events come from, and which of them are probed. */
export const streamConfigSchema = z
  .strictObject({
    files: z
      .array(fileSchema)
      .min(1)
      .superRefine(refineNames)
      .describe('Growing files of JSON lines, each a partition of its own.'),
    format: z
      .literal('json-events')
      .default('json-events')
      .describe('How events are written: json-events (one JSON object per line). Default json-events.'),
    sampling: samplingSchema,
    preprocessing: preprocessingSchema.prefault({}),
    limits: limitsSchema.prefault({}),
  })
  .describe('Where production events come from, and which of them are probed.');

export type StreamConfig = z.infer<typeof streamConfigSchema>;

function refineNames(files: readonly z.infer<typeof fileSchema>[], context: z.RefinementCtx): void {
  const seen = new Map<string, number>();
  files.forEach((file, i) => {
    const name = file.name ?? basename(file.path);
    const first = seen.get(name);
    if (first === undefined) seen.set(name, i);
    else
      context.addIssue({
        code: 'custom',
        path: [i, 'name'],
        message: `expected a name of its own, got "${name}", which is also the name of stream.files[${first}]`,
      });
  });
}
