import { METRICS } from './metric-definitions.ts';
import type { MetricDefinition } from './metric-definitions.ts';

/** The table of docs/metrics.md, as Markdown: a row per metric, in the order of the source. */
export function metricsTable(): string {
  const rows = Object.values<MetricDefinition>(METRICS).map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
