import fc from 'fast-check';
import { createSlice, type DataSlice } from '../../../src/data/slice.ts';
import { cutPieces, epochOrder, labelledRows, stepsPerEpoch } from '../../../src/training/batches.ts';

function rows(count: number): DataSlice {
  const store = { inputs: new Uint8Array(count), labels: new Uint8Array(count), inputShape: [1], classes: 2 };
  return createSlice(
    'toy',
    store,
    Uint32Array.from({ length: count }, (_, i) => i),
  );
}

test('an epoch visits every row once, in pieces of equal size but for one row', () => {
  fc.assert(
    fc.property(
      fc.nat(60),
      fc.nat(20),
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1, max: 4 }),
      (fresh, stored, batch, pieces) => {
        fc.pre(fresh + stored > 0);
        const order = epochOrder({ fresh: rows(fresh), stored: rows(stored) }, { seed: 1, epoch: 2 });
        const steps = stepsPerEpoch(order.length, batch);
        const all = Array.from({ length: steps }, (_, step) =>
          cutPieces(order, fresh, { step, steps, pieces }),
        ).flat();
        const sorted = (part: 'fresh' | 'stored') =>
          all.flatMap((piece) => [...piece[part]]).sort((a, b) => a - b);
        expect(sorted('fresh')).toEqual(Array.from({ length: fresh }, (_, i) => i));
        expect(sorted('stored')).toEqual(Array.from({ length: stored }, (_, i) => i));
        for (const piece of all) expect(piece.fresh.length + piece.stored.length).toBeGreaterThan(0);
      },
    ),
  );
});

test('the order depends on seed and epoch only', () => {
  const order = (seed: number, epoch: number) =>
    epochOrder({ fresh: rows(50), stored: undefined }, { seed, epoch });
  expect(order(1, 2)).toEqual(order(1, 2));
  expect(order(1, 2)).not.toEqual(order(1, 3));
  expect(order(1, 2)).not.toEqual(order(2, 2));
});

test('there is always a step, and no slice has no rows', () => {
  expect(stepsPerEpoch(3, 128)).toBe(1);
  expect(stepsPerEpoch(300, 128)).toBe(2);
  expect(labelledRows(undefined, Uint32Array.of(1)).labels).toHaveLength(0);
});
