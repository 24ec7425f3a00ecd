import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../../../src/domain/logger.ts';
import type { Running } from '../../../../src/domain/lifecycle.ts';
import type { AlertChannel, AlertMessage } from '../../../../src/monitoring/delivery/channel.ts';
import {
  startOutbox,
  type DueMessage,
  type Outbox,
  type OutboxLimits,
} from '../../../../src/monitoring/delivery/outbox.ts';

const LIMITS: OutboxLimits = { firstDelayMs: 2, longestDelayMs: 8, giveUpMs: 60_000 };

const message = (alarmId: string, status: AlertMessage['status'] = 'firing'): AlertMessage => ({
  id: `${alarmId}.${status}`,
  alarmId,
  status,
  model: 'digits',
  body: JSON.stringify({ id: alarmId, status }),
});

/** A memory that outlives outboxes, as the store does. */
function createMemory() {
  const events: { message: AlertMessage; atMs: number }[] = [];
  const settled = new Map<string, string>();
  const state = { away: false, refuseRecords: 0 };
  return {
    events,
    settled,
    state,
    port: {
      due(channels: readonly string[], sinceMs: number): Promise<DueMessage[]> {
        if (state.away) return Promise.reject(new Error('the store is away'));
        const all = events
          .filter(({ atMs }) => atMs >= sinceMs)
          .flatMap((event) => channels.map((channel) => ({ ...event, channel })));
        return Promise.resolve(
          all.filter(({ channel, message: { id } }) => !settled.has(`${channel} ${id}`)),
        );
      },
      record({
        channel,
        message: { id },
        outcome,
      }: {
        channel: string;
        message: AlertMessage;
        outcome: string;
      }) {
        if (state.refuseRecords-- > 0) return Promise.reject(new Error('the store is away'));
        settled.set(`${channel} ${id}`, outcome);
        return Promise.resolve();
      },
    },
  };
}

/** A receiver that refuses what `refuses` says, and keeps what it took. */
function createReceiver(
  name: string,
  refuses: (message: AlertMessage, attempt: number) => boolean = () => false,
) {
  const taken: AlertMessage[] = [];
  const attempts = new Map<string, number>();
  const channel: AlertChannel = {
    kind: 'webhook',
    name,
    send(sent) {
      const attempt = (attempts.get(sent.id) ?? 0) + 1;
      attempts.set(sent.id, attempt);
      if (refuses(sent, attempt)) return Promise.reject(new Error('busy'));
      taken.push(sent);
      return Promise.resolve();
    },
  };
  return { channel, taken, attempts, ids: () => taken.map(({ id }) => id) };
}

const running: Running<Outbox>[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

function start(
  memory: ReturnType<typeof createMemory>,
  channels: readonly AlertChannel[],
  limits: Partial<OutboxLimits> = {},
) {
  const results: string[] = [];
  const waiting: number[] = [];
  const outbox = startOutbox({
    channels,
    port: memory.port,
    observer: {
      attempted: (kind, result) => void results.push(`${kind} ${result}`),
      waiting: (count) => void waiting.push(count),
    },
    limits: { ...LIMITS, ...limits },
    clock: { nowMs: () => Date.now() },
    logger: silentLogger,
  });
  running.push(outbox);
  return { ...outbox, results, waiting };
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('waited for too long');
    await sleep(1);
  }
}

const now = (): number => Date.now();

test('an event goes to every channel once, however often the outbox is woken or started', async () => {
  const memory = createMemory();
  const receivers = [createReceiver('webhook:a'), createReceiver('webhook:b')];
  const channels = receivers.map(({ channel }) => channel);
  const outbox = start(memory, channels);
  memory.events.push({ message: message('one'), atMs: now() });
  for (let i = 0; i < 20; i++) {
    outbox.value.wake();
    await sleep(1);
  }
  await until(() => memory.settled.size === 2);
  await outbox.stop();
  start(memory, channels);
  await sleep(20);
  for (const receiver of receivers) expect(receiver.ids()).toEqual(['one.firing']);
  expect(outbox.results).toEqual(['webhook delivered', 'webhook delivered']);
});

test('what was due when the process ended is sent by the next one', async () => {
  const memory = createMemory();
  const away = createReceiver('webhook:a', () => true);
  const before = start(memory, [away.channel]);
  memory.events.push({ message: message('one'), atMs: now() });
  before.value.wake();
  await until(() => (away.attempts.get('one.firing') ?? 0) > 2);
  await before.stop();
  const back = createReceiver('webhook:a');
  start(memory, [back.channel]);
  await until(() => memory.settled.size === 1);
  expect(back.ids()).toEqual(['one.firing']);
});

test('a receiver that is away holds up nobody else, and gets everything in order when it is back', async () => {
  const memory = createMemory();
  const slow = createReceiver('webhook:slow', ({ status }, attempt) => status === 'firing' && attempt < 4);
  const quick = createReceiver('webhook:quick');
  memory.events.push(
    { message: message('one'), atMs: now() },
    { message: message('one', 'resolved'), atMs: now() },
    { message: message('two'), atMs: now() },
  );
  const outbox = start(memory, [slow.channel, quick.channel]);
  await until(() => memory.settled.size === 6);
  expect(quick.ids()).toEqual(['one.firing', 'one.resolved', 'two.firing']);
  expect(slow.ids().indexOf('one.firing')).toBeLessThan(slow.ids().indexOf('one.resolved'));
  expect(slow.attempts.get('one.resolved')).toBe(1);
  expect(outbox.results.filter((result) => result === 'webhook failed')).toHaveLength(6);
  await until(() => outbox.waiting.at(-1) === 0);
});

test('a message that was taken is not sent again while the store cannot record it', async () => {
  const memory = createMemory();
  const receiver = createReceiver('webhook:a');
  memory.state.refuseRecords = 3;
  memory.events.push({ message: message('one'), atMs: now() });
  start(memory, [receiver.channel]);
  await until(() => memory.settled.size === 1);
  expect(receiver.ids()).toEqual(['one.firing']);
});

test('a store that is away is asked again', async () => {
  const memory = createMemory();
  const receiver = createReceiver('webhook:a');
  memory.state.away = true;
  memory.events.push({ message: message('one'), atMs: now() });
  start(memory, [receiver.channel]);
  await sleep(30);
  memory.state.away = false;
  await until(() => memory.settled.size === 1);
});

test('what nobody took for too long is given up, and that is recorded', async () => {
  const memory = createMemory();
  const receiver = createReceiver('webhook:a', () => true);
  memory.events.push({ message: message('old'), atMs: now() - 10 }, { message: message('new'), atMs: now() });
  const outbox = start(memory, [receiver.channel], { giveUpMs: 60 });
  await until(() => memory.settled.size === 2);
  expect([...memory.settled.values()]).toEqual(['abandoned', 'abandoned']);
  expect(outbox.results.filter((result) => result === 'webhook abandoned')).toHaveLength(2);
  expect(receiver.attempts.get('new.firing')).toBeGreaterThan(2);
});

test('delays double up to the longest', async () => {
  const memory = createMemory();
  const receiver = createReceiver('webhook:a', () => true);
  memory.events.push({ message: message('one'), atMs: now() });
  start(memory, [receiver.channel], { firstDelayMs: 10, longestDelayMs: 40 });
  await sleep(200);
  const attempts = receiver.attempts.get('one.firing')!;
  // 10 + 20 + 40 + 40 … with jitter in [0.5, 1): at most 11 in 200 ms, at least 4 on a busy machine.
  expect(attempts).toBeGreaterThanOrEqual(4);
  expect(attempts).toBeLessThanOrEqual(12);
});
