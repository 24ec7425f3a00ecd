import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** What the manifest says of one file. */
export interface FileEntry {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export async function describeFile(path: string): Promise<FileEntry> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { sha256: hash.digest('hex'), sizeBytes: (await stat(path)).size };
}

/** Makes a file or a folder's entries survive a power cut. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file so that a reader, or a crash, sees the old content or the new, never a part. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const fresh = `${path}.${randomUUID()}.tmp`;
  await writeFile(fresh, content, { flush: true });
  await rename(fresh, path);
  await sync(dirname(path));
}

/** Copies files, by name, into a folder that is made if need be. */
export async function copyFiles(from: string, to: string, names: readonly string[]): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of names) {
    await copyFile(join(from, name), join(to, name));
    await sync(join(to, name));
  }
  await sync(to);
}

/** Content of a text file, or undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return ifThere(readFile(path, 'utf8'));
}

/** Names in a folder, sorted; none when there is no such folder. */
export async function namesIn(directory: string): Promise<string[]> {
  const names = await ifThere(readdir(directory));
  return (names ?? []).sort();
}

export async function isThere(path: string): Promise<boolean> {
  return (await ifThere(stat(path))) !== undefined;
}

/** Turns "there is no such file" into undefined; every other failure passes. */
export async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (caught) {
    if (isErrno(caught, 'ENOENT')) return undefined;
    throw caught;
  }
}

export function isErrno(caught: unknown, ...codes: readonly string[]): boolean {
  const code = typeof caught === 'object' && caught !== null && 'code' in caught ? caught.code : undefined;
  return typeof code === 'string' && codes.includes(code);
}
