import { dashboard, type BuiltDashboard } from './parts/dashboard.ts';
import {
  bars,
  COLOR,
  DASHED,
  fallingThresholds,
  figure,
  lines,
  risingThresholds,
  rows,
  states,
  words,
} from './parts/panels.ts';
import { MODEL } from './parts/queries.ts';

const VERDICT_COLORS = {
  '^.*ok$': [COLOR('green')],
  '^.*insufficient_data$': [COLOR('blue')],
  '^.*degraded$': [COLOR('orange')],
  '^.*breached$': [COLOR('red')],
};
const HOLDS = words({ '0': ['no', 'transparent'], '1': ['yes', 'orange'] });

const now = [
  figure({
    title: 'Verdict',
    description:
      'What the monitors say now. Degraded: a change against the baseline. Breached: above the absolute limit, whatever the baseline. Latched until a new baseline or an acknowledgement.',
    unit: 'short',
    shows: 'name',
    noValue: 'no sidecar',
    queries: [
      { expr: `max by (model, verdict) (temper_verdict{${MODEL}} == 1)`, legend: '{{verdict}}', now: true },
    ],
    overrides: VERDICT_COLORS,
  }),
  figure({
    title: 'Cause',
    description: 'What the experiment on the canaries says about why. None when nothing is wrong.',
    unit: 'short',
    shows: 'name',
    noValue: 'none',
    queries: [
      { expr: `max by (model, cause) (temper_cause{${MODEL}} == 1)`, legend: '{{cause}}', now: true },
    ],
  }),
  figure({
    title: 'Since',
    description: 'When it began, in the time of the events; for an alarm its estimated onset.',
    unit: 'dateTimeFromNow',
    noValue: 'not known',
    queries: [
      {
        expr: `1000 * max by (model) (temper_verdict_since_timestamp_seconds{${MODEL}})`,
        legend: '{{model}}',
        now: true,
      },
    ],
  }),
  figure({
    title: 'Risk above the limit',
    description:
      'Lower end of the risk minus the absolute limit, for the worst recipe. Above 0 the verdict is breached; just below, little is left.',
    unit: 'percentunit',
    thresholds: risingThresholds(-0.1, 0),
    noValue: 'not measured',
    queries: [
      {
        expr: `max by (model) (temper_robust_risk_lower_ratio{${MODEL}} - temper_risk_limit_ratio{${MODEL}})`,
        legend: '{{model}}',
        now: true,
      },
    ],
  }),
  figure({
    title: 'Clean accuracy',
    description: 'Share of the labelled canaries that the served model reads right without any attack.',
    unit: 'percentunit',
    thresholds: fallingThresholds(0.9, 0.95),
    noValue: 'no canaries',
    queries: [
      { expr: `min by (model) (temper_clean_accuracy_ratio{${MODEL}})`, legend: '{{model}}', now: true },
    ],
  }),
  bars({
    title: 'Alarms that fire',
    description: 'By the kind of monitor that raised them. One change may raise several.',
    unit: 'short',
    width: 4,
    height: 4,
    min: 0,
    thresholds: risingThresholds(1, 2),
    queries: [
      {
        expr: `sum by (monitor) (temper_alarms_firing{${MODEL}})`,
        legend: '{{monitor}}',
        now: true,
      },
    ],
  }),
];

const risk = [
  lines({
    title: 'Risk with its interval, against baseline and limit',
    description:
      'Mean loss of recent production inputs under each sentinel attack, with its confidence sequence: valid at every moment at once, not only at the end. Above the baseline for good: degraded. Lower end above the limit: breached.',
    unit: 'percentunit',
    width: 16,
    height: 10,
    min: 0,
    max: 1,
    queries: [
      { expr: `temper_robust_risk_ratio{${MODEL}}`, legend: '{{model}} {{recipe}} {{norm}} risk' },
      { expr: `temper_robust_risk_lower_ratio{${MODEL}}`, legend: '{{model}} {{recipe}} {{norm}} lower' },
      { expr: `temper_robust_risk_upper_ratio{${MODEL}}`, legend: '{{model}} {{recipe}} {{norm}} upper' },
      { expr: `temper_risk_baseline_ratio{${MODEL}}`, legend: '{{model}} {{recipe}} {{norm}} baseline' },
      { expr: `temper_risk_limit_ratio{${MODEL}}`, legend: '{{model}} {{recipe}} {{norm}} limit' },
    ],
    overrides: {
      '^.* risk$': [COLOR('blue'), { id: 'custom.lineWidth', value: 2 }],
      '^.* (lower|upper)$': [COLOR('light-blue'), { id: 'custom.fillOpacity', value: 8 }],
      '^.* baseline$': [COLOR('green'), DASHED],
      '^.* limit$': [COLOR('red'), DASHED],
    },
  }),
  lines({
    title: 'Clean and robust accuracy',
    description:
      'Both sides of the trade-off. Robust: share of probed inputs that no sentinel broke within epsilon, lately. Clean: canaries read right without an attack.',
    unit: 'percentunit',
    width: 8,
    height: 10,
    min: 0,
    max: 1,
    queries: [
      { expr: `min by (model) (temper_clean_accuracy_ratio{${MODEL}})`, legend: '{{model}} clean' },
      {
        expr: `sum by (model) (rate(temper_probes_total{${MODEL},role="sentinel",result="held"}[$__rate_interval]))
          / sum by (model) (rate(temper_probes_total{${MODEL},role="sentinel",result=~"held|broken"}[$__rate_interval]))`,
        legend: '{{model}} robust',
      },
    ],
    overrides: { '^.* clean$': [COLOR('green')], '^.* robust$': [COLOR('purple')] },
  }),
  states({
    title: 'Verdict over time',
    description: 'Which verdict held when. A row for each; filled where it held.',
    unit: 'short',
    mappings: HOLDS,
    queries: [
      { expr: `max by (model, verdict) (temper_verdict{${MODEL}})`, legend: '{{model}} {{verdict}}' },
    ],
  }),
  states({
    title: 'Cause over time',
    description: 'Which cause was named when. A row for each; filled where it was named.',
    unit: 'short',
    mappings: HOLDS,
    queries: [{ expr: `max by (model, cause) (temper_cause{${MODEL}})`, legend: '{{model}} {{cause}}' }],
  }),
];

const LABELS = 'model, recipe, norm';
const cell = (metric: string): string => `max by (${LABELS}) (${metric}{${MODEL}})`;

const recipes = [
  rows({
    title: 'Risk by recipe and norm',
    description:
      'Every sentinel as it stands now. A risk whose lower end is above the baseline is news; one whose interval holds the baseline is not.',
    unit: 'percentunit',
    width: 12,
    merged: {
      'Value #A': 'risk',
      'Value #B': 'lower',
      'Value #C': 'upper',
      'Value #D': 'baseline',
      'Value #E': 'limit',
    },
    queries: [
      'temper_robust_risk_ratio',
      'temper_robust_risk_lower_ratio',
      'temper_robust_risk_upper_ratio',
      'temper_risk_baseline_ratio',
      'temper_risk_limit_ratio',
    ].map((metric) => ({ expr: cell(metric), now: true, table: true })),
  }),
  lines({
    title: 'Inputs broken, by recipe',
    description:
      'Share of probed inputs that an attack broke within epsilon and the served model confirmed. A step up of all recipes at once points at the model; of one, at the inputs that it likes.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    queries: [
      {
        expr: `sum by (recipe) (rate(temper_probes_total{${MODEL},result="broken"}[$__rate_interval]))
          / sum by (recipe) (rate(temper_probes_total{${MODEL},result=~"held|broken"}[$__rate_interval]))`,
        legend: '{{recipe}}',
      },
    ],
  }),
];

export function robustnessDashboard(): BuiltDashboard {
  return dashboard({
    uid: 'temper-robustness',
    title: 'Temper / Robustness overview',
    description:
      'Is the deployed model as robust as when it passed its gate, and if not, since when and why?',
    rows: [
      { title: 'Now', panels: now },
      { title: 'Risk', panels: risk },
      { title: 'Recipes and norms', panels: recipes },
    ],
  });
}
