// The class has no public name; the package has no `exports` map that would hide it.
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

interface QueueState {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

const CHECK_MS = 10;

/**
 * kafkajs 2.2.4 sets a timer for its next look at waiting requests even when none waits, thousands of times a second on
 * an idle connection, with delays that Node.js warns of as negative. With this it looks only while something waits.
 * Idempotent.
 */
export function calmIdleConnections(): void {
  const prototype = RequestQueue.prototype as unknown as {
    scheduleCheckPendingRequests(this: QueueState): void;
  };
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(): void {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : CHECK_MS,
    );
  };
}
