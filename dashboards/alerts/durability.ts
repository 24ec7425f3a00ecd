import { BY, ON, WARNING } from './by-sidecar.ts';
import { FROM, JOB, type Alert } from './rule.ts';

const LAG = `temper_ingest_lag_events{${FROM}}`;

const ingestLagging: Alert = {
  name: 'TemperIngestLagging',
  rules: [
    {
      expr: `temper_ingest_lag_events{${JOB}} > 10000 and deriv(temper_ingest_lag_events{${JOB}}[15m]) > 0`,
      wait: '15m',
      severity: 'warning',
    },
  ],
  summary: 'The sidecar falls behind the stream.',
  description:
    '{{ $labels.instance }} is {{ $value | humanize }} events behind the stream, and the distance grows.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `Events arrive faster than they are made durable. Nothing is lost as long as the stream keeps them; the verdict
      gets older and older.`,
    firstLook: [
      'Sidecar health, "Commits that wait for the store": at their limit means that the store is the bottleneck.',
      'Sidecar health, "Processor" and "Event loop": near one core means that the sidecar itself is.',
    ],
    decision: 'Store or sidecar? And how long does the stream keep what is not read?',
    remedy: [
      'Store: as for [TemperStoreLagging](#alert-name-temperstorelagging).',
      'Sidecar: lower stream.sampling.rate (what is not chosen costs almost nothing), or more partitions and members.',
    ],
  },
  fires: [
    {
      series: { [LAG]: '0+1000x60' },
      at: '40m',
      labels: WARNING,
      description: 'a:9464 is 40k events behind the stream, and the distance grows.',
    },
  ],
  quiet: [
    { series: { [LAG]: '60000-1000x60' }, at: '40m' },
    { series: { [LAG]: '0+100x60' }, at: '40m' },
  ],
};

const UNCOMMITTED = `temper_store_uncommitted_commits{${FROM}}`;
const COMMITTED = `temper_last_commit_timestamp_seconds{${FROM}}`;
const RETRIES = `temper_store_retries_total{${FROM}}`;

const storeLagging: Alert = {
  name: 'TemperStoreLagging',
  rules: [
    {
      expr: `(time() - temper_last_commit_timestamp_seconds{${JOB}} > 300 and ${ON} temper_store_uncommitted_commits{${JOB}} > 0)
        or ${ON} increase(temper_store_retries_total{${JOB}}[10m]) > 5`,
      wait: '5m',
      severity: 'warning',
    },
  ],
  summary: 'The store does not take what the sidecar has read.',
  description: 'The store does not acknowledge the commits of {{ $labels.instance }}.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `ClickHouse is away, slow, or refuses. The sidecar holds a bounded number of commits and then stops reading; nothing
      is lost, and nothing new is judged.`,
    firstLook: [
      'Sidecar health, "Commits that wait for the store" and "Commits tried again".',
      'The log: `store_failed_will_retry` with the message of ClickHouse.',
      '`temper doctor`: does the store answer, and with which version?',
    ],
    decision:
      'Is it away, full, or overloaded? TOO_MANY_PARTS is overload by small inserts, NOT_ENOUGH_SPACE is a full disk.',
    remedy: [
      'Away: bring it back; the sidecar goes on by itself.',
      'Full: enlarge the volume, or delete old samples.',
      'Overloaded: raise stream.limits.commitIntervalMs, so that inserts are fewer and larger.',
    ],
  },
  fires: [
    {
      series: { [COMMITTED]: '60+0x60', [UNCOMMITTED]: '4+0x60' },
      at: '20m',
      labels: WARNING,
      description: 'The store does not acknowledge the commits of a:9464.',
    },
    {
      series: { [RETRIES]: '0+2x60' },
      at: '20m',
      labels: WARNING,
      description: 'The store does not acknowledge the commits of a:9464.',
    },
  ],
  quiet: [
    { series: { [COMMITTED]: '60+0x60', [UNCOMMITTED]: '0+0x60', [RETRIES]: '0+0x60' }, at: '20m' },
    { series: { [COMMITTED]: '0+60x60', [UNCOMMITTED]: '2+0x60', [RETRIES]: '0+0x60' }, at: '20m' },
  ],
};

const partitionFailed: Alert = {
  name: 'TemperPartitionFailed',
  rules: [{ expr: `temper_ingest_failed_partitions{${JOB}} > 0`, severity: 'warning' }],
  summary: 'A partition of the stream cannot be read any further.',
  description: '{{ $value }} partitions of the stream are not read any further at {{ $labels.instance }}.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `A file was truncated, replaced or made unreadable. The other partitions go on; the events of this one are not
      seen, so the risk is that of a part of the traffic.`,
    firstLook: [
      'The log: `partition_failed` names the partition and the reason.',
      'The status page, "Ingest".',
    ],
    decision: 'Was the file rotated? Files of the stream may grow, and must never be truncated or rotated.',
    remedy: [
      'Give the new file a name of its own in stream.files, and restart.',
      'Bring back the old file, if it was moved by mistake, and restart.',
    ],
  },
  fires: [
    {
      series: { [`temper_ingest_failed_partitions{${FROM}}`]: '0+0x4 1+0x20' },
      at: '6m',
      labels: WARNING,
      description: '1 partitions of the stream are not read any further at a:9464.',
    },
  ],
  quiet: [{ series: { [`temper_ingest_failed_partitions{${FROM}}`]: '0+0x20' }, at: '6m' }],
};

const undelivered: Alert = {
  name: 'TemperAlertsUndelivered',
  rules: [{ expr: `max ${BY} (temper_alerts_waiting{${JOB}}) > 0`, wait: '15m', severity: 'warning' }],
  summary: 'A receiver of degradation events has not taken one for a quarter of an hour.',
  description: '{{ $value }} degradation events of {{ $labels.instance }} wait for a receiver to take them.',
  dashboard: 'sidecar-health',
  runbook: {
    meaning: `A webhook or topic does not confirm what it is sent. The events are safe in the store and are sent again, with
      growing delays, until monitoring.alerts.giveUpHours.`,
    firstLook: [
      'Sidecar health, "Deliveries of alerts": which kind of channel fails?',
      'The log: `alert_attempt_failed` names the channel and what it answered.',
    ],
    decision: 'Is the receiver away (no answer, 5xx), or does it refuse (4xx: signature, clock, path)?',
    remedy: [
      'Away: bring it back; everything is sent again by itself.',
      'Refuses: compare the secret on both sides, and the clocks; a receiver should accept five minutes.',
      'Gone for good: take the channel out of monitoring.alerts.',
    ],
  },
  fires: [
    {
      series: { [`temper_alerts_waiting{${FROM}}`]: '2+0x30' },
      at: '20m',
      labels: WARNING,
      description: '2 degradation events of a:9464 wait for a receiver to take them.',
    },
  ],
  quiet: [{ series: { [`temper_alerts_waiting{${FROM}}`]: '2+0x10 0+0x30' }, at: '20m' }],
};

/** What keeps what was seen from lasting or being told: stream, store, receivers. */
export const DURABILITY: readonly Alert[] = [ingestLagging, storeLagging, partitionFailed, undelivered];
