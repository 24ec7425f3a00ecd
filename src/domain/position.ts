/** Where an event stands in its source: every source has partitions, every partition counts from 0. */
export interface Position {
  /** `file:requests.jsonl` or `kafka:<topic>`; stable across restarts. */
  readonly source: string;
  readonly partition: number;
  /** Line number in a file, offset in Kafka. */
  readonly offset: number;
}
