import { z } from 'zod';

/** Settings of the model registry. */
export const registryConfigSchema = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .default('models')
      .describe(
        'Folder that holds the model versions, shared by all processes that promote or serve. Default: models.',
      ),
    keep: z
      .int()
      .min(1)
      .max(10_000)
      .default(20)
      .describe(
        'How many of the newest versions stay on disk, 1 to 10,000; applied after each promotion. The serving version, the last gated one and what they would be rolled back to always stay. Default: 20.',
      ),
    lockWaitMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(30_000)
      .describe(
        'How long a promotion waits for another one to finish, milliseconds, 0 to 3,600,000. Default: 30,000.',
      ),
    lockExpiryMs: z
      .int()
      .min(1_000)
      .max(3_600_000)
      .default(60_000)
      .describe(
        'A lock holder on another host that has been silent for so long is overtaken, milliseconds, 1,000 to 3,600,000. Default: 60,000.',
      ),
  })
  .describe('Where model versions live.');
export type RegistryConfig = z.infer<typeof registryConfigSchema>;

/** When a served model is left alone. */
export const breakerConfigSchema = z
  .strictObject({
    failures: z
      .int()
      .min(1)
      .max(1_000)
      .default(5)
      .describe(
        'Failures in a row (timeouts, resets, 429, 502 to 504) after which the served model is left alone, 1 to 1,000. Default: 5.',
      ),
    openMs: z
      .int()
      .min(10)
      .max(3_600_000)
      .default(10_000)
      .describe(
        'How long it is left alone before one query tries again, milliseconds, 10 to 3,600,000. Default: 10,000.',
      ),
    maxOpenMs: z
      .int()
      .min(10)
      .max(86_400_000)
      .default(300_000)
      .describe(
        'The pause doubles with every failed try up to this, milliseconds, 10 to 86,400,000. Default: 300,000. Smaller than openMs: the pause does not grow.',
      ),
  })
  .describe('Circuit breaker in front of the served model.');
export type BreakerConfig = z.infer<typeof breakerConfigSchema>;

/** How much of the served model probing may take. */
export const loadGuardConfigSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Whether probing is paced and pauses by itself. Default: true. False only where nobody else uses the model: a test bed or a demo.',
      ),
    share: z
      .number()
      .min(0.0001)
      .max(1)
      .default(0.01)
      .describe(
        'Share of the time during which a probe request may be under way, 0.0001 to 1. Default: 0.01, which a server that does one thing at a time shows as 1 to 2 % of its p99. More probes sooner, and more production requests that meet one.',
      ),
    stretch: z
      .number()
      .min(1)
      .max(100)
      .default(1.25)
      .describe(
        'A probe request may take so many times as long as one of a single row, 1 to 100. Default: 1.25. Decides how many rows are sent at once, up to maxBatch.',
      ),
    latencyRatio: z
      .number()
      .gt(1)
      .max(10_000)
      .default(4)
      .describe(
        'Probing pauses when the median time of the last requests is above so many times the usual one, above 1 to 10,000. Default: 4.',
      ),
    latencyMs: z
      .number()
      .positive()
      .optional()
      .describe(
        'Probing pauses as well when that median is above so many milliseconds, above 0. Default: no absolute bound.',
      ),
    errorRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe(
        'Probing pauses when more than this share of the last requests failed (timeouts, resets, 429, 502 to 504), 0 to 1. Default: 0.1.',
      ),
    window: z
      .int()
      .min(4)
      .max(10_000)
      .default(16)
      .describe('How many requests are judged together, 4 to 10,000. Default: 16.'),
    pauseMs: z
      .int()
      .min(10)
      .max(3_600_000)
      .default(10_000)
      .describe('How long probing pauses, milliseconds, 10 to 3,600,000. Default: 10,000.'),
    maxPauseMs: z
      .int()
      .min(10)
      .max(86_400_000)
      .default(300_000)
      .describe(
        'The pause doubles while it is no better after it, up to this, milliseconds, 10 to 86,400,000. Default: 300,000.',
      ),
  })
  .describe('Keeps probing from being felt by those who use the served model.');
export type LoadGuardConfig = z.infer<typeof loadGuardConfigSchema>;

export const tlsConfigSchema = z
  .strictObject({
    ca: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file of the authority that signed the server certificate. Default: the public ones.'),
    certificate: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file of our own certificate, where the server asks for one (mTLS). Default: none.'),
    key: z.string().min(1).optional().describe('PEM file of the key of our certificate. Default: none.'),
  })
  .describe('Certificates, for an https URL.');
export type TlsConfig = z.infer<typeof tlsConfigSchema>;

/** How the served model is reached. */
export const servedConfigSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .describe('Base URL of the model server, e.g. http://digits:8501. No default.'),
    protocol: z
      .enum(['tf-serving', 'oip-rest', 'oip-grpc'])
      .default('tf-serving')
      .describe(
        'What the server speaks: tf-serving (TensorFlow Serving REST), oip-rest or oip-grpc (Open Inference Protocol v2: KServe, MLServer, Triton). Default: tf-serving.',
      ),
    model: z.string().min(1).max(200).describe('Name of the model on the server. No default.'),
    version: z
      .string()
      .regex(/^\d+$/)
      .optional()
      .describe('Ask only this version. Default: whichever the server serves as latest.'),
    assumedVersion: z
      .string()
      .regex(/^\d+$/)
      .default('1')
      .describe(
        'Which version of the registry is served, where the server reports none: MLServer and KServe may report none. Default: 1.',
      ),
    replica: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder or URL of a tfjs layers or graph model (model.json) that the served model is attacked through where the registry does not have its version; a relative folder begins at the working folder. Default: none.',
      ),
    signature: z.string().min(1).optional().describe('Signature to call. Default: the server default.'),
    input: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Name of the input tensor. Default: plain rows to TensorFlow Serving, otherwise the only input that the server reports.',
      ),
    output: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Which output tensor holds the scores. Default: the only one; needed when there are several.',
      ),
    outputs: z
      .enum(['logits', 'probabilities'])
      .default('logits')
      .describe(
        'What the scores are. Probabilities are turned into log-probabilities, which have the margins of logits. Default: logits.',
      ),
    probabilityFloor: z
      .number()
      .gt(0)
      .max(0.01)
      .default(1e-12)
      .describe(
        'Probabilities below this count as this much before the logarithm, 0 (exclusive) to 0.01. Default: 1e-12.',
      ),
    timeoutMs: z
      .int()
      .min(1)
      .max(600_000)
      .default(10_000)
      .describe('How long one request may take, milliseconds, 1 to 600,000. Default: 10,000.'),
    maxBatch: z
      .int()
      .min(1)
      .max(4_096)
      .default(32)
      .describe(
        'Rows per request at most, 1 to 4,096; fewer where the server says so, or the load guard. More rows are sent as several requests. Default: 32.',
      ),
    retries: z
      .int()
      .min(0)
      .max(10)
      .default(2)
      .describe(
        'How often a request is sent again when the server surely did not process it (refused, 429, 503), 0 to 10. Default: 2.',
      ),
    retryDelayMs: z
      .int()
      .min(1)
      .max(60_000)
      .default(200)
      .describe(
        'Pause before the first retry, doubled for each further one, milliseconds, 1 to 60,000. Default: 200.',
      ),
    queriesPerMinute: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(60_000)
      .describe(
        'At most so many rows are sent per minute, 1 to 10,000,000; more of them wait. Default: 60,000.',
      ),
    tensors: z
      .enum(['auto', 'json', 'binary'])
      .default('auto')
      .describe(
        'How oip-rest sends tensors: json, binary (the binary tensor extension), or auto: binary where the server lists that extension. Default: auto.',
      ),
    bearerToken: z
      .string()
      .min(1)
      .optional()
      .describe('Sent as the header "Authorization: Bearer …" with every request. Default: none.'),
    tls: tlsConfigSchema.prefault({}),
    headers: z
      .record(z.string(), z.string())
      .default({})
      .describe('HTTP headers of every request, e.g. a host name for a gateway. Default: none.'),
    breaker: breakerConfigSchema.prefault({}),
    loadGuard: loadGuardConfigSchema.prefault({}),
  })
  .describe('The deployed model that is probed.');
export type ServedConfig = z.infer<typeof servedConfigSchema>;
