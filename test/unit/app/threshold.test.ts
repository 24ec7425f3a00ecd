import fc from 'fast-check';
import { settledPlace } from '../../../src/app/sidecar/threshold.ts';
import type { FoldEntry } from '../../../src/monitoring/fold-log.ts';

const observation = (partition: number, offset: number, eventTimeMs: number): FoldEntry => ({
  kind: 'observation',
  lane: 'sentinel',
  eventId: `${partition}-${offset}`,
  position: { source: 'file:a', partition, offset },
  eventTimeMs,
  rows: 1,
  recipes: [{ recipe: 'r@1', recipeId: '1', lossLower: 0, lossUpper: 0, binary: 0 }],
});
const entries = Array.from({ length: 20 }, (_, i) => observation(i % 2, 3 * i, 1000 * i));
const alarm = { raisedAtMs: 0 };

describe('settledPlace', () => {
  it('freezes each partition before the first event after the alarm had settled', () => {
    const trigger = { cooldownSeconds: 0, settleSamples: 5 };
    expect(settledPlace(entries, alarm, { requests: [], trigger })).toEqual({
      atMs: 4000,
      beyond: { 'file:a/0': 17, 'file:a/1': 14 },
    });
  });

  it('waits for the cooldown of the last request', () => {
    const trigger = { cooldownSeconds: 10, settleSamples: 0 };
    const requests = [{ requestedAtMs: 2000 }, { requestedAtMs: -500 }];
    expect(settledPlace(entries, alarm, { requests, trigger })).toEqual({
      atMs: 12_000,
      beyond: { 'file:a/0': 41, 'file:a/1': 38 },
    });
  });

  it('takes nothing back while nothing was folded beyond, and counts samples alone', () => {
    const trigger = { cooldownSeconds: 0, settleSamples: 20 };
    const version: FoldEntry = { kind: 'version', atMs: 0, version: '2' };
    expect(settledPlace([version, ...entries], alarm, { requests: [], trigger }).beyond).toEqual({});
  });

  it('gives the same place however much was folded when it was asked', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.nat(12), (settleSamples, more) => {
        const trigger = { cooldownSeconds: 0, settleSamples };
        const ask = (count: number) =>
          settledPlace(entries.slice(0, count), alarm, { requests: [], trigger });
        const frozen = (count: number, partition: number): boolean[] => {
          const limit = ask(count).beyond[`file:a/${partition}`] ?? Infinity;
          return entries
            .slice(0, count)
            .filter((entry) => entry.kind === 'observation' && entry.position.partition === partition)
            .map((entry) => entry.kind === 'observation' && entry.position.offset <= limit);
        };
        const count = Math.min(20, settleSamples + more);
        for (const partition of [0, 1]) {
          const taken = (n: number): number => frozen(n, partition).filter(Boolean).length;
          expect(taken(20)).toBe(taken(Math.max(settleSamples, count)));
        }
        expect(ask(20).atMs).toBe(ask(Math.max(settleSamples, count)).atMs);
      }),
    );
  });
});
