import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';

/** How a running store process is found: written by it, read by its clients, only readable by their user. */
const storeFileSchema = z.object({
  pid: z.int(),
  /** Start time of the process, ms since the epoch; a number that was given to another process is told apart by it. */
  startedAtMs: z.number(),
  url: z.string(),
  username: z.string(),
  password: z.string(),
});
export type StoreFile = z.infer<typeof storeFileSchema>;

const NAME = 'store.json';

export async function writeStoreFile(directory: string, content: StoreFile): Promise<void> {
  const partial = join(directory, `.${NAME}.${randomUUID()}`);
  await writeFile(partial, JSON.stringify(content), { mode: 0o600 });
  await rename(partial, join(directory, NAME));
}

/** The file, or undefined when there is none or it is no store file. */
export async function readStoreFile(directory: string): Promise<StoreFile | undefined> {
  try {
    return storeFileSchema.parse(JSON.parse(await readFile(join(directory, NAME), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Removes the file if it is still ours. */
export async function removeStoreFile(directory: string, pid: number): Promise<void> {
  if ((await readStoreFile(directory))?.pid === pid) await rm(join(directory, NAME), { force: true });
}

/** Whether the process answers to its name and password. */
export async function answers(endpoint: Endpoint, timeoutMs = 2000): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint.url}/?query=SELECT%201`, {
      headers: { authorization: basicAuthorization(endpoint) },
      signal: AbortSignal.timeout(timeoutMs),
    });
    // Its port may have gone to a stranger that answers anything.
    return response.ok && (await response.text()).trim() === '1';
  } catch {
    return false;
  }
}

export function basicAuthorization({ username, password }: Pick<Endpoint, 'username' | 'password'>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
