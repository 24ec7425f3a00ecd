import { observationOf, type TerminalOutcome } from '../../../src/app/sidecar/observation.ts';
import { parseFoldEntry } from '../../../src/monitoring/fold-log.ts';

const done = (loss: number, extra = {}): TerminalOutcome['outcome'] => ({
  kind: 'done',
  measurement: {
    success: loss > 0,
    loss,
    predictionBefore: 1,
    predictionAfter: loss > 0 ? 2 : 1,
    replicaAgrees: true,
    forwardQueries: 1,
    gradientQueries: 1,
    servedQueries: 2,
    ...extra,
  },
});
const outcome = (row: number, recipeId: string, terminal: TerminalOutcome['outcome']): TerminalOutcome => ({
  sampleId: `e#${row}`,
  eventId: 'e',
  position: { source: 'file:a', partition: 0, offset: 7 },
  eventTimeMs: 5,
  recipeId,
  targetVersion: '2',
  outcome: terminal,
});
const labels = new Map([
  ['r1', 'pgd-20@r1'],
  ['r2', 'fgsm@r2'],
]);

describe('observationOf', () => {
  it('folds the rows of an event into one mean per recipe, with missing outcomes bounded on both sides', () => {
    const entry = observationOf(
      [
        outcome(0, 'r1', done(0.5, { transferred: true })),
        outcome(1, 'r1', done(0, { transferred: false, replicaAgrees: false })),
        outcome(2, 'r1', { kind: 'expired' }),
        outcome(3, 'r1', { kind: 'unprobeable', reason: 'served_rejected_input' }),
        outcome(0, 'r2', done(0)),
      ],
      labels,
    );
    expect(entry).toMatchObject({
      eventId: 'e',
      rows: 4,
      version: '2',
      recipes: [
        { recipe: 'pgd-20@r1', lossLower: 0.125, lossUpper: 0.625, binary: 0.25, example: 'e#0' },
        { recipe: 'fgsm@r2', lossLower: 0, lossUpper: 0, binary: 0 },
      ],
      replica: { compared: 3, agreed: 2, fooled: 2, transferred: 1 },
    });
    expect(parseFoldEntry(entry, 'test')).toEqual(entry);
  });
});
