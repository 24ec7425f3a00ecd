import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { createEventFormat } from '../../../src/ingest/create-format.ts';
import type { EventFormatName } from '../../../src/ingest/event-format.ts';

/** A message that another implementation wrote, and what it meant; made by the scripts beside this file. */
interface Message {
  readonly name: string;
  readonly format: EventFormatName;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string | null;
  readonly value: string;
  readonly id: string;
  readonly expected: {
    readonly rows?: readonly (readonly number[])[];
    readonly scores?: readonly (readonly number[])[];
    readonly classes?: readonly number[];
    readonly version?: string;
    readonly reason?: string;
  };
}

const MODEL = {
  model: 'tiny',
  classes: 3,
  input: { shape: [2, 2], range: [-300, 300] as const, scale: 1, offset: 0 },
  maxRowsPerEvent: 16,
};

function decode({ format: name, headers, key, value }: Message) {
  const format = createEventFormat(name, MODEL);
  const record = {
    offset: 0,
    timeMs: 1,
    headers,
    value: Buffer.from(value, 'base64'),
    ...(key === null ? {} : { key: Buffer.from(key, 'base64') }),
  };
  return format.decode(record, format.identify(record), 'kafka:t/0/0');
}

const messages = ['kserve', 'mlserver', 'prediction_log'].flatMap(
  (file) => JSON.parse(readFileSync(join(__dirname, `${file}.json`), 'utf8')) as Message[],
);

test.each(messages.map((message) => [`${message.format}: ${message.name}`, message] as const))(
  '%s',
  (_, message) => {
    const { rows, scores, classes, version, reason } = message.expected;
    const result = decode(message);
    if (reason !== undefined) {
      expect(result).toMatchObject({ reason });
      return;
    }
    if (result.kind !== 'ok') throw new Error(JSON.stringify(result));
    const { event } = result;
    expect(event.eventId).toBe(message.id);
    // To the last bit: the scripts wrote float32 values as doubles.
    expect(event.rows?.map((row) => Array.from(row))).toEqual(rows);
    const { response } = event;
    const answered = response !== undefined && 'scores' in response ? response.scores : undefined;
    expect(answered?.map((row) => Array.from(row))).toEqual(scores);
    expect(response !== undefined && 'classes' in response ? response.classes : undefined).toEqual(classes);
    if (version !== undefined) expect(event.response?.version).toBe(version);
  },
);
