/** An event that waits to be folded, in position order within its partition. */
export interface WaitingCluster {
  readonly eventTimeMs: number;
  readonly offset: number;
  /** Whether all its probes are terminal. */
  readonly ready: boolean;
}

/** One partition of a source as far as it is known. */
export interface PartitionQueue<T extends WaitingCluster> {
  readonly source: string;
  readonly partition: number;
  /** Whether everything the partition holds has been ingested: then an empty queue blocks nobody. */
  readonly atEnd: boolean;
  /** Unfolded clusters in position order, without gaps from the first unfolded one on. */
  readonly waiting: readonly T[];
}

/**
 * Which clusters may fold now, in order: a k-way merge of the partitions by (event time, source, partition). Within a
 * partition the order is that of positions, whatever the times say. The merge stops at a head whose probes are not all
 * terminal, and at a partition whose next event is not known yet (its queue is empty, and it is not at its end):
 * both could come first. So what is yielded is always a prefix of one and the same sequence, however the outcomes
 * arrive, as long as no partition is at its end; what arrives after a partition was passed at its end comes later.
 * O(clusters · partitions).
 */
export function foldableNow<T extends WaitingCluster>(partitions: readonly PartitionQueue<T>[]): T[] {
  const heads = new Map(partitions.map((queue) => [queue, 0]));
  const foldable: T[] = [];
  for (;;) {
    const open = partitions.filter((queue) => heads.get(queue)! < queue.waiting.length);
    if (partitions.some((queue) => !queue.atEnd && !open.includes(queue))) return foldable;
    const [first, ...others] = open;
    if (first === undefined) return foldable;
    const next = others.reduce((best, queue) => (comesBefore(queue, best, heads) ? queue : best), first);
    const head = next.waiting[heads.get(next)!]!;
    if (!head.ready) return foldable;
    foldable.push(head);
    heads.set(next, heads.get(next)! + 1);
  }
}

function comesBefore<T extends WaitingCluster>(
  a: PartitionQueue<T>,
  b: PartitionQueue<T>,
  heads: ReadonlyMap<PartitionQueue<T>, number>,
): boolean {
  const aTime = a.waiting[heads.get(a)!]!.eventTimeMs;
  const bTime = b.waiting[heads.get(b)!]!.eventTimeMs;
  if (aTime !== bTime) return aTime < bTime;
  if (a.source !== b.source) return a.source < b.source;
  return a.partition < b.partition;
}
