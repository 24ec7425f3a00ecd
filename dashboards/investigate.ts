import { dashboard, type BuiltDashboard } from './parts/dashboard.ts';
import { bars, fallingThresholds, figure, lines, rows, UNIT } from './parts/panels.ts';
import { MODEL, MODELS, PROCESS } from './parts/queries.ts';

/** Measured probes of the sentinels in the time that is shown. */
const PROBES = `\${database}.probes AS probes FINAL
      WHERE ${MODELS} AND $__timeFilter(event_time) AND role = 'sentinel' AND outcome = 'done'`;
const SHARES = { '^(broken|transferred)$': [UNIT('percentunit')], '^(loss|distance)$': [UNIT('none')] };

const slices = [
  rows({
    title: 'By predicted class',
    description:
      'How often inputs of each predicted class were broken, and how much. A class far above the rest is where to look for examples.',
    unit: 'short',
    width: 8,
    overrides: SHARES,
    queries: [
      {
        sql: `
      SELECT prediction_before AS class, count() AS probes, avg(success) AS broken, avg(loss) AS loss
      FROM ${PROBES}
      GROUP BY class ORDER BY broken DESC, class`,
      },
    ],
  }),
  rows({
    title: 'By true class',
    description:
      'The same for inputs whose label has arrived, with the share that was misread without an attack.',
    unit: 'short',
    width: 8,
    overrides: { ...SHARES, '^misread$': [UNIT('percentunit')] },
    queries: [
      {
        sql: `
      SELECT label AS class, count() AS probes, avg(success) AS broken, avg(prediction_before != label) AS misread
      FROM (SELECT sample_id, success, prediction_before FROM ${PROBES}) AS probed
      INNER JOIN (SELECT sample_id, label FROM \${database}.labels FINAL WHERE ${MODELS}) AS labelled USING (sample_id)
      GROUP BY class ORDER BY broken DESC, class`,
      },
    ],
  }),
  rows({
    title: 'By version and recipe',
    description: 'Every served version under every sentinel: what changed with a release shows here first.',
    unit: 'short',
    width: 8,
    overrides: SHARES,
    queries: [
      {
        sql: `
      SELECT target_version AS version, left(recipe_id, 8) AS recipe, count() AS probes, avg(success) AS broken,
        avg(loss) AS loss
      FROM ${PROBES}
      GROUP BY version, recipe ORDER BY version DESC, recipe`,
      },
    ],
  }),
  lines({
    title: 'Loss over time, by version',
    description:
      'Mean loss of the inputs by the time of their events, from the facts themselves: it can be read for any time, also before this sidecar started.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    queries: [
      {
        overTime: true,
        sql: `
      SELECT $__timeInterval(event_time) AS time, concat('version ', target_version) AS version, avg(loss) AS loss
      FROM ${PROBES}
      GROUP BY time, version ORDER BY time`,
      },
    ],
  }),
  bars({
    title: 'How far an adversarial is away',
    description:
      'Distances of the adversarials that were found, in the norm of the threat model, each rounded to a twentieth. Far below epsilon: the model gives in easily.',
    unit: 'short',
    queries: [
      {
        sql: `
      SELECT toString(round(distance * 20) / 20) AS distance, count() AS adversarials
      FROM (SELECT assumeNotNull(distance) AS distance FROM ${PROBES} AND success AND isNotNull(distance))
      GROUP BY distance ORDER BY toFloat64(distance)`,
      },
    ],
  }),
];

const examples = [
  rows({
    title: 'Recent adversarial examples',
    description:
      'The newest inputs that were broken. The pictures of these are on the status page of the sidecar; the bytes are in the table probes.',
    unit: 'short',
    height: 10,
    queries: [
      {
        sql: `
      SELECT event_time AS time, sample_id AS sample, target_version AS version, left(recipe_id, 8) AS recipe,
        prediction_before AS before, prediction_after AS after, distance, served_queries AS queries, transferred
      FROM ${PROBES} AND success
      ORDER BY event_time DESC, sample_id LIMIT 100`,
      },
    ],
  }),
  rows({
    title: 'What is taken for what',
    description: 'Classes before and after the attack, the most frequent first.',
    unit: 'short',
    width: 12,
    queries: [
      {
        sql: `
      SELECT prediction_before AS before, prediction_after AS after, count() AS adversarials, avg(distance) AS distance
      FROM ${PROBES} AND success
      GROUP BY before, after ORDER BY adversarials DESC, before, after LIMIT 30`,
      },
    ],
  }),
  rows({
    title: 'Alarms',
    description: 'Degradation events as they were sent: when, what, why, and the risk at that time.',
    unit: 'short',
    width: 12,
    overrides: { '^(risk|lower|upper|limit)$': [UNIT('percentunit')] },
    queries: [
      {
        sql: `
      SELECT at AS time, status, JSONExtractString(event, 'severity') AS severity, JSONExtractString(event, 'cause') AS cause,
        JSONExtractString(event, 'model', 'version') AS version, JSONExtractFloat(event, 'risk', 'value') AS risk,
        JSONExtractFloat(event, 'risk', 'lower') AS lower, JSONExtractFloat(event, 'risk', 'upper') AS upper,
        JSONExtractFloat(event, 'limit') AS limit
      FROM \${database}.alerts AS alerts FINAL WHERE ${MODELS} AND $__timeFilter(at) ORDER BY at DESC LIMIT 100`,
      },
    ],
  }),
];

const budget = [
  figure({
    title: 'Query budget left',
    description:
      'Share of the budget of the current minute that is left. At 0 samples wait, and expire in the end.',
    unit: 'percentunit',
    width: 6,
    thresholds: fallingThresholds(0.05, 0.2),
    noValue: 'not measured',
    queries: [{ expr: `min(temper_query_budget_remaining_ratio{${PROCESS}})`, legend: 'left', now: true }],
  }),
  lines({
    title: 'Rows asked of the served model',
    description: 'What the probes cost: rows sent to the served model by probes and canaries, a second.',
    unit: 'reqps',
    width: 9,
    queries: [
      {
        expr: `sum by (model) (rate(temper_served_queries_total{${MODEL}}[$__rate_interval]))`,
        legend: '{{model}}',
      },
    ],
  }),
  lines({
    title: 'Budget left over time',
    description: 'A floor at 0 means that the budget, not the traffic, decides how much is probed.',
    unit: 'percentunit',
    width: 9,
    min: 0,
    max: 1,
    queries: [
      { expr: `min by (instance) (temper_query_budget_remaining_ratio{${PROCESS}})`, legend: '{{instance}}' },
    ],
  }),
  rows({
    title: 'Queries by recipe',
    description: 'What each recipe spent: forwards and gradients on the replica, rows of the served model.',
    unit: 'short',
    width: 12,
    queries: [
      {
        sql: `
      SELECT left(recipe_id, 8) AS recipe, role, count() AS probes, sum(forward_queries) AS forwards,
        sum(gradient_queries) AS gradients, sum(served_queries) AS served
      FROM \${database}.probes AS probes FINAL WHERE ${MODELS} AND $__timeFilter(event_time)
      GROUP BY recipe, role ORDER BY served DESC, recipe`,
      },
    ],
  }),
  rows({
    title: 'How probes ended',
    description:
      'Outcomes with their reasons. What is not done is missing from the risk, and widens its interval.',
    unit: 'short',
    width: 12,
    queries: [
      {
        sql: `
      SELECT outcome, reason, count() AS probes
      FROM \${database}.probes AS probes FINAL WHERE ${MODELS} AND $__timeFilter(event_time)
      GROUP BY outcome, reason ORDER BY probes DESC, outcome, reason`,
      },
    ],
  }),
];

export function investigateDashboard(): BuiltDashboard {
  return dashboard({
    uid: 'temper-investigate',
    title: 'Temper / Investigate',
    description: 'Which inputs break, how, at what distance, and what did it cost to find out?',
    facts: true,
    rows: [
      { title: 'Slices', panels: slices },
      { title: 'Examples', panels: examples },
      { title: 'Query budget', panels: budget },
    ],
  });
}
