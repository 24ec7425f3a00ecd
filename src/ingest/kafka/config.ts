import { z } from 'zod';

import { secretReferenceSchema } from '../secret-reference.ts';

const saslSchema = z
  .strictObject({
    mechanism: z
      .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
      .describe('How the user is authenticated: plain (only with tls), scram-sha-256 or scram-sha-512.'),
    username: z
      .string()
      .min(1)
      .meta({ examples: ['temper'] })
      .describe('Name of the user.'),
    password: secretReferenceSchema
      .meta({ examples: [{ env: 'KAFKA_PASSWORD' }] })
      .describe('Password of the user, by reference.'),
  })
  .describe('User of the brokers. Left out: nobody in particular.');

const tlsSchema = z
  .strictObject({
    caFile: z
      .string()
      .min(1)
      .optional()
      .meta({ path: true, examples: ['tls/ca.pem'] })
      .describe('PEM file of the authorities to trust. Default: those of Node.js.'),
    certificateFile: z
      .string()
      .min(1)
      .optional()
      .meta({ path: true, examples: ['tls/client.pem'] })
      .describe('PEM file of the client certificate, where brokers want one.'),
    key: secretReferenceSchema
      .optional()
      .meta({ examples: [{ env: 'KAFKA_CLIENT_KEY' }] })
      .describe('Private key of that certificate (PEM), by reference.'),
  })
  .describe('Encrypted connections; an empty map is enough for brokers with a public certificate.');

/** Settings of the Kafka source. */
export const kafkaConfigSchema = z
  .strictObject({
    brokers: z
      .array(z.string().regex(/^[^\s:]+:\d{1,5}$/))
      .min(1)
      .meta({ examples: [['kafka:9092']] })
      .describe('Where to find the cluster: host:port of one broker or more.'),
    topics: z
      .array(z.string().regex(/^[A-Za-z0-9._-]{1,249}$/))
      .min(1)
      .meta({ examples: [['inference-log']] })
      .describe('Topics that are read: requests, and labels where they have a topic of their own.'),
    groupId: z
      .string()
      .min(1)
      .meta({ examples: ['temper'] })
      .describe('Consumer group. Members of one group share the partitions.'),
    clientId: z
      .string()
      .min(1)
      .default('temper')
      .describe('Name under which brokers log this client. Default temper.'),
    sasl: saslSchema.optional(),
    tls: tlsSchema.optional(),
    sessionTimeoutMs: z
      .int()
      .min(6000)
      .max(300_000)
      .default(30_000)
      .describe(
        'After so long without a heartbeat the group goes on without this member, milliseconds, 6,000 to 300,000. Default 30,000.',
      ),
    maxPartitionBytes: z
      .int()
      .min(1024)
      .max(64 * 2 ** 20)
      .default(2 ** 20)
      .describe(
        'Bytes fetched of a partition at a time, 1,024 to 67,108,864. Default 1,048,576. Bounds memory and the work between heartbeats.',
      ),
    stallSeconds: z
      .int()
      .min(10)
      .max(3600)
      .default(180)
      .describe(
        'A consumer that neither fetched nor tried to for so long is given up and the process ends, to be started again, seconds, 10 to 3,600. Default 180.',
      ),
  })
  .superRefine(({ sasl, tls }, context) => {
    if (sasl?.mechanism === 'plain' && tls === undefined)
      context.addIssue({
        code: 'custom',
        path: ['sasl', 'mechanism'],
        message: 'expected stream.kafka.tls with mechanism plain, as it sends the password as it is',
      });
    if ((tls?.certificateFile === undefined) !== (tls?.key === undefined))
      context.addIssue({
        code: 'custom',
        path: ['tls', 'certificateFile'],
        message: 'expected certificateFile and key together, got one of them',
      });
  })
  .describe(
    'Topics of Apache Kafka, instead of files. A partition that the store has no position of is read from its beginning.',
  );
