import type { LossGradient } from '../../domain/target.ts';
import type { LoopState } from './state.ts';

/** Copies what the target found; a NaN or infinite component becomes 0, so that one bad row hurts nobody. */
export function take(state: LoopState, { gradient, losses }: LossGradient): void {
  const found = gradient.subarray(0, state.space.count * state.session.features);
  const values = state.gradient;
  values.set(found);
  if (!isSumFinite(found))
    for (let i = 0; i < found.length; i++) values[i] = Number.isFinite(found[i]) ? found[i]! : 0;
  takeLosses(state, losses);
}

/** False when a value is NaN or infinite. Four sums, since one waits for each addition; a third of the time of a copy with a test. */
function isSumFinite(values: Float32Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += values[i]!;
  return Number.isFinite(a + b + c + d);
}

/** NaN becomes −Infinity: no loss is worse for the adversary. */
export function takeLosses({ losses, space }: LoopState, found: Float32Array): void {
  for (let i = 0; i < space.count; i++) {
    const value = found[i]!;
    losses[i] = Number.isNaN(value) ? -Infinity : value;
  }
}
