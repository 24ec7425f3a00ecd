import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { factVariables, metricVariables } from './variables.ts';

// The form that every Grafana since 10 loads from a file; the newer one, for which it is deprecated, needs Grafana 12.
// eslint-disable-next-line @typescript-eslint/no-deprecated
const newDashboard = (title: string): DashboardBuilder => new DashboardBuilder(title);
export type BuiltDashboard = ReturnType<ReturnType<typeof newDashboard>['build']>;

export interface DashboardFacts {
  readonly uid: string;
  readonly title: string;
  /** The question that it answers. */
  readonly description: string;
  /** Whether it asks ClickHouse, too. */
  readonly facts?: boolean;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Builder<Panel>[] }[];
}

const TAG = 'temper';

/** What the dashboards have in common: not editable, UTC, linked to one another, the same variables. */
export function dashboard({ uid, title, description, facts = false, rows }: DashboardFacts): BuiltDashboard {
  const builder = newDashboard(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .timezone('utc')
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Temper')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  for (const variable of metricVariables()) builder.withVariable(variable);
  if (facts) for (const variable of factVariables()) builder.withVariable(variable);
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  return numbered(builder.build());
}

/** Panels numbered from 1 in their order, so that links to one panel stay what they are. */
function numbered(built: BuiltDashboard): BuiltDashboard {
  return { ...built, panels: (built.panels ?? []).map((panel, i) => ({ ...panel, id: i + 1 })) };
}
