import type { Clock } from '../../domain/clock.ts';
import { toError } from '../../domain/errors.ts';
import type { Running } from '../../domain/lifecycle.ts';
import type { Logger } from '../../domain/logger.ts';
import { createRng, type Rng } from '../../domain/rng.ts';
import { createWake } from '../../domain/wake.ts';
import type { AlertChannel, AlertMessage, ChannelKind } from './channel.ts';

/** A message that a channel has not settled yet. */
export interface DueMessage {
  readonly channel: string;
  readonly message: AlertMessage;
  /** When the event was made, ms since the Unix epoch. */
  readonly atMs: number;
}

/** How a message ended on a channel; `abandoned` after the longest time. */
export type DeliveryOutcome = 'delivered' | 'abandoned';

/** Where events and deliveries are remembered: what a restart knows is what is here. */
export interface OutboxPort {
  /** Events made at or after `sinceMs` that these channels have not settled, oldest first, firing before resolved. */
  due(channels: readonly string[], sinceMs: number): Promise<readonly DueMessage[]>;
  record(delivery: {
    readonly channel: string;
    readonly message: AlertMessage;
    readonly outcome: DeliveryOutcome;
  }): Promise<void>;
}

/** What delivery tells metrics. No method may throw. */
export interface DeliveryObserver {
  attempted(kind: ChannelKind, result: 'delivered' | 'failed' | 'abandoned'): void;
  /** Messages that wait, over all channels. */
  waiting(messages: number): void;
}

export interface OutboxLimits {
  /** Delay after the first failure; it doubles with each further one, with jitter. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A message older than this is given up. */
  readonly giveUpMs: number;
}

export interface OutboxOptions {
  readonly channels: readonly AlertChannel[];
  readonly port: OutboxPort;
  readonly observer: DeliveryObserver;
  readonly limits: OutboxLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Outbox {
  /** There may be something new to send. */
  wake(): void;
}

/** The outbox looks so often although nobody woke it: for what a failed look left. */
const IDLE_MS = 30_000;
/** What is given up is looked for a while longer, so that giving up is recorded. */
const GRACE_MS = 24 * 3_600_000;

/**
 * Takes every event to every channel: at least once, and once as long as nothing dies between the receiver's confirmation
 * and the record of it, in which case the message's id says that it is the same. A message on a channel is
 *
 *     due ──sent──► delivered
 *      │ ▲
 *      │ └──failed: waits, longer each time──┐
 *      ├────────────────────────────────────┘
 *      └──older than the longest time──► abandoned
 *
 * Firing goes before resolved; a receiver that is away holds up nobody else. All that lasts is in the store, so an outbox
 * that starts again goes on with what is due. Nothing here is in the judge's way: it only writes the event.
 */
export function startOutbox(options: OutboxOptions): Running<Outbox> {
  const wake = createWake();
  const state: OutboxState = { ...options, attempts: new Map(), unrecorded: new Set() };
  const stopping = new AbortController();
  const isStopped = (): boolean => stopping.signal.aborted;
  const run = async (): Promise<void> => {
    while (!isStopped()) {
      const delayMs = await pass(state, isStopped);
      if (!isStopped()) await wake.wait(delayMs);
    }
  };
  // Never rejects: a pass catches everything.
  const running = options.channels.length === 0 ? Promise.resolve() : run();
  return {
    value: { wake: wake.now },
    async stop() {
      stopping.abort();
      wake.now();
      await running;
    },
  };
}

interface Attempts {
  failures: number;
  notBeforeMs: number;
  readonly rng: Rng;
}

interface OutboxState extends OutboxOptions {
  readonly attempts: Map<string, Attempts>;
  /** Confirmed by the receiver, and not yet recorded: must not be sent again. */
  readonly unrecorded: Set<string>;
}

/** One look at everything that is due. @returns ms until the next one */
async function pass(state: OutboxState, isStopped: () => boolean): Promise<number> {
  const { channels, port, clock, limits, logger, observer } = state;
  try {
    const names = channels.map(({ name }) => name);
    const due = await port.due(names, clock.nowMs() - limits.giveUpMs - GRACE_MS);
    const lanes = channels.map((channel) => ({
      channel,
      messages: due.filter(({ channel: name }) => name === channel.name),
    }));
    const left = await Promise.all(
      lanes.map(({ channel, messages }) => sendAll(state, channel, { messages, isStopped })),
    );
    observer.waiting(left.reduce((sum, { waiting }) => sum + waiting, 0));
    return Math.min(IDLE_MS, ...left.map(({ againInMs }) => againInMs));
  } catch (caught) {
    logger.warn({ err: toError(caught).message }, 'alert_outbox_postponed');
    return Math.min(IDLE_MS, 10 * limits.firstDelayMs);
  }
}

interface Lane {
  readonly messages: readonly DueMessage[];
  readonly isStopped: () => boolean;
}

/** Sends what one channel has due, one after the other. */
async function sendAll(
  state: OutboxState,
  channel: AlertChannel,
  { messages, isStopped }: Lane,
): Promise<{ waiting: number; againInMs: number }> {
  const held = new Set<string>();
  let againInMs = Infinity;
  let waiting = 0;
  for (const due of messages) {
    const { alarmId } = due.message;
    const isHeld = isStopped() || held.has(alarmId);
    const delayMs = isHeld ? Infinity : await settle(state, channel, due);
    if (delayMs === 0) continue;
    held.add(alarmId);
    waiting++;
    againInMs = Math.min(againInMs, delayMs);
  }
  return { waiting, againInMs };
}

/** Brings one message as far as it goes now. @returns 0 when it is settled, otherwise ms until it is due again */
async function settle(state: OutboxState, channel: AlertChannel, due: DueMessage): Promise<number> {
  const { clock, limits, port, observer, logger } = state;
  const { message, atMs } = due;
  const key = `${channel.name} ${message.id}`;
  const nowMs = clock.nowMs();
  const attempts = state.attempts.get(key);
  const fields = { channel: channel.name, alarm: message.alarmId, status: message.status };
  if (nowMs - atMs > limits.giveUpMs && !state.unrecorded.has(key)) {
    await port.record({ channel: channel.name, message, outcome: 'abandoned' });
    observer.attempted(channel.kind, 'abandoned');
    logger.error({ ...fields, failures: attempts?.failures ?? 0 }, 'alert_abandoned');
  } else {
    if (attempts !== undefined && nowMs < attempts.notBeforeMs) return attempts.notBeforeMs - nowMs;
    const delayMs = await attempt(state, channel, { due, key, fields });
    if (delayMs > 0) return delayMs;
    await port.record({ channel: channel.name, message, outcome: 'delivered' });
  }
  state.attempts.delete(key);
  state.unrecorded.delete(key);
  return 0;
}

/** @returns 0 when the receiver has it, otherwise ms until the next attempt */
async function attempt(
  state: OutboxState,
  channel: AlertChannel,
  { due, key, fields }: { readonly due: DueMessage; readonly key: string; readonly fields: object },
): Promise<number> {
  const { clock, limits, observer, logger, unrecorded, attempts } = state;
  if (unrecorded.has(key)) return 0;
  try {
    await channel.send(due.message);
    unrecorded.add(key);
    observer.attempted(channel.kind, 'delivered');
    logger.info(fields, 'alert_delivered');
    return 0;
  } catch (caught) {
    const entry = attempts.get(key) ?? { failures: 0, notBeforeMs: 0, rng: createRng('alert-outbox', key) };
    const delayMs = delayAfter(++entry.failures, limits, entry.rng);
    entry.notBeforeMs = clock.nowMs() + delayMs;
    attempts.set(key, entry);
    observer.attempted(channel.kind, 'failed');
    logger.warn(
      { ...fields, failures: entry.failures, delayMs, err: toError(caught).message },
      'alert_attempt_failed',
    );
    return delayMs;
  }
}

/** Doubles with each failure up to the longest, with a jitter in [0.5, 1); ms. */
function delayAfter(failures: number, { firstDelayMs, longestDelayMs }: OutboxLimits, rng: Rng): number {
  const full = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(40, failures - 1));
  return Math.max(1, full * (0.5 + 0.5 * rng.uniform()));
}
