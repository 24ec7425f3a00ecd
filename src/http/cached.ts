import type { Clock } from '../domain/clock.ts';

/**
 * Makes an expensive answer cheap to ask for: callers within `ttlMs` of its completion get the same one, and callers
 * while it is being made wait for it. A failure is not kept.
 */
export function createCached<T>(
  make: () => Promise<T>,
  { ttlMs, clock }: { readonly ttlMs: number; readonly clock: Clock },
): () => Promise<T> {
  let kept: { readonly value: T; readonly atMs: number } | undefined;
  let pending: Promise<T> | undefined;
  return async () => {
    if (kept !== undefined && clock.nowMs() - kept.atMs < ttlMs) return kept.value;
    pending ??= make().finally(() => (pending = undefined));
    const value = await pending;
    kept = { value, atMs: clock.nowMs() };
    return value;
  };
}
