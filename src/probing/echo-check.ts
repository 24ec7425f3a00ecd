/**
 * The start-up check: one tagged query must not come back untagged on the stream. If loggers lost the tag, Temper would
 * sample its own probes as production traffic, and probe them again.
 *
 * The query is an input that nobody else sends: every value is one number that was drawn at random. Whatever a record is
 * wrapped in, that number is in it: as text, as little-endian bytes, as base64 of them, or inside gzip.
 */
import { gunzipSync } from 'node:zlib';
import { float32Text } from '../protocols/number-text.ts';

/** What to look for in raw records. */
export interface EchoMarker {
  /** The value that fills the input. */
  readonly value: number;
  isIn(record: Uint8Array): boolean;
}

export type EchoVerdict = 'tagged' | 'untagged' | 'unseen';

export interface EchoCheck {
  /** To be told of every record while the check is open. Costs one comparison when it is not. */
  see(record: Uint8Array, isTagged: boolean): void;
  /**
   * Sends the query and waits until it comes back, or for `waitMs`: a stream that does not show it in that time is
   * watched for as long again, and is trusted meanwhile.
   * @throws what sending throws
   */
  run(): Promise<EchoVerdict>;
}

export interface EchoCheckOptions {
  /** Shape [features]. */
  readonly features: number;
  readonly range: readonly [number, number];
  /** Uniform in [0, 1): unpredictable, hence from the system's generator. */
  readonly random: () => number;
  readonly send: (input: Float32Array) => Promise<unknown>;
  readonly waitMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Called once when the query is seen without its tag, also after `run` has ended. */
  readonly onUntagged: () => void;
}

/** Often enough to notice soon, seldom enough to cost nothing. */
const LOOK_MS = 50;
const PATTERN_VALUES = 6;

export function createEchoCheck(options: EchoCheckOptions): EchoCheck {
  const { features, range, random, send, waitMs, sleep, onUntagged } = options;
  let marker: EchoMarker | undefined;
  let verdict: EchoVerdict = 'unseen';
  const see: EchoCheck['see'] = (record, isTagged) => {
    if (marker === undefined || !marker.isIn(record)) return;
    if (isTagged && verdict === 'unseen') verdict = 'tagged';
    if (isTagged || verdict === 'untagged') return;
    verdict = 'untagged';
    onUntagged();
  };
  const wait = async (): Promise<void> => {
    for (let waitedMs = 0; waitedMs < waitMs && verdict === 'unseen'; waitedMs += LOOK_MS)
      await sleep(LOOK_MS);
  };
  return {
    see,
    async run() {
      marker = createEchoMarker(range, random());
      await send(new Float32Array(features).fill(marker.value));
      await wait();
      const found = verdict;
      void wait().then(() => (marker = undefined));
      return found;
    },
  };
}

/** @param draw uniform in [0, 1) */
export function createEchoMarker([low, high]: readonly [number, number], draw: number): EchoMarker {
  // From the middle half, and never a short number by chance.
  const value = Math.fround(low + (0.25 + 0.5 * draw) * (high - low));
  const bytes = Buffer.from(new Float32Array(PATTERN_VALUES).fill(value).buffer);
  const patterns = [
    Buffer.from(float32Text(value)),
    Buffer.from(String(value)),
    bytes.subarray(0, 12),
    // Where in three bytes the pattern begins decides its base64; the ends depend on what is beside it.
    ...[0, 1, 2].map((shift) => Buffer.from(bytes.subarray(shift, shift + 12).toString('base64'))),
  ];
  const isInPlain = (record: Buffer): boolean => patterns.some((pattern) => record.includes(pattern));
  return {
    value,
    isIn(record) {
      const buffer = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
      if (isInPlain(buffer)) return true;
      const plain = unzipped(buffer);
      return plain !== undefined && isInPlain(plain);
    },
  };
}

const MAX_PLAIN_BYTES = 64 * 1024 * 1024;

/** KServe's logger may send gzip and not say so. */
function unzipped(record: Buffer): Buffer | undefined {
  if (record[0] !== 0x1f || record[1] !== 0x8b) return undefined;
  try {
    return gunzipSync(record, { maxOutputLength: MAX_PLAIN_BYTES });
  } catch {
    return undefined;
  }
}
