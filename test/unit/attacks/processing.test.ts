import type { AttackSession } from '../../../src/attacks/attack.ts';
import { createLoopState } from '../../../src/attacks/loop/state.ts';
import { averaged } from '../../../src/attacks/processing/averaged.ts';
import { momentum } from '../../../src/attacks/processing/momentum.ts';

const state = (rows: number) =>
  createLoopState(
    { features: 2 } as unknown as AttackSession,
    Int32Array.from({ length: rows }, (_, i) => i),
    0,
  ); // processing reads no more

test('momentum adds gradients scaled to mean 1; a zero gradient keeps the direction', () => {
  const shared = state(2);
  const { direct } = momentum({ decay: 0.5 })(shared);
  shared.direction.set([3, -1, 1, 1]);
  direct!();
  expect(Array.from(shared.direction)).toEqual([1.5, -0.5, 1, 1]);
  shared.direction.set([0, 0, -4, 4]);
  direct!();
  expect(Array.from(shared.direction)).toEqual([0.75, -0.25, -0.5, 1.5]);
});

test('momentum belongs to its row when others leave', () => {
  const shared = state(2);
  const { direct } = momentum({ decay: 1 })(shared);
  shared.direction.set([1, 1, -1, -1]);
  direct!();
  shared.space.retain((example) => example === 1);
  shared.direction.set([0, 0]);
  direct!();
  expect(Array.from(shared.direction.subarray(0, 2))).toEqual([-1, -1]);
});

test('averages losses and gradients over draws', async () => {
  let draw = 0;
  const batch = { inputs: new Float32Array(2), count: 1, rows: Int32Array.of(0) };
  const { evaluate } = averaged(4)();
  const answer = await evaluate!(() => {
    draw++;
    return Promise.resolve({
      scores: Float32Array.of(draw),
      losses: Float32Array.of(draw),
      gradient: Float32Array.of(draw, -draw),
    });
  })(batch);
  expect(answer).toEqual({
    scores: Float32Array.of(4),
    losses: Float32Array.of(2.5),
    gradient: Float32Array.of(2.5, -2.5),
  });
});
