/** Lets whoever brings work wake the loop that does it. */
export interface Wake {
  readonly now: () => void;
  /** Resolves at the next wake, or after the time. */
  readonly wait: (atMostMs: number) => Promise<void>;
}

export function createWake(): Wake {
  let pending = false;
  let resolveWaiting: (() => void) | undefined;
  return {
    now() {
      pending = true;
      resolveWaiting?.();
    },
    async wait(atMostMs) {
      if (!pending) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, atMostMs);
          resolveWaiting = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      pending = false;
      resolveWaiting = undefined;
    },
  };
}
