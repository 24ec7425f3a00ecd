import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import { canonicalJson, hashJson } from '../domain/hashing.ts';
import { gateDecisionSchema, type Publication } from './ledger.ts';
import { describeFile, isThere, namesIn, readIfThere, type FileEntry } from './registry-files.ts';

export const MANIFEST = 'manifest.json';
export const READY = 'READY';

const fileSchema = z.strictObject({ sha256: z.string(), sizeBytes: z.int().min(0) });

const contentSchema = z.strictObject({
  schema: z.literal('temper/model/1'),
  /** Name of the model in the registry. */
  model: z.string(),
  /** ModelRef.sha256: over everything that decides the model's answers. */
  sha256: z.string(),
  files: z.record(z.string().regex(/^[A-Za-z0-9][\w.-]*$/), fileSchema),
  /** Where it came from: parent version, run, data and recipe hashes, seed. */
  lineage: z.record(z.string(), z.json()),
  /** What was measured on it: summary of result.json. */
  evaluation: z.record(z.string(), z.json()),
});

const publicationSchema = z.strictObject({
  version: z.int().positive(),
  actor: z.string(),
  reason: z.string(),
  runId: z.string().optional(),
  gate: gateDecisionSchema.optional(),
  override: z.boolean().optional(),
  /** The version whose content this is, after a rollback. */
  from: z.int().positive().optional(),
});

const manifestSchema = contentSchema.extend({ publication: publicationSchema.optional() });

/** What a candidate is: everything that its hash covers. */
export type ManifestContent = z.infer<typeof contentSchema>;
/** What a version's manifest.json says: the candidate, and by whom and why it was published. */
export type Manifest = z.infer<typeof manifestSchema>;

/** Content address of a candidate: hash of its manifest without the publication, 32 hex digits. */
export function candidateHash(manifest: Manifest): string {
  return hashJson(contentOf(manifest)).slice(0, 32);
}

/** The manifest without the publication. */
export function contentOf(manifest: Manifest): ManifestContent {
  const content: Manifest = { ...manifest };
  delete content.publication;
  return content;
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(manifest)), undefined, 2)}\n`;
}

/** What the ledger's line puts into the manifest of the version. */
export function publicationOf(event: Publication): NonNullable<Manifest['publication']> {
  const { version, actor, reason, runId } = event;
  const common = { version, actor, reason, ...(runId === undefined ? {} : { runId }) };
  if (event.kind === 'rollback') return { ...common, from: event.from };
  return { ...common, override: event.override, ...(event.gate === undefined ? {} : { gate: event.gate }) };
}

/** @throws {AppError} TEMPER_MODEL_NOT_FOUND | TEMPER_MODEL_CORRUPT */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, MANIFEST);
  const text = await readIfThere(path);
  if (text === undefined)
    throw new AppError(
      'TEMPER_MODEL_NOT_FOUND',
      `expected a model in ${directory}, but it has no ${MANIFEST}`,
    );
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError(
    'TEMPER_MODEL_CORRUPT',
    `${path}: expected a model manifest; ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

/** Everything in a model's folder that is not as its manifest says: changed, missing and unexpected files. */
export async function filesAmiss(
  directory: string,
  files: Readonly<Record<string, FileEntry>>,
  alsoAllowed: readonly string[] = [],
): Promise<{ readonly path: string; readonly message: string }[]> {
  const amiss: { path: string; message: string }[] = [];
  for (const [name, expected] of Object.entries(files)) {
    const path = join(directory, name);
    if (!(await isThere(path))) {
      amiss.push({ path, message: 'the file is missing' });
      continue;
    }
    const found = await describeFile(path);
    if (found.sha256 !== expected.sha256)
      amiss.push({
        path,
        message: `expected SHA-256 ${expected.sha256.slice(0, 12)}… (${expected.sizeBytes} bytes), got ${found.sha256.slice(0, 12)}… (${found.sizeBytes} bytes): the file was changed`,
      });
  }
  const known = new Set([...Object.keys(files), MANIFEST, ...alsoAllowed]);
  for (const name of await namesIn(directory))
    if (!known.has(name))
      amiss.push({ path: join(directory, name), message: 'the file is not in the manifest' });
  return amiss;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
