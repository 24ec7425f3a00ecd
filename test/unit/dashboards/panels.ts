import { readdirSync, readFileSync } from 'node:fs';

/** The committed dashboards, as Grafana loads them. */
export interface CommittedPanel {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly options?: unknown;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: { readonly defaults?: { readonly unit?: string } };
  readonly targets?: readonly CommittedTarget[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

export interface CommittedTarget {
  readonly refId: string;
  readonly expr?: string;
  readonly rawSql?: string;
  readonly instant?: boolean;
  readonly format?: string | number;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface CommittedVariable {
  readonly type: string;
  readonly name: string;
  readonly label?: string;
  readonly query?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly multi?: boolean;
  readonly allValue?: string;
  readonly refresh?: number;
}

export interface CommittedDashboard {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly editable: boolean;
  readonly timezone: string;
  readonly tags: readonly string[];
  readonly links: readonly unknown[];
  readonly panels: readonly CommittedPanel[];
  readonly templating: { readonly list: readonly CommittedVariable[] };
}

export function committedDashboards(): CommittedDashboard[] {
  return readdirSync('dashboards/json')
    .sort()
    .map((file) => ({
      ...(JSON.parse(readFileSync(`dashboards/json/${file}`, 'utf8')) as CommittedDashboard),
      file: file.replace(/\.json$/, ''),
    }));
}

export interface PlacedPanel {
  readonly name: string;
  readonly dashboard: CommittedDashboard;
  readonly panel: CommittedPanel;
}

/** Every panel that shows something, by `dashboard: title`. */
export function shownPanels(): PlacedPanel[] {
  return committedDashboards().flatMap((dashboard) =>
    dashboard.panels
      .filter(({ type }) => type !== 'row')
      .map((panel) => ({ name: `${dashboard.file}: ${panel.title ?? ''}`, dashboard, panel })),
  );
}

/** A PromQL query as Prometheus gets it: with the dashboard's variables in their places. */
export function withVariables(expr: string, window = '5m'): string {
  return expr.replaceAll('$__rate_interval', window).replace(/\$(job|instance|model)\b/g, '.+');
}
