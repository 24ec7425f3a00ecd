import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A real broker in a process of its own; a missing JDK, Maven or jar fails the test. */
export interface Broker {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startBroker(): Promise<Broker> {
  const child = spawn(process.execPath, ['scripts/services/kafka.mjs'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the Kafka broker ended with ${code}: ${said}`)));
  });
  const { broker } = JSON.parse(line) as { broker: string };
  return {
    address: broker,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
