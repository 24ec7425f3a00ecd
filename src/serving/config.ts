import { z } from 'zod';

/** Settings of the reference model server. */
export const servingConfigSchema = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address to listen on. Default: 127.0.0.1; 0.0.0.0 listens to all.'),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(8501)
      .describe('TCP port, 0 to 65,535; 0 takes a free one. Default: 8501, as TensorFlow Serving.'),
    grpcPort: z
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe(
        'TCP port of the Open Inference Protocol over gRPC, 0 to 65,535; 0 takes a free one. Default: no gRPC.',
      ),
    pollMs: z
      .int()
      .min(10)
      .max(600_000)
      .default(200)
      .describe(
        'How often the registry is asked for a new version, milliseconds, 10 to 600,000. Default: 200.',
      ),
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(1_073_741_824)
      .default(33_554_432)
      .describe(
        'Largest request body, bytes, 1,024 to 1,073,741,824; larger ones get HTTP 413. Default: 33,554,432 (32 MiB).',
      ),
    maxInFlight: z
      .int()
      .min(1)
      .max(65_536)
      .default(256)
      .describe('Requests held at once, 1 to 65,536; more get HTTP 503 with Retry-After. Default: 256.'),
  })
  .describe('The reference model server.');
export type ServingConfig = z.infer<typeof servingConfigSchema>;
