import { FROM, FROM_LABELS, JOB, type Alert, type AlertGroup, type Series } from './rule.ts';

const newestRunIs = (state: string): string =>
  `max by (job, instance) (temper_harden_run_state{${JOB},state="${state}"}) == 1`;

/** The newest run comes to this state in minute 5. */
function ended(state: string): Series {
  return Object.fromEntries(
    ['claimed', 'promoted', 'refused', 'failed'].map((each) => [
      `temper_harden_run_state{${FROM},state="${each}"}`,
      each === state ? '0+0x4 1+0x15' : '0+0x20',
    ]),
  );
}

const failed: Alert = {
  name: 'TemperHardenFailed',
  rules: [{ expr: newestRunIs('failed'), severity: 'warning' }],
  summary: 'The newest hardening run failed, and is not tried again by itself.',
  description:
    'The newest hardening run of {{ $labels.instance }} failed; the Harden dashboard has its reason.',
  dashboard: 'harden',
  runbook: {
    meaning: `A stage of the pipeline threw something that trying again would not mend. The model that serves is untouched.
      The alert ends when a newer run does better.`,
    firstLook: [
      `Harden, "Runs": stage and finding of the newest row.`,
      `The log of the harden worker: \`run_failed\` has the whole error, and its code is in docs/errors.md.`,
      `The run's folder (harden.directory): every finished stage left its manifest.`,
    ],
    decision: `Data, resources or code? Diverged training and empty collections are data; killed workers are memory; anything
      else is a bug.`,
    remedy: [
      `Mend the cause, then ask for a run again on the status page.`,
      `TEMPER_TRAINING_DIVERGED: lower harden.training's learning rate or lengthen its curriculum.`,
      `Out of memory: fewer compute processes (harden.workers), or a larger limit.`,
    ],
  },
  fires: [
    {
      series: ended('failed'),
      at: '6m',
      labels: { ...FROM_LABELS, severity: 'warning' },
      description: 'The newest hardening run of a:9464 failed; the Harden dashboard has its reason.',
    },
  ],
  quiet: [
    { series: ended('refused'), at: '6m' },
    { series: ended('promoted'), at: '6m' },
  ],
};

const refused: Alert = {
  name: 'TemperGateRefused',
  rules: [{ expr: newestRunIs('refused'), severity: 'warning' }],
  summary: 'The gate refused the newest candidate; the model that serves is not hardened.',
  description:
    'The gate refused the newest candidate of {{ $labels.instance }}; the Harden dashboard has the rules that failed.',
  dashboard: 'harden',
  runbook: {
    meaning: `A candidate was trained and did not pass: too little clean accuracy, too little robustness under attacks that it
      was not trained on, a loss against the champion, or masked gradients. The gate did its work; the degradation stands.`,
    firstLook: [
      `Harden, "The gate's rules": which rule, and by how much?`,
      `Harden, "Candidate against champion": do the intervals overlap? Then more rows would decide.`,
      `Harden, "Curriculum": robust accuracy that falls while epsilon stands still is overfitting.`,
    ],
    decision: `Is the candidate too weak, the policy too strict, or the measurement too small? Only the owner of the policy may
      change the policy.`,
    remedy: [
      `Too weak: more epochs or rows, another objective, a slower curriculum; then ask for a run again.`,
      `Too small: raise harden.data.gateRows.`,
      `Ship it all the same: \`temper models promote --override\` with actor and reason. It goes into the ledger, and sets no
        baseline.`,
    ],
  },
  fires: [
    {
      series: ended('refused'),
      at: '6m',
      labels: { ...FROM_LABELS, severity: 'warning' },
      description:
        'The gate refused the newest candidate of a:9464; the Harden dashboard has the rules that failed.',
    },
  ],
  quiet: [{ series: ended('failed'), at: '6m' }],
};

const requestedAt = (seconds: number, minutes: number): Series => ({
  [`temper_harden_oldest_request_timestamp_seconds{${FROM}}`]: `${seconds}+0x${minutes}`,
});

const overdue: Alert = {
  name: 'TemperHardenOverdue',
  rules: [
    {
      expr: `time() - max by (job, instance) (temper_harden_oldest_request_timestamp_seconds{${JOB}}) > 21600`,
      wait: '15m',
      severity: 'warning',
    },
  ],
  summary: 'A request for a hardening run has waited for six hours without a run that finished.',
  description:
    'The oldest request for a hardening run of {{ $labels.instance }} has waited for {{ $value | humanizeDuration }}.',
  dashboard: 'harden',
  runbook: {
    meaning: `Somebody or something asked for a run, and none has finished: no worker runs, the worker is stuck, or the run
      takes longer than it used to.`,
    firstLook: [
      `Harden, "Newest run": \`claimed\` means that a worker is at it; waiting requests without one mean that none runs.`,
      `Harden, "Runs": the stage under way, and "Time of the stages": what it took last time.`,
      `The Deployment or Job of \`temper harden worker\`: is it there, was it evicted or killed?`,
    ],
    decision: `Is anybody working on it? A run that was killed goes on where it was as soon as a worker is back; it must not be
      deleted.`,
    remedy: [
      `No worker: start \`temper harden worker\`. It takes the oldest request first.`,
      `Stuck on the registry lock: \`temper doctor\` names who holds it; a holder that died frees it.`,
      `Slow: give it more cores, or fewer rows and epochs.`,
    ],
  },
  fires: [
    {
      series: requestedAt(0, 400),
      at: '380m',
      labels: { ...FROM_LABELS, severity: 'warning' },
      description: 'The oldest request for a hardening run of a:9464 has waited for 6h 20m 0s.',
    },
  ],
  quiet: [
    { series: requestedAt(0, 400), at: '350m' },
    { series: requestedAt(12_000, 400), at: '380m' },
  ],
};

export const HARDENING: AlertGroup = { name: 'temper-hardening', alerts: [failed, refused, overdue] };
