import { dashboard, type BuiltDashboard } from './parts/dashboard.ts';
import { bars, curve, figure, risingThresholds, rows, UNIT } from './parts/panels.ts';
import { MODELS, PROCESS } from './parts/queries.ts';

const newest = (purpose: string): string => `
        SELECT result FROM \${database}.evaluations AS evaluations FINAL
        WHERE ${MODELS} AND purpose = '${purpose}' ORDER BY at DESC LIMIT 1`;

const runs = [
  figure({
    title: 'Newest run',
    description: 'How the newest run stands: claimed (under way), promoted, refused by the gate, or failed.',
    unit: 'short',
    shows: 'name',
    width: 6,
    noValue: 'none yet',
    queries: [
      { expr: `max by (state) (temper_harden_run_state{${PROCESS}} == 1)`, legend: '{{state}}', now: true },
    ],
  }),
  figure({
    title: 'Last promotion',
    description: 'When a run last promoted a version.',
    unit: 'dateTimeFromNow',
    width: 6,
    noValue: 'never',
    queries: [
      {
        expr: `1000 * max(temper_harden_last_success_timestamp_seconds{${PROCESS}})`,
        legend: 'promoted',
        now: true,
      },
    ],
  }),
  figure({
    title: 'Oldest open request',
    description: 'How long the oldest request has waited for a run to finish. None is good.',
    unit: 's',
    width: 6,
    noValue: 'none',
    thresholds: risingThresholds(7200, 21_600),
    queries: [
      {
        expr: `max(time() - temper_harden_oldest_request_timestamp_seconds{${PROCESS}})`,
        legend: 'open',
        now: true,
      },
    ],
  }),
  bars({
    title: 'Time of the stages',
    description: 'How long each stage took in the last run that finished it.',
    unit: 's',
    width: 6,
    queries: [
      {
        expr: `max by (stage) (temper_harden_stage_duration_seconds{${PROCESS}})`,
        legend: '{{stage}}',
        now: true,
      },
    ],
  }),
  rows({
    title: 'Runs',
    description: 'Every request for a run with who asked, why, and what came of it, the newest first.',
    unit: 'short',
    overrides: { '^seconds$': [UNIT('s')] },
    queries: [
      {
        sql: `
      SELECT requests.at AS requested, JSONExtractString(requests.request, 'trigger') AS trigger,
        JSONExtractString(requests.request, 'reason') AS why, if(runs.state = '', 'waiting', runs.state) AS state,
        runs.stage AS stage, JSONExtractRaw(runs.detail, 'version') AS version,
        JSONExtractString(runs.detail, 'reason') AS finding,
        arraySum(mapValues(JSONExtract(runs.detail, 'seconds', 'Map(String, Float64)'))) AS seconds, runs.at AS changed
      FROM (SELECT * FROM \${database}.run_requests FINAL WHERE ${MODELS} AND $__timeFilter(at)) AS requests
      LEFT JOIN (SELECT * FROM \${database}.runs FINAL WHERE ${MODELS}) AS runs USING (request_id)
      ORDER BY requested DESC LIMIT 50`,
      },
    ],
  }),
];

const candidate = [
  rows({
    title: 'Candidate against champion',
    description:
      'Clean accuracy and worst case over the attacks that training did not use, on the same images: of the newest candidate and of the version that it would replace. Intervals, because a gate that compares points can be fooled.',
    unit: 'percentunit',
    width: 12,
    overrides: { '^n$': [UNIT('short')] },
    queries: [
      {
        sql: `
      SELECT who, what, JSONExtractFloat(result, who, what, 'value') AS value, JSONExtractFloat(result, who, what, 'lower') AS lower,
        JSONExtractFloat(result, who, what, 'upper') AS upper, JSONExtractUInt(result, who, what, 'n') AS n
      FROM (${newest('evaluation')}
      ) ARRAY JOIN ['candidate', 'champion'] AS who ARRAY JOIN ['cleanAccuracy', 'worstCase'] AS what
      WHERE JSONHas(result, who) ORDER BY what, who`,
      },
    ],
  }),
  rows({
    title: "The gate's rules",
    description: 'What the gate asked of the newest candidate, what it found, and whether that was enough.',
    unit: 'short',
    width: 12,
    queries: [
      {
        sql: `
      SELECT JSONExtractString(rule, 'rule') AS rule, JSONExtractBool(rule, 'passed') AS passed,
        JSONExtractString(rule, 'finding') AS finding
      FROM (SELECT arrayJoin(JSONExtractArrayRaw(result, 'rules')) AS rule FROM (${newest('gate')}
      ))`,
      },
    ],
  }),
  curve({
    title: 'Curriculum',
    description:
      'Epsilon by epoch in the newest training, with clean and robust accuracy on the validation split. Robust accuracy that falls while epsilon stands still is overfitting.',
    unit: 'percentunit',
    x: 'epoch',
    min: 0,
    max: 1,
    queries: [
      {
        sql: `
      SELECT JSONExtractUInt(entry, 'epoch') AS epoch, JSONExtractFloat(entry, 'epsilon') AS epsilon,
        JSONExtract(entry, 'cleanAccuracy', 'Nullable(Float64)') AS clean,
        JSONExtract(entry, 'robustAccuracy', 'Nullable(Float64)') AS robust
      FROM (SELECT arrayJoin(JSONExtractArrayRaw(result, 'history')) AS entry FROM (${newest('training')}
      )) ORDER BY epoch`,
      },
    ],
  }),
  curve({
    title: 'Training loss',
    description: 'Loss of the newest training by epoch, and accuracy on its own adversarial batches.',
    unit: 'none',
    x: 'epoch',
    queries: [
      {
        sql: `
      SELECT JSONExtractUInt(entry, 'epoch') AS epoch, JSONExtractFloat(entry, 'loss') AS loss,
        JSONExtractFloat(entry, 'trainingAccuracy') AS accuracy
      FROM (SELECT arrayJoin(JSONExtractArrayRaw(result, 'history')) AS entry FROM (${newest('training')}
      )) ORDER BY epoch`,
      },
    ],
  }),
];

const ledger = [
  rows({
    title: 'Ledger',
    description:
      "What the store remembers of the registry's ledger: every version that went into production, with the hash of its line. `temper models verify` compares both.",
    unit: 'short',
    width: 12,
    queries: [
      {
        sql: `
      SELECT at AS time, model, version, action, ledger_seq AS line, left(ledger_hash, 12) AS hash
      FROM \${database}.promotions AS promotions FINAL WHERE ${MODELS} ORDER BY version DESC LIMIT 100`,
      },
    ],
  }),
  rows({
    title: 'Baselines',
    description: 'Risk that each promoted version had on data that decided nothing, with its interval.',
    unit: 'percentunit',
    width: 12,
    overrides: { '^version$': [UNIT('none')], '^n$': [UNIT('short')] },
    queries: [
      {
        sql: `
      SELECT version, JSONExtractString(baseline, 'recipe') AS recipe, JSONExtractFloat(baseline, 'risk', 'value') AS risk,
        JSONExtractFloat(baseline, 'risk', 'lower') AS lower, JSONExtractFloat(baseline, 'risk', 'upper') AS upper,
        JSONExtractUInt(baseline, 'n') AS n
      FROM \${database}.baselines AS baselines FINAL WHERE ${MODELS} ORDER BY version DESC, recipe LIMIT 100`,
      },
    ],
  }),
];

export function hardenDashboard(): BuiltDashboard {
  return dashboard({
    uid: 'temper-harden',
    title: 'Temper / Harden',
    description:
      'Is the model being hardened, is the candidate better than what serves, and what went into production?',
    facts: true,
    rows: [
      { title: 'Runs', panels: runs },
      { title: 'Candidate', panels: candidate },
      { title: 'Production', panels: ledger },
    ],
  });
}
