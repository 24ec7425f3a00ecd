import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toError } from '../domain/errors.ts';
import { sha256 } from '../domain/hashing.ts';

/** Everything a training needs to go on after an epoch as if nothing had happened. */
export interface Checkpoint<Header> {
  /** Names the training: content of model, data, settings, seed and engine. */
  readonly identity: string;
  /** Plain JSON: epoch, history, curriculum. */
  readonly header: Header;
  readonly floats: Readonly<Record<string, Float32Array>>;
  readonly bytes: Readonly<Record<string, Int8Array>>;
}

interface FileHeader {
  readonly schema: typeof SCHEMA;
  readonly identity: string;
  readonly header: unknown;
  readonly arrays: readonly {
    readonly name: string;
    readonly type: 'float32' | 'int8';
    readonly length: number;
  }[];
  readonly sha256: string;
}

const SCHEMA = 'temper/training-checkpoint/1';
const FILE = 'checkpoint.bin';

/** Writes a checkpoint beside the old one and puts it in its place by rename: a kill leaves one or the other, whole. */
export async function writeCheckpoint(directory: string, checkpoint: Checkpoint<unknown>): Promise<void> {
  const entries = [
    ...Object.entries(checkpoint.floats).map(([name, values]) => ({
      name,
      type: 'float32' as const,
      values,
    })),
    ...Object.entries(checkpoint.bytes).map(([name, values]) => ({ name, type: 'int8' as const, values })),
  ];
  const body = Buffer.concat(
    entries.map(({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  );
  const head: FileHeader = {
    schema: SCHEMA,
    identity: checkpoint.identity,
    header: checkpoint.header,
    arrays: entries.map(({ name, type, values }) => ({ name, type, length: values.length })),
    sha256: sha256(body),
  };
  await mkdir(directory, { recursive: true });
  const path = join(directory, FILE);
  const file = await open(`${path}.part`, 'w');
  try {
    await file.writeFile(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

/**
 * The checkpoint in a folder; undefined when there is none, or when it belongs to another training.
 *
 * @throws {AppError} TEMPER_DATA_CORRUPT when the file is not what was written
 */
export async function readCheckpoint<Header>(
  directory: string,
  identity: string,
): Promise<Checkpoint<Header> | undefined> {
  const path = join(directory, FILE);
  const content = await readFile(path).catch((caught: unknown) => {
    if ((caught as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw caught;
  });
  if (content === undefined) return undefined;
  const end = content.indexOf('\n');
  const head = parseHead(content.subarray(0, Math.max(0, end)), path);
  if (head.identity !== identity) return undefined;
  const body = new Uint8Array(content.subarray(end + 1));
  if (sha256(body) !== head.sha256) throw corrupt(path, 'its arrays do not match their hash');
  return { identity, header: head.header as Header, ...cutArrays(head, body) };
}

function cutArrays(head: FileHeader, body: Uint8Array): Pick<Checkpoint<unknown>, 'floats' | 'bytes'> {
  const floats: Record<string, Float32Array> = {};
  const bytes: Record<string, Int8Array> = {};
  let offset = 0;
  for (const { name, type, length } of head.arrays) {
    if (type === 'float32') floats[name] = new Float32Array(body.buffer.slice(offset, offset + 4 * length));
    else bytes[name] = new Int8Array(body.buffer.slice(offset, offset + length));
    offset += type === 'float32' ? 4 * length : length;
  }
  return { floats, bytes };
}

function parseHead(line: Uint8Array, path: string): FileHeader {
  let head: unknown;
  try {
    head = JSON.parse(Buffer.from(line).toString());
  } catch (caught) {
    throw corrupt(path, `its first line is not JSON (${toError(caught).message})`);
  }
  if (typeof head !== 'object' || head === null || !('schema' in head) || head.schema !== SCHEMA)
    throw corrupt(path, `its first line does not name ${SCHEMA}`);
  // Written by us under this schema name, and its body is checked against the hash.
  return head as FileHeader;
}

function corrupt(path: string, problem: string): AppError {
  return new AppError(
    'TEMPER_DATA_CORRUPT',
    `Training checkpoint ${path} cannot be used: ${problem}. Delete it to train from the start.`,
  );
}
