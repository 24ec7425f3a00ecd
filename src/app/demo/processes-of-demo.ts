import { createServer, type AddressInfo } from 'node:net';
import type { ReleaseStack } from '../../domain/lifecycle.ts';
import { startProcess, type DemoProcess } from './processes.ts';
import { until } from './wait.ts';
import { DEMO_MODEL } from './config-file.ts';

export interface DemoProcessesOptions {
  /** Program and script of the command line, e.g. [node, dist/src/cli/main.js]. */
  readonly temper: readonly string[];
  readonly configPath: string;
  readonly registryDirectory: string;
  readonly servedPort: number;
  readonly httpPort: number;
  readonly logDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly releases: ReleaseStack;
}

/** The processes of a deployment, each its own, talking only over HTTP, files and the store. */
export interface DemoProcesses {
  readonly server: DemoProcess;
  readonly sidecar: DemoProcess;
  readonly worker: DemoProcess;
  readonly statusUrl: string;
  readonly ended: readonly Promise<never>[];
}

const START_TIMEOUT_MS = 90_000;

/** Starts model server, sidecar and harden worker, in this order, and waits until each answers. */
export async function startDemoProcesses(options: DemoProcessesOptions): Promise<DemoProcesses> {
  const { releases, configPath, servedPort, httpPort } = options;
  const start = (name: string, ...args: string[]): DemoProcess => {
    const command = [...options.temper, ...args, '--log-format', 'json'];
    return releases.adopt(
      name,
      startProcess({ name, command, logDirectory: options.logDirectory, env: options.env }),
    );
  };
  const server = start(
    'serve',
    'serve',
    '--registry',
    options.registryDirectory,
    '--model',
    DEMO_MODEL,
    '--port',
    String(servedPort),
  );
  await answering(`http://127.0.0.1:${servedPort}/v1/models/${DEMO_MODEL}`, server);
  const sidecar = start('sidecar', 'sidecar', '--config', configPath);
  const statusUrl = `http://127.0.0.1:${httpPort}`;
  await answering(`${statusUrl}/readyz`, sidecar);
  const worker = start('harden', 'harden', 'worker', '--config', configPath);
  return { server, sidecar, worker, statusUrl, ended: [server.ended, sidecar.ended, worker.ended] };
}

/** Waits until the model server answers with a version. */
export async function untilServed(
  servedPort: number,
  version: number,
  ended: readonly Promise<never>[],
): Promise<void> {
  const url = `http://127.0.0.1:${servedPort}/v1/models/${DEMO_MODEL}`;
  const wanted = `"version":"${version}","state":"AVAILABLE"`;
  await until(
    async () => {
      const text = (await (await fetch(url)).text()).replaceAll(/\s/g, '');
      return text.includes(wanted) ? true : undefined;
    },
    { what: `the model server to serve version ${version}`, timeoutMs: START_TIMEOUT_MS, ended },
  );
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

async function answering(url: string, process: DemoProcess): Promise<void> {
  await until(async () => ((await fetch(url)).ok ? true : undefined), {
    what: `${process.name} to answer (its log is ${process.logPath})`,
    timeoutMs: START_TIMEOUT_MS,
    ended: [process.ended],
  });
}
