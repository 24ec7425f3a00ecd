import { createRiskHistory } from '../../../src/app/sidecar/risk-history.ts';
import type { JudgeStatus } from '../../../src/monitoring/status.ts';

/** The part of a status that the history reads. */
function at(foldsInAll: number): JudgeStatus {
  const risk = { value: 0.1, lower: 0, upper: 0.2, confidence: 0.99, n: foldsInAll };
  return {
    recipes: [{ risk }],
    foldsInAll,
    lastEventTimeMs: foldsInAll,
    version: '1',
  } as unknown as JudgeStatus;
}

test('a report keeps the history as it was when it was made', () => {
  const history = createRiskHistory();
  history.record(at(1));
  const reported = history.points();
  history.record(at(2));
  expect(reported.map(({ fold }) => fold)).toEqual([1]);
  expect(history.points().map(({ fold }) => fold)).toEqual([1, 2]);
});

test('the same fold is one point, and old points go', () => {
  const history = createRiskHistory();
  for (const fold of [1, 1, ...Array.from({ length: 400 }, (_, i) => i + 2)]) history.record(at(fold));
  expect(history.points()).toHaveLength(300);
  expect(history.points().at(-1)!.fold).toBe(401);
});
