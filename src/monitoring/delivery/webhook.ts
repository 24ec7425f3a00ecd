import type { Clock } from '../../domain/clock.ts';
import { AppError, toError } from '../../domain/errors.ts';
import type { AlertChannel } from './channel.ts';
import { signMessage } from './signature.ts';

export interface WebhookOptions {
  /** Names the receiver in deliveries and logs. */
  readonly name: string;
  readonly url: string;
  /** Key of the signature. */
  readonly secret: string;
  /** How long one attempt may take. */
  readonly timeoutSeconds: number;
  readonly clock: Clock;
}

/**
 * Posts a degradation event with the headers `webhook-id` (also as `idempotency-key`), `webhook-timestamp` and
 * `webhook-signature`. Any answer of 2xx confirms it. A redirect does not: the body would go where nobody signed for.
 */
export function createWebhookChannel(options: WebhookOptions): AlertChannel {
  const { name, url, secret, timeoutSeconds, clock } = options;
  return {
    kind: 'webhook',
    name: `webhook:${name}`,
    async send({ id, body }) {
      const timestamp = Math.floor(clock.nowMs() / 1000);
      const response = await post(name, url, {
        method: 'POST',
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(1000 * timeoutSeconds),
        headers: {
          'content-type': 'application/json',
          'user-agent': 'temper',
          'idempotency-key': id,
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': signMessage(secret, { id, timestamp, body }),
        },
      });
      await response.body?.cancel();
      if (!response.ok) throw undelivered(name, `expected an answer of 2xx, got ${response.status}`);
    },
  };
}

async function post(name: string, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (caught) {
    const error = toError(caught);
    const reason = error.cause === undefined ? error.message : toError(error.cause).message;
    throw undelivered(name, `expected an answer, got none: ${reason}`, caught);
  }
}

/** Without the URL, which may hold a token. */
function undelivered(name: string, what: string, cause?: unknown): AppError {
  return new AppError('TEMPER_ALERT_UNDELIVERED', `webhook ${name}: ${what}`, { retryable: true, cause });
}
