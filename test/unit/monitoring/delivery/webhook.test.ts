import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hasCode } from '../../../../src/domain/errors.ts';
import { signMessage, verifyMessage } from '../../../../src/monitoring/delivery/signature.ts';
import { createWebhookChannel } from '../../../../src/monitoring/delivery/webhook.ts';

describe('the signature', () => {
  it('is the one of the Standard Webhooks specification', () => {
    // From the specification's own test vector.
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const parts = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1614265330,
      body: '{"test": 2432232314}',
    };
    expect(signMessage(secret, parts)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  const secret = 'a secret';
  const parts = { id: 'a.firing', timestamp: 1_000_000, body: '{"a":1}' };
  const signature = signMessage(secret, parts);

  it('covers id, time and body', () => {
    const given = { signature, nowSeconds: parts.timestamp };
    expect(verifyMessage(secret, parts, given)).toBe(true);
    expect(verifyMessage('another', parts, given)).toBe(false);
    expect(verifyMessage(secret, { ...parts, id: 'b.firing' }, given)).toBe(false);
    expect(verifyMessage(secret, { ...parts, timestamp: 1_000_001 }, given)).toBe(false);
    expect(verifyMessage(secret, { ...parts, body: '{"a":2}' }, given)).toBe(false);
  });

  it.each([
    [300, true],
    [-300, true],
    [301, false],
    [-301, false],
    [NaN, false],
  ])('of a message %d seconds away is accepted: %s', (seconds, accepted) => {
    const given = { signature, nowSeconds: parts.timestamp + seconds };
    expect(verifyMessage(secret, parts, given)).toBe(accepted);
  });

  it('may be one of several, while secrets change', () => {
    const both = `${signMessage('old', parts)} ${signature}`;
    expect(verifyMessage(secret, parts, { signature: both, nowSeconds: parts.timestamp })).toBe(true);
    expect(verifyMessage(secret, parts, { signature: '', nowSeconds: parts.timestamp })).toBe(false);
  });
});

describe('a webhook', () => {
  let server: Server;
  let url: string;
  let respond: (attempt: number) => { status: number; location?: string } | undefined;
  const requests: { headers: IncomingHttpHeaders; body: string }[] = [];

  beforeEach(async () => {
    requests.length = 0;
    respond = () => ({ status: 204 });
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        const answer = respond(requests.length);
        if (answer === undefined) return;
        response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location });
        response.end('ignored');
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=hidden`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  const message = {
    id: 'a.firing',
    alarmId: 'a',
    status: 'firing' as const,
    model: 'digits',
    body: '{"schema":"temper/degradation/1","note":"übel"}',
  };
  const channel = (timeoutSeconds = 5) =>
    createWebhookChannel({
      name: 'pager',
      url,
      secret: 'a secret',
      timeoutSeconds,
      clock: { nowMs: () => 1_000_000_999 },
    });

  it('carries the body unchanged, under a signature over id, time and body', async () => {
    await channel().send(message);
    const { headers, body } = requests[0]!;
    expect(body).toBe(message.body);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'a.firing',
      'idempotency-key': 'a.firing',
      'webhook-timestamp': '1000000',
    });
    const mac = createHmac('sha256', 'a secret').update(`a.firing.1000000.${body}`).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${mac}`);
  });

  it.each([400, 401, 410, 429, 500, 503])('is undelivered when the answer is %d', async (status) => {
    respond = () => ({ status });
    const failure = await channel()
      .send(message)
      .catch((caught: unknown) => caught);
    expect(hasCode(failure, 'TEMPER_ALERT_UNDELIVERED')).toBe(true);
    expect(String(failure)).toContain(String(status));
    expect(String(failure)).not.toContain('hidden');
  });

  it('does not follow redirects', async () => {
    respond = () => ({ status: 307, location: url });
    await expect(channel().send(message)).rejects.toThrow('307');
    expect(requests).toHaveLength(1);
  });

  it('gives up waiting after its time, and when nobody listens', async () => {
    respond = () => undefined;
    await expect(channel(0.05).send(message)).rejects.toMatchObject({ code: 'TEMPER_ALERT_UNDELIVERED' });
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    const failure = await channel()
      .send(message)
      .catch((caught: unknown) => caught);
    expect(hasCode(failure, 'TEMPER_ALERT_UNDELIVERED')).toBe(true);
    expect(String(failure)).not.toContain('hidden');
  });
});
