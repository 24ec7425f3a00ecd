import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { METRICS } from '../../../src/http/metric-definitions.ts';
import type { MetricDefinition } from '../../../src/http/metric-definitions.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { committedDashboards, shownPanels, withVariables } from './panels.ts';
import { parsePromql } from './promql.ts';

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly expr: string; readonly annotations: Record<string, string> }[];
  }[];
}
const rules = (parse(readFileSync('dashboards/alerts.yaml', 'utf8')) as Rules).groups.flatMap(
  ({ rules: all }) => all,
);
const own = Object.values<MetricDefinition>(METRICS);

/** Names as Prometheus stores them: a histogram is three. */
function exported(): Set<string> {
  const names = own.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  const metrics = createMetrics({
    model: 'm',
    norm: 'linf',
    sentinels: [],
    build: { version: '0', engine: 'wasm' },
  });
  // prom-client's own have their prefix, and their names are what the registry says.
  const all = metrics.registry.getMetricsAsArray().map(({ name }) => name);
  return new Set([...names, ...all, 'up']);
}

const queries = [
  ...shownPanels().flatMap(({ panel }) => (panel.targets ?? []).flatMap(({ expr }) => expr ?? [])),
  ...committedDashboards().flatMap(({ templating }) =>
    templating.list.flatMap(({ query }) => /^label_values\((.+), \w+\)$/.exec(query ?? '')?.[1] ?? []),
  ),
  ...rules.map(({ expr }) => expr),
  ...rules.flatMap(({ annotations }) =>
    Object.values(annotations).flatMap((text) =>
      [...text.matchAll(/printf "([^"]+)"/g)].map(([, query]) => query!.replaceAll("'%s'", "'x'")),
    ),
  ),
].map((query) => withVariables(query));

test('every query of panels, variables, rules and their texts is PromQL', () => {
  expect(queries.length).toBeGreaterThan(100);
  expect(queries.flatMap((query) => parsePromql(query).errors)).toEqual([]);
});

test('every metric in a query exists in code, with the labels that the query names', () => {
  const names = exported();
  const labels = new Map(own.map((metric) => [metric.name, metric.labels]));
  for (const { metric, matchers } of queries.flatMap((query) => parsePromql(query).selectors)) {
    expect([metric, names.has(metric)]).toEqual([metric, true]);
    const known = labels.get(metric.replace(/_(bucket|sum|count)$/, ''));
    if (known === undefined) continue;
    for (const matcher of matchers) expect(['job', 'instance', ...known]).toContain(/^\w+/.exec(matcher)![0]);
  }
});

test('every metric of ours is looked at: by a panel or by a rule', () => {
  const used = new Set(queries.flatMap((query) => parsePromql(query).selectors).map(({ metric }) => metric));
  const unused = own.filter(({ name, type }) => !used.has(type === 'histogram' ? `${name}_bucket` : name));
  expect(unused.map(({ name }) => name)).toEqual([]);
});

test('every metric that the documentation names exists', () => {
  const names = exported();
  for (const page of ['docs/metrics.md', 'docs/contracts.md', 'docs/dashboards.md', 'dashboards/runbook.md'])
    for (const [name] of readFileSync(page, 'utf8').matchAll(/\btemper_[a-z_]+[a-z]\b/g))
      if (name !== 'temper_process') expect([page, name, names.has(name)]).toEqual([page, name, true]);
});
