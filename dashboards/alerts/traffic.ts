import { burnRateAlert, ratioOf } from './burn-rate.ts';
import { SAMPLED, sampled, WARNING } from './by-sidecar.ts';
import { FROM, JOB, type Alert } from './rule.ts';

const down: Alert = {
  name: 'TemperSidecarDown',
  rules: [{ expr: `absent(up{${JOB}} == 1)`, wait: '15m', severity: 'critical' }],
  summary: 'No sidecar of Temper is scraped: nobody watches the model.',
  description: `No target of job="temper" has been up for 15 minutes.`,
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `Prometheus reaches no sidecar at all. Either none runs, or Prometheus does not find it. The served model is not
      affected; but nobody would notice if it degraded, and every other alert of this page is silent for the same reason.`,
    firstLook: [
      `Prometheus, Status, Targets: is there a target that is down, or none?`,
      `Kubernetes: \`kubectl get pods\` for the sidecar, its restarts and its last log lines.`,
      `No target at all: do the labels of the ServiceMonitor match what Prometheus selects (release label)?`,
    ],
    decision: `Gone, or only not scraped? If \`/metrics\` on port 9464 answers, it is only not scraped.`,
    remedy: [
      `Crashing: the last log line has an error code; docs/errors.md says what to do.`,
      `Not scraped: mend ServiceMonitor, NetworkPolicy or http.host (127.0.0.1 is reached from its own Pod only).`,
      `It goes on where it was: what arrived meanwhile is read from the stream, as long as the stream keeps it.`,
    ],
  },
  fires: [
    {
      series: { [`up{${FROM}}`]: '1+0x4 0+0x40' },
      at: '30m',
      labels: { severity: 'critical' },
      description: 'No target of job="temper" has been up for 15 minutes.',
    },
  ],
  quiet: [
    { series: { [`up{${FROM}}`]: '1+0x4 0+0x10 1+0x30' }, at: '30m' },
    { series: { [`up{${FROM}}`]: '0+0x40', 'up{job="temper",instance="b:9464"}': '1+0x40' }, at: '30m' },
  ],
};

const oneDown: Alert = {
  name: 'TemperInstanceDown',
  rules: [{ expr: `up{${JOB}} == 0`, wait: '15m', severity: 'warning' }],
  summary: 'One sidecar of Temper is not scraped: nobody watches its model.',
  description: '{{ $labels.instance }} of job {{ $labels.job }} has been down for 15 minutes.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: 'A sidecar that was known does not answer its scrapes. Others do.',
    firstLook: [
      'Its Pod: restarts, evictions, the last log lines.',
      'Sidecar health, "Memory" and "Event loop" before it went: did it run into its limits?',
    ],
    decision: 'Was it taken away on purpose? Then the target goes too, and with it the alert.',
    remedy: [
      'Killed for memory: raise the limit, or lower probing.workers and probing.slotSamples.',
      'Anything else: as for [TemperSidecarDown](#alert-name-tempersidecardown).',
    ],
  },
  fires: [
    {
      series: { [`up{${FROM}}`]: '1+0x4 0+0x40', 'up{job="temper",instance="b:9464"}': '1+0x40' },
      at: '30m',
      labels: WARNING,
      description: 'a:9464 of job temper has been down for 15 minutes.',
    },
  ],
  quiet: [{ series: { [`up{${FROM}}`]: '1+0x4 0+0x10 1+0x30' }, at: '30m' }],
};

const noSamples: Alert = {
  name: 'TemperNoSamples',
  rules: [{ expr: `${sampled('30m')} == 0`, wait: '15m', severity: 'warning' }],
  summary: 'No production event has become a sample for half an hour: there is nothing to probe.',
  description: '{{ $labels.instance }} has taken no sample for at least 30 minutes.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `Either nothing arrives, or nothing that arrives is chosen. The verdict still stands on what was folded before.`,
    firstLook: [
      `Sidecar health, "Events by outcome": nothing at all, only skipped ones, or dead letters?`,
      `"Events not read yet": growing means that events exist and are not read.`,
      `\`temper doctor\`: does it reach the topic or the files?`,
    ],
    decision: `Is there traffic at all? At night on a quiet model this is no fault; raise the window of the rule then.`,
    remedy: [
      `Nothing arrives: is the logger of the serving side on, and does it write to this topic?`,
      `Only skipped: stream.sampling.rate may be too low for so little traffic.`,
      `Dead letters: as for [TemperDeadLetterBudgetBurn](#alert-name-temperdeadletterbudgetburn).`,
    ],
  },
  fires: [
    {
      series: { [SAMPLED]: '0+5x10 50+0x90' },
      at: '60m',
      labels: WARNING,
      description: 'a:9464 has taken no sample for at least 30 minutes.',
    },
  ],
  quiet: [
    { series: { [SAMPLED]: '0+5x90' }, at: '60m' },
    { series: { [SAMPLED]: '0+5x10 50+0x90' }, at: '30m' },
  ],
};

const orphans: Alert = {
  name: 'TemperOrphans',
  rules: [
    {
      expr: `max by (job, instance, kind) (temper_orphan_records_ratio{${JOB}}) > 0.05`,
      wait: '30m',
      severity: 'warning',
    },
  ],
  summary: 'Labels or responses arrive that belong to no sample.',
  description:
    '{{ $value | humanizePercentage }} of the {{ $labels.kind }}s at {{ $labels.instance }} belong to no sample.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `A label or response is joined to its request by id. When ids do not match, no single record is wrong, and still
      nothing gets its label: clean error, labelled adversarials and hardening data dry up silently.`,
    firstLook: [
      `Sidecar health, "Records without a sample": near 1 since a certain time, or a few per cent all along?`,
      `One request and its label side by side, as they are on the stream: are the ids the same text?`,
      `Row numbers: a batch of several rows needs \`row\` or \`labels\`.`,
    ],
    decision: `Do the ids differ, or do the requests not arrive? With other partitions or topics for labels, requests may
      arrive much later.`,
    remedy: [
      'Ids differ: mend the producer, which must write the id of the request into its label.',
      'Requests are missing: as for [TemperNoSamples](#alert-name-tempernosamples), or they are dead letters.',
    ],
  },
  fires: [
    {
      series: { [`temper_orphan_records_ratio{${FROM},kind="label"}`]: '0.25+0x60' },
      at: '40m',
      labels: { ...WARNING, kind: 'label' },
      description: '25% of the labels at a:9464 belong to no sample.',
    },
  ],
  quiet: [
    { series: { [`temper_orphan_records_ratio{${FROM},kind="label"}`]: '0.01+0x60' }, at: '40m' },
    { series: { [`temper_orphan_records_ratio{${FROM},kind="label"}`]: '0.25+0x10 0+0x60' }, at: '40m' },
  ],
};

const deadLetters = burnRateAlert({
  name: 'TemperDeadLetterBudgetBurn',
  summary: 'More events than one in a hundred are dead letters.',
  words: 'of the events that were looked at were dead letters',
  budget: 0.01,
  ratio: ratioOf(
    `temper_events_total{${JOB},outcome="dead_letter"}`,
    `temper_events_total{${JOB},outcome=~"sampled|label|response|dead_letter"}`,
  ),
  dashboard: 'sidecar-health',
  series: (attempts, failures) => ({
    [`temper_events_total{${FROM},outcome="dead_letter"}`]: failures,
    ...(attempts === failures ? {} : { [SAMPLED]: attempts }),
  }),
  runbook: {
    meaning: `Events that are not what their format promises are kept with their bytes and left out. A budget of one in a
      hundred burns too fast: a producer changed, and a part of the traffic is not seen.`,
    firstLook: [
      'Sidecar health, "Drops and dead letters by reason".',
      'The table dead_letters: `detail` names place, rule and value, `value` has the bytes in base64.',
    ],
    decision:
      'Did the producer change its format, or does the configuration not fit (shape, range, classes)?',
    remedy: [
      'wrong_shape, out_of_range: model.inputShape, model.range or stream.preprocessing do not fit what production sends.',
      'malformed_json, unrecognised_event: mend the producer, or the format that is configured.',
      'Dead letters are not read again by themselves; what matters is what comes next.',
    ],
  },
});

/** What keeps Temper from seeing production: no sidecar, no samples, ids that do not match, broken events. */
export const TRAFFIC: readonly Alert[] = [down, oneDown, noSamples, orphans, deadLetters];
