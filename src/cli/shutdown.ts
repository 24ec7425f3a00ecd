import type { Logger } from '../domain/logger.ts';

/** Signals as a dependency: the process in main.ts, an emitter in tests. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

export interface ShutdownOptions {
  readonly signals: SignalSource;
  readonly logger: Logger;
  /** Ends the process at once, without asking anybody. */
  readonly hardExit: () => void;
  /** How long an orderly stop may take. Default 30 s. */
  readonly deadlineMs?: number;
}

export interface Shutdown {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Resolves at the first signal. */
  readonly stopped: Promise<void>;
  /** Stops listening; idempotent. */
  dispose(): void;
}

/**
 * First SIGINT or SIGTERM: abort and wake whoever waits; whoever owns the work then releases in order. Second signal, or
 * the deadline: hard exit. Nothing durable is lost by it: a stop at any point is recovered from at the next start.
 */
export function createShutdown({
  signals,
  logger,
  hardExit,
  deadlineMs = 30_000,
}: ShutdownOptions): Shutdown {
  const controller = new AbortController();
  let deadline: NodeJS.Timeout | undefined;
  let wake: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const listenTo = (name: 'SIGINT' | 'SIGTERM') => (): void => {
    if (controller.signal.aborted) {
      logger.warn({ signal: name }, 'second_signal_exiting_at_once');
      hardExit();
      return;
    }
    logger.info({ signal: name, deadlineMs }, 'stopping');
    deadline = setTimeout(() => {
      logger.error({ deadlineMs }, 'stop_deadline_passed');
      hardExit();
    }, deadlineMs);
    deadline.unref();
    controller.abort();
    wake();
  };
  const onInterrupt = listenTo('SIGINT');
  const onTerminate = listenTo('SIGTERM');
  signals.on('SIGINT', onInterrupt);
  signals.on('SIGTERM', onTerminate);
  return {
    signal: controller.signal,
    stopped,
    dispose() {
      clearTimeout(deadline);
      signals.off('SIGINT', onInterrupt);
      signals.off('SIGTERM', onTerminate);
    },
  };
}
