import { watch } from 'node:fs';
import { basename, resolve } from 'node:path';

import { AppError, toError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import { openFileTail } from './file-tail.ts';
import type { FileTail } from './file-tail.ts';
import type { Line } from './line-splitter.ts';
import { partitionKey } from './source.ts';
import type { PartitionState, RawRecord, Source, SourceHandler, SourcePartition } from './source.ts';

export interface FileSourceOptions {
  /** Growing files of lines. Each is a source of its own, `file:<name>`, with partition 0. */
  readonly files: readonly { readonly path: string; readonly name?: string | undefined }[];
  /** How often a file is looked at when nothing announces a change, ms. */
  readonly pollMs: number;
  /** A longer line is delivered as damaged, with its beginning only. */
  readonly maxLineBytes: number;
  readonly batchLines: number;
  readonly batchBytes: number;
  readonly logger: Logger;
}

/** One file while it is read. */
interface Reader {
  readonly path: string;
  readonly partition: SourcePartition;
  tail: FileTail | undefined;
  /** Where to go on after a seek. */
  seekTo: number | undefined;
  next: number;
  paused: boolean;
  /** Whether a batch is with the handler. */
  delivering: boolean;
  failure: Error | undefined;
  wake: () => void;
  unwatch: () => void;
}

/** Identity of a file as a source: by its name, so that moving its folder changes nothing. */
export function fileSourceName(file: { readonly path: string; readonly name?: string | undefined }): string {
  return `file:${file.name ?? basename(file.path)}`;
}

/**
 * Files of JSON lines that grow, one partition each; the position is the line number from 0, and only a newline makes a
 * line. A file that does not exist yet is waited for. A file that is truncated, replaced or removed can no longer be
 * read by line number: its partition fails with an error that says so, the others go on, and `run` rejects when none is left.
 */
export function createFileSource(options: FileSourceOptions): Source {
  const stopping = new AbortController();
  const readers = createReaders(options);
  let running: Promise<void> | undefined;
  const readerOf = ({ source, partition }: SourcePartition): Reader | undefined =>
    readers.find(({ partition: own }) => partitionKey(own) === partitionKey({ source, partition }));

  async function pump(reader: Reader, handler: SourceHandler): Promise<void> {
    try {
      await readUntilStopped(reader, handler, options, stopping.signal);
    } catch (caught) {
      if (caught instanceof HandlerRefused) throw caught.reason;
      reader.failure = toError(caught);
      handler.onPartitionFailure(reader.partition, reader.failure);
      if (readers.every(({ failure }) => failure !== undefined)) throw reader.failure;
    } finally {
      await closeTail(reader);
    }
  }

  /** The first failure ends the other readers, and is what `run` rejects with. */
  async function runAll(handler: SourceHandler): Promise<void> {
    let failure: Error | undefined;
    const pumps = readers.map((reader) =>
      pump(reader, handler).catch((caught: unknown) => {
        failure ??= toError(caught);
        end();
      }),
    );
    await Promise.all(pumps);
    if (failure !== undefined) throw failure;
  }

  function end(): void {
    stopping.abort();
    for (const { wake } of readers) wake();
  }

  return {
    run: (handler) => (running ??= runAll(handler)),
    seek(partition, offset) {
      const reader = readerOf(partition);
      if (reader === undefined) return;
      reader.seekTo = offset;
      reader.wake();
    },
    pause(partition) {
      const reader = readerOf(partition);
      if (reader !== undefined) reader.paused = true;
    },
    resume(partition) {
      const reader = readerOf(partition);
      if (reader === undefined) return;
      reader.paused = false;
      reader.wake();
    },
    atEnd(partition) {
      const reader = readerOf(partition);
      return reader !== undefined && stateOf(reader).atEnd;
    },
    partitions: () => readers.map(stateOf),
    acknowledge: () => undefined,
    async stop() {
      end();
      // Whoever awaits run() learns of its failure; stop only waits for the end.
      await running?.catch(() => undefined);
    },
  };
}

/** Carries a rejection of the handler past the handling of what goes wrong in the file itself. */
class HandlerRefused extends Error {
  readonly reason: Error;
  constructor(caught: unknown) {
    super('the handler of a batch rejected');
    this.reason = toError(caught);
  }
}

async function readUntilStopped(
  reader: Reader,
  handler: SourceHandler,
  options: FileSourceOptions,
  signal: AbortSignal,
): Promise<void> {
  reader.seekTo ??= await refusing(handler.startOffset(reader.partition));
  while (!signal.aborted) {
    const lines = reader.paused ? [] : await nextLines(reader, options);
    handler.onPoll();
    if (lines.length === 0) await untilSomethingHappens(reader, options.pollMs, signal);
    else await deliver(reader, handler, lines);
  }
}

async function nextLines(reader: Reader, options: FileSourceOptions): Promise<readonly Line[]> {
  if (reader.seekTo !== undefined) {
    await closeTail(reader);
    reader.next = reader.seekTo;
    reader.seekTo = undefined;
  }
  if (reader.tail === undefined) {
    reader.tail = await openFileTail({ ...options, path: reader.path, firstLine: reader.next });
    if (reader.tail === undefined) return [];
    reader.unwatch = watchFile(reader);
  }
  return reader.tail.read();
}

async function closeTail(reader: Reader): Promise<void> {
  reader.unwatch();
  reader.unwatch = () => undefined;
  await reader.tail?.close();
  reader.tail = undefined;
}

async function deliver(reader: Reader, handler: SourceHandler, lines: readonly Line[]): Promise<void> {
  reader.delivering = true;
  try {
    await refusing(handler.onBatch({ ...reader.partition, records: lines.map(recordOf) }));
    reader.next = lines.at(-1)!.number + 1;
  } finally {
    reader.delivering = false;
  }
}

async function refusing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (caught) {
    throw new HandlerRefused(caught);
  }
}

function recordOf({ number, bytes, isTooLong, sizeBytes }: Line): RawRecord {
  if (!isTooLong) return { offset: number, value: bytes };
  const detail = `line: expected a line within the limit of bytes, got ${sizeBytes} bytes`;
  return { offset: number, value: bytes, damage: { reason: 'line_too_long', detail } };
}

function stateOf(reader: Reader): PartitionState {
  const { partition, next, paused, delivering, tail, failure } = reader;
  const isReading = tail !== undefined && reader.seekTo === undefined;
  return {
    ...partition,
    next,
    paused,
    // A file that does not exist yet has nothing to deliver, but nobody knows before it was looked for.
    atEnd: isReading && tail.atEnd && !delivering,
    lag: isReading ? tail.lag + (delivering ? tail.nextLine - next : 0) : 0,
    ...(failure === undefined ? {} : { failure: failure.message }),
  };
}

/** Resolves after `pollMs`, or sooner when the file changed, on resume, seek and stop. */
async function untilSomethingHappens(reader: Reader, pollMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, pollMs);
    reader.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  reader.wake = () => undefined;
}

function createReaders({ files }: FileSourceOptions): Reader[] {
  const readers = files.map((file): Reader => ({
    path: resolve(file.path),
    partition: { source: fileSourceName(file), partition: 0 },
    tail: undefined,
    seekTo: undefined,
    next: 0,
    paused: false,
    delivering: false,
    failure: undefined,
    wake: () => undefined,
    unwatch: () => undefined,
  }));
  const names = readers.map(({ partition }) => partition.source);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined)
    throw new AppError(
      'TEMPER_CONFIG_INVALID',
      `stream.files: expected different names, got ${repeated} twice`,
    );
  return readers;
}

/** Wakes the reader when the system announces a change; polling does the rest where that is not supported. */
function watchFile(reader: Reader): () => void {
  try {
    const watcher = watch(reader.path, () => reader.wake());
    // Nothing is lost: the next poll finds what a broken watcher no longer announces.
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}
