import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { withVariables, type CommittedTarget } from '../unit/dashboards/panels.ts';
import type { PromSeries } from '../support/prometheus.ts';

/** What a receiver was sent. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  /** Everything that came, also what was refused. */
  readonly attempts: Received[];
  /** What was confirmed. */
  readonly taken: Received[];
  /** From now on everything is answered by this status. */
  answer(status: number): void;
  stop(): Promise<void>;
}

/** A person's webhook receiver. */
export async function startReceiver(): Promise<Receiver> {
  const attempts: Received[] = [];
  const taken: Received[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received = { headers: request.headers, body: Buffer.concat(chunks).toString() };
      attempts.push(received);
      if (status < 300) taken.push(received);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    attempts,
    taken,
    answer: (next) => (status = next),
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** What is wrong with the answer to a panel's query; empty when it is what the panel draws. */
export function shapeProblems(
  target: CommittedTarget & { readonly legendFormat?: string },
  series: readonly PromSeries[],
  unit: string,
): string[] {
  if (series.length === 0) return ['no data'];
  const labels = [...(target.legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
  const problems = labels
    .filter((label) => series.some(({ metric }) => (metric[label] ?? '') === ''))
    .map((label) => `no label ${label}`);
  const values = series.flatMap((each) => each.values.map(([, value]) => value)).filter(Number.isFinite);
  if (values.length === 0) problems.push('no finite value');
  if (unit === 'percentunit' && values.some((value) => value < -1 || value > 1))
    problems.push('a share outside its range');
  if (target.instant === true && series.some((each) => each.values.length !== 1))
    problems.push('more than one value now');
  return problems;
}

/** PromQL as Grafana would send it. */
export const promqlOf = (expr: string): string => withVariables(expr, '2m');

/** SQL as the ClickHouse plugin would send it. */
export function sqlOf(rawSql: string, { database, model }: { database: string; model: string }): string {
  const from = Date.UTC(2026, 0, 1) / 1000;
  const to = Math.floor(Date.now() / 1000) + 86_400;
  return rawSql
    .replace(/\$__timeFilter\((\w+)\)/g, `($1 >= toDateTime(${from}) AND $1 <= toDateTime(${to}))`)
    .replace(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval(toDateTime($1), INTERVAL 60 second)')
    .replaceAll('${database}', database)
    .replaceAll('${model:regex}', model);
}
