import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sha256 } from '../domain/hashing.ts';
import { AppError, toError } from '../domain/errors.ts';

/** Weight files of a model are named in its manifest; a model with more than this is refused. */
const MAX_FILES = 1_000;
const TIMEOUT_MS = 120_000;

/**
 * Copies a tfjs model (`model.json` and the weight files it names) from a URL into a folder below `directory`, so that
 * compute workers read it from disk. The folder's name is the hash of the URL; what was there is replaced whole.
 *
 * @param url of model.json, or of the folder that holds it
 * @returns the folder
 * @throws {AppError} TEMPER_MODEL_NOT_FOUND when something cannot be fetched; TEMPER_MODEL_CORRUPT
 */
export async function fetchModel(url: string, directory: string): Promise<string> {
  const source = new URL(url.endsWith('.json') ? url : `${url.replace(/\/*$/, '')}/model.json`);
  const text = (await download(source)).toString('utf8');
  const manifest = manifestOf(text, source);
  const paths = manifest.flatMap(({ paths: list }) => list);
  if (paths.length > MAX_FILES)
    throw corrupt(source, `expected at most ${MAX_FILES} weight files, got ${paths.length}`);
  const folder = join(directory, sha256(Buffer.from(source.href)).slice(0, 16));
  const beside = `${folder}.fetching`;
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { recursive: true });
  for (const path of paths) {
    if (basename(path) !== path) throw corrupt(source, `weight file ${path} lies outside the model's folder`);
    await writeFile(join(beside, path), await download(new URL(path, source)));
  }
  await writeFile(join(beside, 'model.json'), text);
  await rm(folder, { recursive: true, force: true });
  await rename(beside, folder);
  return folder;
}

function manifestOf(text: string, source: URL): readonly { readonly paths: readonly string[] }[] {
  let json: { weightsManifest?: unknown };
  try {
    json = JSON.parse(text) as typeof json;
  } catch (caught) {
    throw corrupt(source, toError(caught).message);
  }
  const manifest = json.weightsManifest;
  const isManifest =
    Array.isArray(manifest) &&
    manifest.every((group: { paths?: unknown } | null) => Array.isArray(group?.paths));
  if (!isManifest) throw corrupt(source, 'expected a weightsManifest with paths');
  return manifest as { paths: string[] }[]; // as was just looked at; paths that are no text fail as names
}

async function download(url: URL): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (caught) {
    throw new AppError(
      'TEMPER_MODEL_NOT_FOUND',
      `${url.href} cannot be fetched: ${toError(caught).message}.`,
      {
        cause: caught,
      },
    );
  }
}

function corrupt(source: URL, problem: string): AppError {
  return new AppError('TEMPER_MODEL_CORRUPT', `${source.href}: ${problem}.`);
}
