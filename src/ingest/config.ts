import { basename } from 'node:path';

import { z } from 'zod';

import { EVENT_FORMAT_NAMES } from './event-format.ts';
import { kafkaConfigSchema } from './kafka/config.ts';
import { parseJsonPath } from './mapping.ts';
import { secretReferenceSchema } from './secret-reference.ts';

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

const perChannel = (what: string, bound: z.ZodNumber): z.ZodOptional<z.ZodArray<z.ZodNumber>> =>
  z
    .array(bound)
    .min(1)
    .optional()
    .describe(`${what} One number, or one per channel (the last side of model.inputShape).`);

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
    mean: perChannel('Subtracted after scale and offset. Default 0.', z.number()).meta({
      examples: [[0.1307]],
    }),
    std: perChannel('Divided by, last of all. Above 0. Default 1.', z.number().positive()).meta({
      examples: [[0.3081]],
    }),
    layout: z
      .enum(['nhwc', 'nchw'])
      .default('nhwc')
      .describe(
        'Order of the sides in the log: channels last like model.inputShape (nhwc), or first (nchw). Default nhwc.',
      ),
  })
  .describe(
    'How logged numbers become inputs of the model: (number * scale + offset - mean) / std. Samples, replica and model.range are in what comes out.',
  );

const limitsSchema = z
  .strictObject({
    lineBytes: z
      .int()
      .min(1024)
      .max(256 * 2 ** 20)
      .default(4 * 2 ** 20)
      .describe('A line longer than this is a dead letter, bytes, 1,024 to 268,435,456. Default 4,194,304.'),
    bodyBytes: z
      .int()
      .min(1024)
      .max(256 * 2 ** 20)
      .default(4 * 2 ** 20)
      .describe(
        'A message larger than this, packed or unpacked, is a dead letter, bytes, 1,024 to 268,435,456. Default 4,194,304.',
      ),
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

const selectSchema = z
  .strictObject({
    service: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['digits-isvc'] })
      .describe('Name of the model in the log, where it is not model.name. Events of others are dropped.'),
    namespace: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['production'] })
      .describe('Only events of this namespace (kserve). Left out: all.'),
    component: z
      .string()
      .min(1)
      .default('predictor')
      .describe(
        'Only events of this component (kserve): predictor, transformer or explainer. Default predictor.',
      ),
    idHeader: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_.-]{0,99}$/)
      .optional()
      .meta({ examples: ['x-request-id'] })
      .describe(
        'Header that carries the id of an event, in lower case. Default x-request-id for predict-bodies and prediction-log; none for json-mapped.',
      ),
  })
  .describe('Which of the logged events are meant, and where their id is.');

const tensorsSchema = z
  .strictObject({
    input: z
      .string()
      .optional()
      .meta({ examples: ['input_1'] })
      .describe('Name of the tensor that holds the inputs, where a request has several.'),
    output: z
      .string()
      .optional()
      .meta({ examples: ['probabilities'] })
      .describe('Name of the tensor that holds the scores, where an answer has several.'),
  })
  .describe('Which tensors of a body are meant.');

const jsonPath = (what: string, example: string): z.ZodString =>
  z
    .string()
    .refine(
      (text) => parseJsonPath(text) !== undefined,
      'a path like payload.features[0] or /payload/features/0',
    )
    .meta({ examples: [example] })
    .describe(`Path of ${what}.`);

const mappingSchema = z
  .strictObject({
    input: jsonPath('the input, nested or flat', 'payload.features').optional(),
    id: jsonPath('the id that request, prediction and label share', 'meta.requestId').optional(),
    prediction: jsonPath('the answer: a class or a list of scores', 'result.scores').optional(),
    label: jsonPath('the true class', 'truth.class').optional(),
    time: jsonPath('the time: RFC 3339, or a number', 'meta.at').optional(),
    model: jsonPath('the name of the model', 'meta.model').optional(),
    version: jsonPath('the version that answered', 'meta.version').optional(),
    batch: z
      .boolean()
      .default(false)
      .describe('Whether input, prediction and label are lists with an entry per row. Default false.'),
    timeUnit: z
      .enum(['s', 'ms'])
      .default('ms')
      .describe(
        'What a time that is a number counts since 1970: seconds (s) or milliseconds (ms). Default ms.',
      ),
  })
  .describe('Where the parts of an event stand, for stream.format json-mapped.');

/** Settings of the ingest room: where production events come from, and which of them are probed. */
export const streamConfigSchema = z
  .strictObject({
    files: z
      .array(fileSchema)
      .superRefine(refineNames)
      .default([])
      .meta({ shown: true })
      .describe('Growing files of JSON lines, each a partition of its own. Left out with stream.kafka.'),
    kafka: kafkaConfigSchema.optional(),
    format: z
      .enum(EVENT_FORMAT_NAMES)
      .default('json-events')
      .describe(
        'How events are written: json-events, json-mapped (with stream.mapping), predict-bodies (V1, TensorFlow Serving and OIP v2 bodies as a proxy logs them), kserve (CloudEvents), mlserver, seldon or prediction-log. Default json-events.',
      ),
    select: selectSchema.prefault({}),
    tensors: tensorsSchema.prefault({}),
    mapping: mappingSchema.prefault({}),
    sampling: samplingSchema,
    preprocessing: preprocessingSchema.prefault({}),
    limits: limitsSchema.prefault({}),
  })
  .superRefine(({ format, mapping, files, kafka }, context) => {
    if (files.length > 0 === (kafka !== undefined))
      context.addIssue({
        code: 'custom',
        path: [kafka === undefined ? 'files' : 'kafka'],
        message: `expected either stream.files or stream.kafka, got ${kafka === undefined ? 'neither' : 'both'}`,
      });
    if (format === 'json-mapped' && mapping.input === undefined)
      context.addIssue({
        code: 'custom',
        path: ['mapping', 'input'],
        message: 'expected the path of the input, as stream.format is json-mapped',
      });
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
