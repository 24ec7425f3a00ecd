import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

import { AppError } from '../domain/errors.ts';
import { createLineSplitter } from './line-splitter.ts';
import type { Line, LineSplitter } from './line-splitter.ts';

/** A growing file of lines, read from a given line on. */
export interface FileTail {
  /**
   * Whole lines that were not returned yet, in order; empty when the file has no more of them now.
   *
   * @throws {AppError} TEMPER_INGEST_SOURCE when what was read is no longer in the file
   */
  read(): Promise<Line[]>;
  /** Number of the next line. */
  readonly nextLine: number;
  /** Whether the last `read` found the end, with every whole line returned. */
  readonly atEnd: boolean;
  /** Lines that were not returned yet, estimated from the mean length so far. */
  readonly lag: number;
  close(): Promise<void>;
}

export interface FileTailOptions {
  readonly path: string;
  readonly firstLine: number;
  readonly maxLineBytes: number;
  readonly batchLines: number;
  readonly batchBytes: number;
}

const CHUNK_BYTES = 256 * 1024;
/** So many bytes before the place of reading are compared each time: a file that was cut and grew again has others. */
const FINGERPRINT_BYTES = 64;

interface State {
  readonly path: string;
  readonly handle: FileHandle;
  readonly splitter: LineSplitter;
  readonly inode: number;
  offset: number;
  sizeBytes: number;
  fingerprint: Buffer;
}

/**
 * Opens a file at a line. Returns undefined while the file does not exist. Finding the line means scanning for
 * newlines from the start, at the speed of the disk; no index is kept.
 *
 * @throws {AppError} TEMPER_INGEST_SOURCE when the file has fewer lines than were already read from it
 */
export async function openFileTail(options: FileTailOptions): Promise<FileTail | undefined> {
  const handle = await openExisting(options.path);
  if (handle === undefined) return undefined;
  try {
    const offset = await offsetOfLine(handle, options);
    const { ino: inode, size: sizeBytes } = await handle.stat();
    const splitter = createLineSplitter(options);
    const state: State = {
      path: options.path,
      handle,
      splitter,
      inode,
      offset,
      sizeBytes,
      fingerprint: await readAt(
        handle,
        Math.max(0, offset - FINGERPRINT_BYTES),
        Math.min(offset, FINGERPRINT_BYTES),
      ),
    };
    return tailOf(state, options);
  } catch (caught) {
    await handle.close();
    throw caught;
  }
}

function tailOf(state: State, options: FileTailOptions): FileTail {
  const { splitter } = state;
  return {
    async read() {
      if (splitter.waiting === 0) await readMore(state);
      return splitter.take(options.batchLines, options.batchBytes);
    },
    get nextLine() {
      return splitter.nextLine;
    },
    get atEnd() {
      return splitter.waiting === 0 && state.offset >= state.sizeBytes;
    },
    get lag() {
      const unread = Math.max(0, state.sizeBytes - state.offset);
      const readLines = splitter.nextLine + splitter.waiting;
      const meanBytes = readLines === 0 ? 1024 : Math.max(1, state.offset / readLines);
      return splitter.waiting + Math.ceil(unread / meanBytes);
    },
    close: () => state.handle.close(),
  };
}

/** Reads chunks until there is a whole line or the end. */
async function readMore(state: State): Promise<void> {
  while (state.splitter.waiting === 0) {
    const { size } = await state.handle.stat();
    state.sizeBytes = size;
    if (size < state.offset) throw await changedError(state);
    if (size === state.offset) {
      await checkStillThere(state);
      return;
    }
    const known = state.fingerprint.length;
    const length = known + Math.min(CHUNK_BYTES, size - state.offset);
    const read = await readAt(state.handle, state.offset - known, length);
    if (!read.subarray(0, known).equals(state.fingerprint)) throw await changedError(state);
    state.splitter.push(read.subarray(known));
    state.offset += read.length - known;
    state.fingerprint = Buffer.from(read.subarray(Math.max(0, read.length - FINGERPRINT_BYTES)));
  }
}

/** At the end of the open file: is it still the file at the path? */
async function checkStillThere({ path, inode, splitter }: State): Promise<void> {
  const atPath = await stat(path).catch((caught: unknown) => {
    if (isNotFound(caught)) return undefined;
    throw caught;
  });
  if (atPath?.ino === inode) return;
  const happened = atPath === undefined ? 'was removed or renamed' : 'was replaced by another file (rotated)';
  throw sourceError(path, `${happened} after line ${splitter.nextLine}; everything before was read`);
}

async function changedError(state: State): Promise<AppError> {
  const { size } = await state.handle.stat();
  const happened =
    size < state.offset
      ? `was truncated: expected at least ${state.offset} bytes, which were read, got ${size}`
      : `was rewritten: the bytes before offset ${state.offset}, which were read, are others now`;
  return sourceError(state.path, happened);
}

/** Byte offset at which a line begins. */
async function offsetOfLine(handle: FileHandle, { path, firstLine }: FileTailOptions): Promise<number> {
  let offset = 0;
  let line = 0;
  while (line < firstLine) {
    const chunk = await readAt(handle, offset, 4 * CHUNK_BYTES);
    if (chunk.length === 0)
      throw sourceError(
        path,
        `has ${line} whole lines, expected at least ${firstLine}, which were read from it before`,
      );
    let start = 0;
    while (line < firstLine) {
      const end = chunk.indexOf(0x0a, start);
      if (end < 0) {
        start = chunk.length;
        break;
      }
      start = end + 1;
      line++;
    }
    offset += start;
  }
  return offset;
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (caught) {
    if (isNotFound(caught)) return undefined;
    throw new AppError(
      'TEMPER_INGEST_SOURCE',
      `${path}: expected a file that can be read, got ${codeOf(caught)}`,
      {
        cause: caught,
      },
    );
  }
}

function sourceError(path: string, happened: string): AppError {
  const remedy =
    'A stream file may only grow, because line numbers are its positions. Go on with a new file under a new name.';
  return new AppError('TEMPER_INGEST_SOURCE', `${path} ${happened}. ${remedy}`);
}

function isNotFound(caught: unknown): boolean {
  return codeOf(caught) === 'ENOENT';
}

/** The system's code of a failure. Structural, because errors may come from another realm. */
function codeOf(caught: unknown): string {
  return caught !== null && typeof caught === 'object' && 'code' in caught
    ? String(caught.code)
    : String(caught);
}
