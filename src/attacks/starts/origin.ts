import type { LoopState } from '../loop/state.ts';

/** Starts at the examples themselves. */
export function originStart({ session, space, x }: LoopState): void {
  const { originals, features } = session;
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    x.set(originals.subarray(example * features, (example + 1) * features), i * features);
  }
}
