import { z } from 'zod';

/** How a secret of the stream is written: by name, never inline. */
export const secretReferenceSchema = z.union([
  z.strictObject({
    env: z.string().min(1).describe('Name of an environment variable that holds the value.'),
  }),
  z.strictObject({ file: z.string().min(1).describe('Path of a file that holds the value.') }),
]);
