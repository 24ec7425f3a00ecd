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

/** Keys that the SDK writes, and that the types of today's Grafana no longer have. */
const NOT_OF_VARIABLES = new Set(['auto', 'auto_min', 'auto_count', 'allowCustomValue']);
const NOT_OF_TABLES = new Set(['footer']);

interface Plain {
  readonly templating: { readonly list: readonly object[] };
  readonly panels: readonly { readonly type: string; readonly options?: object }[];
}

function plain(dashboard: BuiltDashboard): object {
  const { templating, panels, ...rest } = JSON.parse(JSON.stringify(dashboard)) as Plain;
  return {
    ...rest,
    templating: { list: templating.list.map((variable) => without(variable, NOT_OF_VARIABLES)) },
    panels: panels.map((panel) =>
      panel.type === 'table' ? { ...panel, options: without(panel.options ?? {}, NOT_OF_TABLES) } : panel,
    ),
  };
}

function without(object: object, keys: ReadonlySet<string>): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.has(key)));
}
