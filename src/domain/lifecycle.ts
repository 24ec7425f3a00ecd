import { toError } from './errors.ts';

/** Something that runs and can be stopped. `stop` is idempotent and never throws before everything was tried. */
export interface Running<T> {
  readonly value: T;
  stop(): Promise<void>;
}

/** Collects what was started, and releases it in reverse order. */
export interface ReleaseStack {
  /** Registers a release and returns nothing: call it right after the resource exists. */
  defer(name: string, release: () => Promise<void> | void): void;
  /** Takes a running resource in: its value is returned, its stop is registered. */
  adopt<T>(name: string, running: Running<T>): T;
  /** Releases everything, last first. Goes on after a failure; throws an AggregateError of all failures at the end. */
  release(): Promise<void>;
}

export function createReleaseStack(): ReleaseStack {
  const pending: { name: string; release: () => Promise<void> | void }[] = [];
  let releasing: Promise<void> | undefined;
  const defer: ReleaseStack['defer'] = (name, release) => {
    pending.push({ name, release });
  };
  return {
    defer,
    adopt(name, running) {
      defer(name, () => running.stop());
      return running.value;
    },
    release() {
      releasing ??= releaseAll(pending);
      return releasing;
    },
  };
}

async function releaseAll(pending: { name: string; release: () => Promise<void> | void }[]): Promise<void> {
  const failures: Error[] = [];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    try {
      await next.release();
    } catch (caught) {
      failures.push(new Error(`stopping ${next.name} failed: ${toError(caught).message}`, { cause: caught }));
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, failures.map((failure) => failure.message).join('; '));
}
