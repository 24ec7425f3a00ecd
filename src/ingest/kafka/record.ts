import type { KafkaMessage } from 'kafkajs';
import type { RawRecord } from '../source.ts';

const NOTHING = new Uint8Array(0);

/** A message in the words of sources. Bytes are not copied. Of a header that is repeated the first counts. */
export function recordOf({ offset, timestamp, headers, key, value }: KafkaMessage): RawRecord {
  const record = { offset: Number(offset), timeMs: Number(timestamp), value: value ?? NOTHING };
  return {
    ...record,
    ...(headers === undefined ? {} : { headers: firstOfEach(headers) }),
    ...(key === null ? {} : { key }),
  };
}

type Headers = NonNullable<KafkaMessage['headers']>;

function firstOfEach(headers: Headers): NonNullable<RawRecord['headers']> {
  if (!Object.values(headers).some(Array.isArray)) return headers as NonNullable<RawRecord['headers']>;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}
