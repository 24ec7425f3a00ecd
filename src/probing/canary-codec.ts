import { z } from 'zod';
import type { CanarySet } from './canaries.ts';

/** float32 values as base64 of their little-endian bytes: exact. */
const floats = z
  .string()
  .transform((text) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer));

const canarySetSchema = z.object({
  setId: z.string(),
  model: z.string(),
  version: z.string(),
  canaries: z.array(
    z.object({ kind: z.enum(['labelled', 'production']), input: floats, label: z.number().nullable() }),
  ),
  referenceScores: z.array(floats.nullable()),
  referenceSurvived: z.array(z.boolean()),
});

/** A canary set as JSON, for the store. */
export function encodeCanarySet(set: CanarySet): string {
  const base64 = (values: Float32Array): string =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
  return JSON.stringify({
    ...set,
    canaries: set.canaries.map(({ kind, input, label }) => ({
      kind,
      input: base64(input),
      label: label ?? null,
    })),
    referenceScores: set.referenceScores.map((scores) => (scores === undefined ? null : base64(scores))),
  });
}

/** @throws {ZodError} when the text is no canary set */
export function decodeCanarySet(text: string): CanarySet {
  const set = canarySetSchema.parse(JSON.parse(text));
  return {
    ...set,
    canaries: set.canaries.map(({ kind, input, label }) => ({
      kind,
      input,
      ...(label === null ? {} : { label }),
    })),
    referenceScores: set.referenceScores.map((scores) => scores ?? undefined),
  };
}
