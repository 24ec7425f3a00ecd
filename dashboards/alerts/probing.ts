import { burnRateAlert, ratioOf } from './burn-rate.ts';
import { BY, HELD, ON, SAMPLED, sampled, WARNING } from './by-sidecar.ts';
import { FROM, FROM_LABELS, JOB, type Alert } from './rule.ts';

const noProbes: Alert = {
  name: 'TemperNoProbes',
  rules: [
    {
      expr: `sum ${BY} (increase(temper_probes_total{${JOB}}[30m])) == 0 and ${ON} ${sampled('30m')} > 0`,
      wait: '15m',
      severity: 'warning',
    },
  ],
  summary: 'Samples arrive, but no probe has reached its end for half an hour.',
  description: '{{ $labels.instance }} takes samples, but has finished no probe for at least 30 minutes.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `The sidecar sees production inputs and does not attack them: the served model does not answer, the budget is
      used up, or its compute processes do not come up. Samples wait, and expire in the end.`,
    firstLook: [
      `Sidecar health, "Requests to the served model": requests without success, or none?`,
      `The log: \`turn_postponed\` names what it waits for.`,
      `Investigate, "Query budget left".`,
    ],
    decision: `Is it the served model, the budget, or the sidecar's own compute?`,
    remedy: [
      `TEMPER_TARGET_…: mend the way to the served model (served.url, NetworkPolicy, credentials). The circuit breaker tries
        again by itself.`,
      `Budget: as for [TemperQueryBudgetExhausted](#alert-name-temperquerybudgetexhausted).`,
      `Compute: \`temper doctor\` tests the engine; too little memory ends compute processes without a word.`,
    ],
  },
  fires: [
    {
      series: { [SAMPLED]: '0+5x90', [HELD]: '0+5x10 50+0x90' },
      at: '60m',
      labels: WARNING,
      description: 'a:9464 takes samples, but has finished no probe for at least 30 minutes.',
    },
  ],
  quiet: [
    { series: { [SAMPLED]: '0+5x90', [HELD]: '0+5x90' }, at: '60m' },
    { series: { [SAMPLED]: '0+5x10 50+0x90', [HELD]: '0+5x10 50+0x90' }, at: '60m' },
  ],
};

const staleVerdict: Alert = {
  name: 'TemperVerdictStale',
  rules: [
    {
      expr: `time() - max ${BY} (temper_last_fold_timestamp_seconds{${JOB}}) > 3600 and ${ON} ${sampled('1h')} > 0`,
      wait: '15m',
      severity: 'warning',
    },
  ],
  summary: 'The verdict is more than an hour old although samples arrive.',
  description:
    'The verdict of {{ $labels.instance }} knows nothing of the last {{ $value | humanizeDuration }}.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `Outcomes are folded in order. One sample whose probe does not end holds up those behind it in its partition, so
      the verdict stands still while the world goes on.`,
    firstLook: [
      `Sidecar health, "Lag": samples that wait without moving.`,
      `"Last probe" and "Last fold": probes that end without folds point at one partition; neither points at
        [TemperNoProbes](#alert-name-tempernoprobes).`,
      `The log: \`turn_postponed\`, again and again with the same code.`,
    ],
    decision: `Slow or stuck? Slow means more samples than the budget can probe; stuck means the same error every turn.`,
    remedy: [
      `Slow: lower stream.sampling.rate or raise probing.samplesPerMinute; a sample that nobody probes in time expires.`,
      `Stuck: mend what the log names. A restart is safe: the fold log is where it goes on.`,
    ],
  },
  fires: [
    {
      series: { [`temper_last_fold_timestamp_seconds{${FROM}}`]: '60+0x120', [SAMPLED]: '0+5x120' },
      at: '100m',
      labels: WARNING,
      description: 'The verdict of a:9464 knows nothing of the last 1h 39m 0s.',
    },
  ],
  quiet: [
    {
      series: { [`temper_last_fold_timestamp_seconds{${FROM}}`]: '0+60x120', [SAMPLED]: '0+5x120' },
      at: '100m',
    },
    {
      series: { [`temper_last_fold_timestamp_seconds{${FROM}}`]: '60+0x120', [SAMPLED]: '0+0x120' },
      at: '100m',
    },
  ],
};

const insufficient: Alert = {
  name: 'TemperInsufficientData',
  rules: [
    {
      expr: `max by (job, instance, model) (temper_verdict{${JOB},verdict="insufficient_data"}) == 1`,
      wait: '6h',
      severity: 'info',
    },
  ],
  summary: 'There have been too few samples for a verdict for six hours.',
  description: 'Model {{ $labels.model }} at {{ $labels.instance }} has had no verdict for six hours.',
  dashboard: 'robustness',
  runbook: {
    meaning: `Fewer events than monitoring.minimumFolds were folded since the version or the baseline began. Nothing is wrong,
      and nothing is known.`,
    firstLook: [
      `Sidecar health, "Events by outcome": how many samples an hour are there?`,
      `Does a new version come more often than enough samples do?`,
    ],
    decision: 'Is so little known enough for this model?',
    remedy: [
      'Raise stream.sampling.rate, up to 1.',
      'Versions come too fast to be judged: the gate and the canaries are then what protects them.',
    ],
  },
  fires: [
    {
      series: { [`temper_verdict{${FROM},model="digits",verdict="insufficient_data"}`]: '1+0x400' },
      at: '370m',
      labels: { ...FROM_LABELS, model: 'digits', severity: 'info' },
      description: 'Model digits at a:9464 has had no verdict for six hours.',
    },
  ],
  quiet: [
    {
      series: { [`temper_verdict{${FROM},model="digits",verdict="insufficient_data"}`]: '1+0x400' },
      at: '350m',
    },
    {
      series: { [`temper_verdict{${FROM},model="digits",verdict="insufficient_data"}`]: '1+0x40 0+0x400' },
      at: '410m',
    },
  ],
};

const MISSING = `temper_alarms_firing{${FROM},model="digits",monitor="missing_outcomes"}`;

const missingOutcomes: Alert = {
  name: 'TemperMissingOutcomes',
  rules: [
    {
      expr: `sum by (job, instance, model) (temper_alarms_firing{${JOB},monitor="missing_outcomes"}) > 0`,
      severity: 'warning',
    },
  ],
  summary: 'So many probes end without a measurement that the risk cannot be trusted.',
  description: `Model {{ $labels.model }}: more probes end unprobeable or expired than monitoring.missingLimit allows
    {{- with printf "temper_missing_outcomes_ratio{instance='%s'}" $labels.instance | query }} ({{ . | first | value | humanizePercentage }} are missing){{ end -}}
    .`,
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `Probes that do not end in a measurement are not random: hard inputs take longer and expire first. Above the limit
      the interval of the risk is too wide to say anything, and whatever it says may be biased.`,
    firstLook: [
      `Investigate, "How probes ended": expired, or unprobeable, and with which reason?`,
      `Sidecar health, "Time of a batch of probes" against probing.expireAfterSeconds.`,
    ],
    decision: 'Too slow (expired), or refused by the server (unprobeable)?',
    remedy: [
      'Expired: raise probing.samplesPerMinute or lower stream.sampling.rate; the sum must fit.',
      'Unprobeable, rejected: the served model refuses inputs that production sends; look at them in the table probes.',
      'Then acknowledge; the monitor starts again.',
    ],
  },
  fires: [
    {
      series: { [MISSING]: '0+0x4 1+0x20', [`temper_missing_outcomes_ratio{${FROM}}`]: '0.3+0x30' },
      at: '10m',
      labels: { ...WARNING, model: 'digits' },
      description:
        'Model digits: more probes end unprobeable or expired than monitoring.missingLimit allows (30% are missing).',
    },
  ],
  quiet: [
    { series: { [MISSING]: '0+0x20', [`temper_missing_outcomes_ratio{${FROM}}`]: '0.1+0x30' }, at: '10m' },
  ],
};

const budgetExhausted: Alert = {
  name: 'TemperQueryBudgetExhausted',
  rules: [
    {
      expr: `max ${BY} (max_over_time(temper_query_budget_remaining_ratio{${JOB}}[15m])) < 0.05`,
      wait: '15m',
      severity: 'warning',
    },
  ],
  summary: 'The query budget has been used up for a quarter of an hour: samples wait and will expire.',
  description:
    'In the last 15 minutes at most {{ $value | humanizePercentage }} of the query budget of {{ $labels.instance }} was left.',
  dashboard: 'investigate',
  runbook: {
    meaning: `More samples arrive than may be probed. The budget protects the served model, so it is kept; what does not fit
      expires, and missing outcomes widen the interval of the risk.`,
    firstLook: [
      `Investigate, "Budget left over time": always at 0, or in peaks?`,
      `Investigate, "Queries by recipe": what is the budget spent on?`,
    ],
    decision:
      'May the served model be asked more, or should less be sampled? Whoever runs the model decides.',
    remedy: [
      'Lower stream.sampling.rate to what the budget can probe: the same guarantee from fewer inputs, later.',
      'Raise probing.samplesPerMinute, if whoever runs the model agrees.',
      'Fewer sentinels, or cheaper ones.',
    ],
  },
  fires: [
    {
      series: { [`temper_query_budget_remaining_ratio{${FROM}}`]: '0.01+0x60' },
      at: '40m',
      labels: WARNING,
      description: 'In the last 15 minutes at most 1% of the query budget of a:9464 was left.',
    },
  ],
  quiet: [
    // A peak that is over within the minute, now and again.
    {
      series: {
        [`temper_query_budget_remaining_ratio{${FROM}}`]:
          '0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5',
      },
      at: '39m',
    },
  ],
};

const PAUSED = `temper_probing_paused{${FROM},reason="load"}`;

const probingPaused: Alert = {
  name: 'TemperProbingPaused',
  rules: [
    {
      expr: `max by (job, instance, reason) (temper_probing_paused{${JOB}}) == 1`,
      wait: '1h',
      severity: 'warning',
    },
  ],
  summary: 'Nothing has been sent to the served model for an hour: nobody knows whether it still holds.',
  description: 'Probing of {{ $labels.instance }} has been paused for an hour (reason {{ $labels.reason }}).',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `Probing stands still, on purpose or to protect the served model. Samples wait meanwhile and expire in the end; the
      verdict is that of an hour ago.`,
    firstLook: [
      'Sidecar health, "Probing paused": which reason, and since when?',
      'Sidecar health, "Latency of the served model" and "Requests to the served model".',
    ],
    decision: `Was it meant? kill_switch and dry_run were set by somebody; load and circuit_open are the served model's own
      trouble; untagged_probes means that probes come back on the stream without their tag.`,
    remedy: [
      'Meant: silence this alert for as long, and not for longer.',
      'load, circuit_open: the served model is overloaded or away; probing goes on by itself when it is well.',
      'untagged_probes: whatever logs the requests drops their id or headers; until that is mended Temper would probe its own probes.',
    ],
  },
  fires: [
    {
      series: { [PAUSED]: '0+0x4 1+0x90' },
      at: '70m',
      labels: { ...WARNING, reason: 'load' },
      description: 'Probing of a:9464 has been paused for an hour (reason load).',
    },
  ],
  quiet: [{ series: { [PAUSED]: '0+0x4 1+0x20 0+0x5 1+0x60' }, at: '70m' }],
};

const replicaDisagrees: Alert = {
  name: 'TemperReplicaDisagrees',
  rules: [
    {
      expr: `temper_replica_agreement_ratio{${JOB}} < temper_replica_agreement_limit_ratio{${JOB}}`,
      wait: '15m',
      severity: 'warning',
    },
  ],
  summary: 'The replica that attacks are made on does not answer like the served model.',
  description:
    'Replica and served model agree on {{ $value | humanizePercentage }} of the clean inputs at {{ $labels.instance }}.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `Attacks are crafted on the replica. One that answers otherwise makes attacks for another model: fewer of them are
      confirmed, and the measured risk is too low. This may be long before any monitor fires.`,
    firstLook: [
      'Sidecar health, "Replica and served model agree": since a release, or slowly?',
      "`temper models list` against the version that the server reports, and the server's preprocessing against stream.preprocessing.",
    ],
    decision:
      'Is the served model in the registry? If it is, they differ in preprocessing or number format; if not, import it.',
    remedy: ['As for [TemperReplicaStale](#alert-name-temperreplicastale).'],
  },
  fires: [
    {
      series: {
        [`temper_replica_agreement_ratio{${FROM}}`]: '0.9+0x30',
        [`temper_replica_agreement_limit_ratio{${FROM}}`]: '0.95+0x30',
      },
      at: '20m',
      labels: WARNING,
      description: 'Replica and served model agree on 90% of the clean inputs at a:9464.',
    },
  ],
  quiet: [
    {
      series: {
        [`temper_replica_agreement_ratio{${FROM}}`]: '0.97+0x30',
        [`temper_replica_agreement_limit_ratio{${FROM}}`]: '0.95+0x30',
      },
      at: '20m',
    },
  ],
};

const probeBurn = burnRateAlert({
  name: 'TemperProbeBudgetBurn',
  summary: 'More probes than one in twenty end without a measurement.',
  words: 'of the probes ended without a measurement',
  budget: 0.05,
  ratio: ratioOf(`temper_probes_total{${JOB},result=~"unprobeable|expired"}`, `temper_probes_total{${JOB}}`),
  dashboard: 'investigate',
  series: (attempts, failures) => ({
    [`temper_probes_total{${FROM},model="digits",recipe="pgd-20",role="sentinel",result="expired"}`]:
      failures,
    ...(attempts === failures ? {} : { [HELD]: attempts }),
  }),
  runbook: {
    meaning: `The budget of probes that may end without a measurement burns too fast. It is the forerunner of
      [TemperMissingOutcomes](#alert-name-tempermissingoutcomes), which says that the verdict is already touched.`,
    firstLook: ['Investigate, "How probes ended".', 'Sidecar health, "Time of a batch of probes".'],
    decision: 'Too slow (expired), or refused by the server (unprobeable)?',
    remedy: ['As for [TemperMissingOutcomes](#alert-name-tempermissingoutcomes), before it fires.'],
  },
});

const servedBurn = burnRateAlert({
  name: 'TemperServedBudgetBurn',
  summary: 'More requests to the served model than one in a hundred fail.',
  words: 'of the requests to the served model failed',
  budget: 0.01,
  ratio: ratioOf(`temper_served_failures_total{${JOB}}`, `temper_served_requests_total{${JOB}}`),
  dashboard: 'sidecar-health',
  series: (attempts, failures) => ({
    [`temper_served_requests_total{${FROM},model="digits"}`]: attempts,
    [`temper_served_failures_total{${FROM},model="digits"}`]: failures,
  }),
  runbook: {
    meaning: `Probes and canaries do not get their answers, after their retries. If users fare the same, their alerts come from
      the serving side; if only probes do, Temper asks too much or in the wrong way.`,
    firstLook: [
      'Sidecar health, "Requests to the served model".',
      "The serving side's own dashboard: do its users see errors, too?",
      'The log: TEMPER_TARGET_UNREACHABLE (no answer, 429, 502 to 504), TEMPER_TARGET_REJECTED (any other refusal).',
    ],
    decision: 'Does the server suffer from the probes? Then they must become fewer at once.',
    remedy: [
      'The server suffers: lower served.queriesPerMinute; at worst set probing.acknowledgeProbeTraffic to false.',
      'Rate limited (429): lower served.queriesPerMinute below the limit.',
      'Refused: check served.url, model name, signature and credentials with `temper doctor`.',
    ],
  },
});

/** What keeps Temper from knowing: probes that do not end, a verdict that stands still, a wrong replica. */
export const PROBING: readonly Alert[] = [
  noProbes,
  staleVerdict,
  insufficient,
  missingOutcomes,
  budgetExhausted,
  probingPaused,
  replicaDisagrees,
  probeBurn,
  servedBurn,
];
