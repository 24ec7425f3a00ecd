import { partitionKey } from '../source.ts';
import type { PartitionState, SourcePartition } from '../source.ts';

/** One partition that the group gave to this member. */
export interface Reader {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  /** assigned: its start was not asked yet; sent: the consumer was told it; reading: a batch came from there. */
  state: 'assigned' | 'sent' | 'reading';
  /** Settles when the consumer was sent to the start. */
  starting: Promise<void> | undefined;
  /** Offset that is read next. */
  next: number;
  /** Offset behind the last record that exists, as last heard. */
  end: number | undefined;
  paused: boolean;
  /** The batch that is with the handler. */
  delivering: Promise<void> | undefined;
  acknowledged: number | undefined;
  committed: number | undefined;
}

export interface Readers {
  find(partition: SourcePartition): Reader | undefined;
  all(): readonly Reader[];
  topics(): readonly string[];
  /** What the group decided. Partitions that stay are asked for their start again: others may have read them between. */
  assign(assignment: Readonly<Record<string, readonly number[]>>): readonly Reader[];
}

export function createReaders(): Readers {
  let readers = new Map<string, Reader>();
  return {
    find: (partition) => readers.get(partitionKey(partition)),
    all: () => [...readers.values()],
    topics: () => [...new Set([...readers.values()].map(({ topic }) => topic))],
    assign(assignment) {
      const given = Object.entries(assignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => newReader(topic, partition)),
      );
      for (const reader of given) {
        const before = readers.get(partitionKey(reader));
        reader.delivering = before?.delivering;
        reader.paused = before?.paused ?? false;
      }
      readers = new Map(given.map((reader) => [partitionKey(reader), reader]));
      return given;
    },
  };
}

export function stateOf({ source, partition, next, end, paused, delivering, state }: Reader): PartitionState {
  const left = end === undefined ? 0 : Math.max(0, end - next);
  const isKnown = end !== undefined && state !== 'assigned';
  return {
    source,
    partition,
    next,
    paused,
    lag: left,
    atEnd: isKnown && left === 0 && delivering === undefined,
  };
}

function newReader(topic: string, partition: number): Reader {
  return {
    source: `kafka:${topic}`,
    topic,
    partition,
    state: 'assigned',
    starting: undefined,
    next: 0,
    end: undefined,
    paused: false,
    delivering: undefined,
    acknowledged: undefined,
    committed: undefined,
  };
}
