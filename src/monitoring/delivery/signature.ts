import { createHmac, timingSafeEqual } from 'node:crypto';

/** What is signed: a copied body is worth nothing under another id, and an old message nothing at another time. */
export interface SignedParts {
  readonly id: string;
  /** When this attempt was sent, seconds since the Unix epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/** How far a receiver's clock may be from the sender's, seconds. */
const TOLERANCE_SECONDS = 300;

/**
 * `v1,` and base64 of HMAC-SHA256(key, `<id>.<timestamp>.<body>`). The key is the secret's bytes; a secret that begins
 * with `whsec_` is base64 after that, as receivers' libraries expect it.
 *
 * @see the Standard Webhooks specification, "Signature scheme"
 */
export function signMessage(secret: string, { id, timestamp, body }: SignedParts): string {
  const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return `v1,${mac}`;
}

/**
 * What a receiver does. Several signatures separated by spaces are accepted if one holds, so that secrets can be changed
 * one side at a time.
 *
 * @param nowSeconds the receiver's time; a message more than five minutes from it is refused
 */
export function verifyMessage(
  secret: string,
  message: SignedParts,
  { signature, nowSeconds }: { readonly signature: string; readonly nowSeconds: number },
): boolean {
  if (!(Math.abs(nowSeconds - message.timestamp) <= TOLERANCE_SECONDS)) return false;
  const expected = Buffer.from(signMessage(secret, message));
  return signature.split(' ').some((given) => {
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
}

const PREFIX = 'whsec_';

function keyOf(secret: string): Buffer {
  return secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');
}
