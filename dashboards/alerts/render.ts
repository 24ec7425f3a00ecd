import { stringify } from 'yaml';
import { BLINDNESS } from './blindness.ts';
import { HARDENING } from './hardening.ts';
import { ROBUSTNESS } from './robustness.ts';
import { JOB, type Alert, type AlertGroup, type FiringCase } from './rule.ts';

export const ALERT_GROUPS: readonly AlertGroup[] = [ROBUSTNESS, BLINDNESS, HARDENING];

/** Where the pages are that alerts link to, and what Prometheus calls the sidecars. */
export interface AlertPlaces {
  /** URL of the runbook; the anchor of the alert is added. */
  readonly runbook: string;
  /** URL of Grafana; the path of the dashboard is added. */
  readonly grafana: string;
  /** Name of the job under which sidecars are scraped. */
  readonly job: string;
}

/** Names for the committed rules; whoever installs them gives their own. */
export const DEFAULT_PLACES: AlertPlaces = {
  runbook: 'https://temper.example.com/runbook.md',
  grafana: 'https://grafana.example.com',
  job: 'temper',
};

const HEAD = '# Generated from dashboards/alerts; change it there and run `npm run dashboards`.\n';

export function anchorOf(name: string): string {
  return `alert-name-${name.toLowerCase()}`;
}

/** The rules as Prometheus loads them. */
export function renderRules(places: AlertPlaces = DEFAULT_PLACES): string {
  const groups = ALERT_GROUPS.map(({ name, alerts }) => ({
    name,
    rules: alerts.flatMap((alert) =>
      alert.rules.map(({ expr, wait, severity, labels, description = alert.description }) => ({
        alert: alert.name,
        expr: withJob(oneLine(expr), places),
        ...(wait !== undefined && { for: wait }),
        labels: { severity, ...labels },
        annotations: annotationsOf(alert, description, places),
      })),
    ),
  }));
  return HEAD + stringify({ groups }, { lineWidth: 0 });
}

/** Cases for promtool: every alert fires when it should, with every word, and is quiet when it should be. */
export function renderRuleTests(places: AlertPlaces = DEFAULT_PLACES): string {
  const tests = ALERT_GROUPS.flatMap(({ alerts }) => alerts).flatMap((alert) => [
    ...alert.fires.map((fires, i) => testOf(alert, `${alert.name} fires ${i + 1}`, fires, places)),
    ...alert.quiet.map((quiet, i) => testOf(alert, `${alert.name} is quiet ${i + 1}`, quiet, places)),
  ]);
  return (
    HEAD + stringify({ rule_files: ['alerts.yaml'], evaluation_interval: '1m', tests }, { lineWidth: 0 })
  );
}

function testOf(
  alert: Alert,
  name: string,
  { series, at, ...expected }: Pick<FiringCase, 'series' | 'at'> & Partial<FiringCase>,
  places: AlertPlaces,
): object {
  const { labels, description } = expected;
  const firing =
    description === undefined
      ? []
      : [{ exp_labels: labels, exp_annotations: annotationsOf(alert, description, places) }];
  return {
    name,
    interval: '1m',
    input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
    alert_rule_test: [{ eval_time: at, alertname: alert.name, exp_alerts: firing }],
  };
}

function annotationsOf(
  { name, summary, dashboard }: Alert,
  description: string,
  places: AlertPlaces,
): object {
  return {
    summary,
    description: withJob(oneLine(description), places),
    runbook_url: `${places.runbook}#${anchorOf(name)}`,
    dashboard_url: `${places.grafana}/d/temper-${dashboard}`,
  };
}

/** The runbook, one section for each alert, in the order of the rules. */
export function renderRunbook(): string {
  const sections = ALERT_GROUPS.flatMap(({ alerts }) => alerts).map(sectionOf);
  return [
    '# Runbook',
    '',
    '<!-- Generated from dashboards/alerts; change it there and run `npm run dashboards`. -->',
    '',
    'One section for each alert of [alerts.yaml](alerts.yaml): what it means, where to look first, what to decide, what to do.',
    'Nothing here needs haste for the sake of the served model: Temper stands beside it, not in its way.',
    '',
    ...sections,
  ].join('\n');
}

function sectionOf({ name, summary, rules, dashboard, runbook }: Alert): string {
  const severities = [...new Set(rules.map(({ severity }) => severity))].join(', ');
  return [
    `<a id="${anchorOf(name)}"></a>`,
    '',
    `## ${name}`,
    '',
    `${summary} Severity: ${severities}. Dashboard: [${dashboard}](json/${dashboard}.json).`,
    '',
    `**Meaning.** ${oneLine(runbook.meaning)}`,
    '',
    '**First look.**',
    '',
    ...runbook.firstLook.map((step, i) => `${i + 1}. ${oneLine(step)}`),
    '',
    `**Decision.** ${oneLine(runbook.decision)}`,
    '',
    '**Remedy.**',
    '',
    ...runbook.remedy.map((step) => `- ${oneLine(step)}`),
    '',
  ].join('\n');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function withJob(text: string, { job }: AlertPlaces): string {
  return text.replaceAll(JOB, `job="${job}"`);
}
