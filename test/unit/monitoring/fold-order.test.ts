import fc from 'fast-check';
import { createRng, permutation } from '../../../src/domain/rng.ts';
import { foldableNow, type PartitionQueue, type WaitingCluster } from '../../../src/monitoring/fold-order.ts';

interface Cluster extends WaitingCluster {
  readonly id: string;
}

/** Event times of each partition, in position order; not always rising, and often equal. */
const partitions = fc.array(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 12 }), {
  minLength: 1,
  maxLength: 4,
});

const cluster = (partition: number, offset: number, eventTimeMs: number, ready = true): Cluster => ({
  id: `${partition}/${offset}`,
  eventTimeMs,
  offset,
  ready,
});

const queue = (partition: number, waiting: readonly Cluster[], atEnd = true): PartitionQueue<Cluster> => ({
  source: 'file:a',
  partition,
  atEnd,
  waiting,
});

const ids = (clusters: readonly Cluster[]) => clusters.map(({ id }) => id);

/**
 * Everything is ingested and becomes terminal in a random order, and is folded as it may. Whether a partition counts as
 * read to its end before all of it was ingested is up to `seemsAtEnd`.
 */
function simulate(times: readonly number[][], seed: number, seemsAtEnd: (step: number) => boolean): string[] {
  const events = times.flatMap((own, partition) =>
    own.flatMap((_, offset) => [
      { partition, offset, what: 'ingested' },
      { partition, offset, what: 'terminal' },
    ]),
  );
  const order = permutation(events.length, createRng('order', seed));
  const ingested = times.map(() => 0);
  const terminal = new Set<string>();
  const folded: string[] = [];
  const step = (number: number) => {
    const queues = times.map((own, partition) => {
      const known = own.slice(0, ingested[partition]);
      const waiting = known
        .map((time, offset) => cluster(partition, offset, time, terminal.has(`${partition}/${offset}`)))
        .filter(({ id }) => !folded.includes(id));
      return queue(partition, waiting, seemsAtEnd(number) || ingested[partition] === own.length);
    });
    folded.push(...ids(foldableNow(queues)));
  };
  order.forEach((index, number) => {
    const { partition, offset, what } = events[index]!;
    // Positions are ingested in order: the next one of this partition, whichever was drawn.
    if (what === 'ingested') ingested[partition]!++;
    else terminal.add(`${partition}/${offset}`);
    step(number);
  });
  step(events.length);
  return folded;
}

describe('order of folding', () => {
  it('merges by time, then partition, and keeps positions within a partition', () => {
    const merged = foldableNow([
      queue(0, [cluster(0, 0, 5), cluster(0, 1, 1), cluster(0, 2, 7)]),
      queue(1, [cluster(1, 0, 2), cluster(1, 1, 5)]),
    ]);
    expect(ids(merged)).toEqual(['1/0', '0/0', '0/1', '1/1', '0/2']);
  });

  it('stops at a head that is not terminal, even if others behind it are', () => {
    const merged = foldableNow([
      queue(0, [cluster(0, 0, 1), cluster(0, 1, 3, false), cluster(0, 2, 4)]),
      queue(1, [cluster(1, 0, 2), cluster(1, 1, 9)]),
    ]);
    expect(ids(merged)).toEqual(['0/0', '1/0']);
  });

  it('waits for a partition that is not read to its end, and for no other', () => {
    const ready = queue(0, [cluster(0, 0, 1)]);
    expect(foldableNow([ready, queue(1, [], false)])).toEqual([]);
    expect(ids(foldableNow([ready, queue(1, [], true)]))).toEqual(['0/0']);
    expect(foldableNow([])).toEqual([]);
  });

  it('does not depend on the order of arrival while no partition is at its end', () => {
    fc.assert(
      fc.property(partitions, fc.integer(), fc.integer(), (times, a, b) => {
        const never = () => false;
        expect(simulate(times, a, never)).toEqual(simulate(times, b, never));
      }),
    );
  });

  it('folds everything once, in position order, also when partitions seem to be at their end', () => {
    fc.assert(
      fc.property(partitions, fc.integer(), (times, seed) => {
        const folded = simulate(times, seed, (step) => step % 2 === 0);
        const all = times.flatMap((own, partition) => own.map((_, offset) => `${partition}/${offset}`));
        expect([...folded].sort()).toEqual([...all].sort());
        times.forEach((own, partition) => {
          const mine = folded.filter((id) => id.startsWith(`${partition}/`));
          expect(mine).toEqual(own.map((_, offset) => `${partition}/${offset}`));
        });
      }),
    );
  });
});
