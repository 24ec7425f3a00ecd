import { renderRules, renderRuleTests, renderRunbook, type AlertPlaces } from './alerts/render.ts';
import { DASHBOARDS } from './catalogue.ts';
import type { BuiltDashboard } from './parts/dashboard.ts';

/** Every file that the code of this folder makes, by its path inside the folder. */
export function generatedFiles(places?: AlertPlaces): Readonly<Record<string, string>> {
  const dashboards = Object.entries(DASHBOARDS).map(([name, build]): [string, string] => [
    `json/${name}.json`,
    `${JSON.stringify(plain(build()), null, 2)}\n`,
  ]);
  return {
    ...Object.fromEntries(dashboards),
    'alerts.yaml': renderRules(places),
    'alerts.test.yaml': renderRuleTests(places),
    'runbook.md': renderRunbook(),
  };
}

/** Keys that the SDK gives every variable, and that Grafana's schema knows of none. */
const NOT_OF_VARIABLES = new Set(['auto', 'auto_min', 'auto_count', 'allowCustomValue']);

function plain(dashboard: BuiltDashboard): unknown {
  const { templating, ...rest } = JSON.parse(JSON.stringify(dashboard)) as {
    templating: { list: Record<string, unknown>[] };
  };
  const list = templating.list.map((variable) =>
    Object.fromEntries(Object.entries(variable).filter(([key]) => !NOT_OF_VARIABLES.has(key))),
  );
  return { ...rest, templating: { list } };
}
