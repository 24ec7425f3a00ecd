/** One degradation event on its way out: the same bytes in every attempt. */
export interface AlertMessage {
  /** `<alarm id>.<status>`: a receiver that sees it twice has seen the same message twice. */
  readonly id: string;
  readonly alarmId: string;
  readonly status: 'firing' | 'resolved';
  /** Name of the model; the key where messages are partitioned, so that those of one model stay in order. */
  readonly model: string;
  /** The degradation event as JSON (`temper/degradation/1`). */
  readonly body: string;
}

/** The closed set of ways to tell somebody; a label of metrics. */
export const CHANNEL_KINDS = ['webhook', 'kafka'] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/**
 * One way of telling somebody. It sends and nothing else: what was sent already, when to try again and when to give up is
 * the outbox's business. One file per kind.
 */
export interface AlertChannel {
  readonly kind: ChannelKind;
  /** Stable across restarts, e.g. `webhook:pager` or `kafka:temper.degradation`: deliveries are remembered under it. */
  readonly name: string;
  /**
   * Resolves when the receiver has confirmed the message.
   * @throws anything when it has not; the outbox tries again, whatever it was. A channel bounds its own time.
   */
  send(message: AlertMessage): Promise<void>;
}
