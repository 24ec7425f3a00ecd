/** One ordered stream of records. The pair is its identity and must be the same after a restart. */
export interface SourcePartition {
  /** `file:requests.jsonl` or `kafka:<topic>`. */
  readonly source: string;
  /** Number within the source; a file is a source with the one partition 0. */
  readonly partition: number;
}

/** What a source read and did not look into. */
export interface RawRecord {
  /** Line number in a file, offset in Kafka; strictly increasing within a partition. */
  readonly offset: number;
  /** Time that the transport gave the record, ms since the Unix epoch; files have none. */
  readonly timeMs?: number;
  readonly headers?: Readonly<Record<string, string | Uint8Array | undefined>>;
  readonly key?: Uint8Array;
  /** Valid until the handler's promise settles: whoever keeps bytes copies them. */
  readonly value: Uint8Array;
  /** Set when the source could not deliver the record whole; `value` then holds its beginning. */
  readonly damage?: { readonly reason: 'line_too_long'; readonly detail: string };
}

/** Consecutive records of one partition, in order, at least one. */
export interface RawBatch extends SourcePartition {
  readonly records: readonly RawRecord[];
}

/** What a source tells whoever runs it. */
export interface SourceHandler {
  /** Offset of the first record to deliver. Asked whenever a partition begins to be read, also after a rebalance. */
  startOffset(partition: SourcePartition): Promise<number>;
  /** Takes a batch. The source delivers the next one of that partition only when the promise resolved; a rejection ends `run`. */
  onBatch(batch: RawBatch): Promise<void>;
  /** A sign of life, also when there is nothing to read: at least once a second while the source is not waiting for `onBatch`. */
  onPoll(): void;
  /** A partition cannot be read any further; the others go on. */
  onPartitionFailure(partition: SourcePartition, error: Error): void;
}

/** How far a partition has been read. */
export interface PartitionState extends SourcePartition {
  /** Offset that is read next. */
  readonly next: number;
  /** Whether everything that exists was delivered. */
  readonly atEnd: boolean;
  /** Records that exist and were not delivered; an estimate where only bytes are known, 0 exactly at the end. */
  readonly lag: number;
  readonly paused: boolean;
  /** Why it is not read any further. */
  readonly failure?: string;
}

/**
 * Where production events come from. Delivery within a partition is in order; across partitions there is no order.
 * A source keeps no durable position of its own: it starts where `startOffset` says.
 */
export interface Source {
  /** Delivers batches until `stop`. Rejects when a handler rejects, or when no partition can be read any further. */
  run(handler: SourceHandler): Promise<void>;
  /** The next record to deliver; takes effect before the next batch of that partition. */
  seek(partition: SourcePartition, offset: number): void;
  pause(partition: SourcePartition): void;
  resume(partition: SourcePartition): void;
  /** Whether everything that exists in the partition was delivered. False for partitions that are not read here. */
  atEnd(partition: SourcePartition): boolean;
  partitions(): readonly PartitionState[];
  /** Called after everything up to `offset` (inclusive) became durable, e.g. to commit a consumer group's offset. */
  acknowledge(partition: SourcePartition, offset: number): void;
  /** Ends `run` after the batch in hand. Idempotent. */
  stop(): Promise<void>;
}

/** Key of a partition in maps and in `frozenPositions`. */
export function partitionKey({ source, partition }: SourcePartition): string {
  return `${source}/${partition}`;
}
