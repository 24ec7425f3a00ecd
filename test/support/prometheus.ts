import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { freePorts } from '../../src/app/demo/processes-of-demo.ts';
import { until } from '../../src/app/demo/wait.ts';

/** Paths of the real tools. */
export interface PrometheusTools {
  readonly prometheus: string;
  readonly promtool: string;
  readonly alertmanager: string;
}

/** Has them fetched on the first call: seconds from packages, minutes from sources. */
export function prometheusTools(): PrometheusTools {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/services/prometheus.mjs'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as PrometheusTools;
}

/** One element of what a query gives. */
export interface PromSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: number])[];
}

export interface Prometheus {
  readonly url: string;
  /** Values of the last `seconds`, a second apart; an instant query gives one value each. */
  query(expr: string, options?: { readonly seconds?: number }): Promise<PromSeries[]>;
  /** Alerts as the rules see them now. */
  alerts(): Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly state: string }[]>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  readonly directory: string;
  readonly tools: PrometheusTools;
  /** `host:port` of what is scraped. */
  readonly target: string;
  readonly rules: string;
  /** `host:port` of Alertmanager. */
  readonly alertmanager: string;
}

/** A Prometheus that scrapes every second, on loopback, with its data in the folder. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { directory, tools, target, rules, alertmanager } = options;
  await mkdir(directory, { recursive: true });
  const [port] = (await freePorts(1)) as [number];
  const rulesPath = join(directory, 'alerts.yaml');
  await writeFile(rulesPath, rules);
  const config = join(directory, 'prometheus.yml');
  await writeFile(
    config,
    stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rulesPath],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
      scrape_configs: [{ job_name: 'temper', static_configs: [{ targets: [target] }] }],
    }),
  );
  const service = startService(tools.prometheus, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const url = `http://127.0.0.1:${port}`;
  await service.ready(`${url}/-/ready`);
  return {
    url,
    query: (expr, { seconds } = {}) => query(url, expr, seconds),
    async alerts() {
      const { data } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as {
        data: { alerts: { labels: Record<string, string>; state: string }[] };
      };
      return data.alerts;
    },
    stop: service.stop,
  };
}

async function query(url: string, expr: string, seconds: number | undefined): Promise<PromSeries[]> {
  const now = Date.now() / 1000;
  const parameters =
    seconds === undefined
      ? { query: expr }
      : { query: expr, start: String(now - seconds), end: String(now), step: '1' };
  const path = seconds === undefined ? 'query' : 'query_range';
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  });
  const answer = (await response.json()) as PromAnswer;
  if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error ?? 'no reason given'}`);
  return answer.data!.result.map(({ metric, value, values = [value!] }) => ({
    metric,
    values: values.map(([at, text]): [number, number] => [at, Number(text)]),
  }));
}

interface PromAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly value?: readonly [number, string];
      readonly values?: readonly (readonly [number, string])[];
    }[];
  };
}

export interface Alertmanager {
  /** `host:port`. */
  readonly address: string;
  stop(): Promise<void>;
}

/** An Alertmanager that sends everything at once, and everything again after a few seconds, to these webhooks. */
export async function startAlertmanager(options: {
  readonly directory: string;
  readonly tools: PrometheusTools;
  readonly webhooks: readonly { readonly url: string; readonly token?: string }[];
}): Promise<Alertmanager> {
  const { directory, tools, webhooks } = options;
  await mkdir(directory, { recursive: true });
  const [port] = (await freePorts(1)) as [number];
  const address = `127.0.0.1:${port}`;
  const config = join(directory, 'alertmanager.yml');
  await writeFile(
    config,
    stringify({
      route: {
        receiver: 'all',
        group_by: ['alertname', 'model'],
        group_wait: '1s',
        group_interval: '2s',
        repeat_interval: '4s',
      },
      receivers: [
        {
          name: 'all',
          webhook_configs: webhooks.map(({ url, token }) => ({
            url,
            ...(token !== undefined && { http_config: { authorization: { credentials: token } } }),
          })),
        },
      ],
    }),
  );
  const service = startService(tools.alertmanager, [
    `--config.file=${config}`,
    `--storage.path=${join(directory, 'data')}`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
  ]);
  await service.ready(`http://${address}/-/ready`);
  return { address, stop: service.stop };
}

function startService(
  program: string,
  args: readonly string[],
): { ready(url: string): Promise<void>; stop(): Promise<void> } {
  let output = '';
  // Alertmanager finds its templates beside it.
  const child: ChildProcess = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: dirname(program),
  });
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const unexpectedEnd = ended.then((): never => {
    throw new Error(`${program} ended: ${output}`);
  });
  unexpectedEnd.catch(() => undefined); // whoever waits on it hears of it
  return {
    async ready(url) {
      const ask = async (): Promise<true | undefined> =>
        (await fetch(url).catch(() => undefined))?.ok === true ? true : undefined;
      await until(ask, {
        what: `${program} to be ready`,
        timeoutMs: 30_000,
        everyMs: 50,
        ended: [unexpectedEnd],
      });
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** What promtool says to these arguments. */
export function runPromtool(
  { promtool }: PrometheusTools,
  ...args: readonly string[]
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

export async function readRules(): Promise<string> {
  return readFile('dashboards/alerts.yaml', 'utf8');
}
