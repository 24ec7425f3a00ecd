/** A line of a file. */
export interface Line {
  /** From 0. */
  readonly number: number;
  /** Without the newline; of a line that is too long, only its beginning. */
  readonly bytes: Uint8Array;
  readonly isTooLong: boolean;
  /** Length in the file, without the newline. */
  readonly sizeBytes: number;
}

/** Cuts a stream of chunks into lines. Only a newline ends a line; what comes after the last one waits. */
export interface LineSplitter {
  /** Takes ownership of the chunk: lines are views into it. */
  push(chunk: Uint8Array): void;
  /** Takes out whole lines: at most `maxLines`, and no more than `maxBytes` unless the first alone is larger. */
  take(maxLines: number, maxBytes: number): Line[];
  /** Number of the next line that `take` returns. */
  readonly nextLine: number;
  /** Whole lines that wait. */
  readonly waiting: number;
  /** Bytes of the unfinished last line. */
  readonly unfinishedBytes: number;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** How much of a line that is too long is kept for whoever looks at the dead letter. */
const KEPT_BYTES = 1024;

/** @param maxLineBytes longer lines are not kept in memory, only their beginning and their length */
export function createLineSplitter(options: {
  readonly maxLineBytes: number;
  readonly firstLine: number;
}): LineSplitter {
  const { maxLineBytes } = options;
  const ready: Line[] = [];
  let number = options.firstLine;
  let parts: Uint8Array[] = [];
  let unfinishedBytes = 0;

  function keepPart(part: Uint8Array): void {
    if (part.length === 0) return;
    unfinishedBytes += part.length;
    if (unfinishedBytes <= maxLineBytes) parts.push(part);
    else if (parts.length > 1 || parts[0]?.length !== KEPT_BYTES)
      parts = [firstBytes([...parts, part], KEPT_BYTES)];
  }

  function finishLine(part: Uint8Array): void {
    keepPart(part);
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const isTooLong = unfinishedBytes > maxLineBytes;
    const bytes = isTooLong ? whole : withoutCarriageReturn(whole);
    ready.push({ number: number++, bytes, isTooLong, sizeBytes: unfinishedBytes });
    parts = [];
    unfinishedBytes = 0;
  }

  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        finishLine(chunk.subarray(start, end));
        start = end + 1;
      }
      keepPart(chunk.subarray(start));
    },
    take(maxLines, maxBytes) {
      let count = 0;
      let sizeBytes = 0;
      while (count < Math.min(maxLines, ready.length)) {
        sizeBytes += ready[count]!.bytes.length;
        if (count > 0 && sizeBytes > maxBytes) break;
        count++;
      }
      return ready.splice(0, count);
    },
    get nextLine() {
      return ready[0]?.number ?? number;
    },
    get waiting() {
      return ready.length;
    },
    get unfinishedBytes() {
      return unfinishedBytes;
    },
  };
}

function withoutCarriageReturn(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
}

/** A copy, so that it does not keep the long line in memory. */
function firstBytes(parts: readonly Uint8Array[], count: number): Uint8Array {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat(parts, Math.min(count, total));
}
