import type { Processing } from '../loop/parts.ts';
import type { LoopState } from '../loop/state.ts';

/**
 * Block steps: each step moves only some of the features, drawn anew with chance `share` each. What a step leaves alone
 * cannot undo what the step before has gained. 1 changes nothing.
 */
export function blocks(share: number): (state: LoopState) => Processing {
  return ({ session, space, restart, direction }) => {
    const { features } = session;
    const rngs = new Map(
      Array.from(space.rows.subarray(0, space.count), (example) => [
        example,
        session.rng(example, restart, 'blocks'),
      ]),
    );
    return {
      direct() {
        for (let i = 0; i < space.count; i++) {
          const rng = rngs.get(space.rows[i]!)!;
          for (let j = i * features; j < (i + 1) * features; j++)
            if (rng.uniform() >= share) direction[j] = 0;
        }
      },
    };
  };
}
