import type { Cause, VerdictKind } from '../../src/domain/verdict.ts';
import {
  FROM,
  FROM_LABELS,
  JOB,
  type Alert,
  type AlertGroup,
  type RunbookEntry,
  type Series,
} from './rule.ts';

const BY = 'by (job, instance, model)';
const ON = 'on (job, instance, model)';
const verdictIs = (verdict: VerdictKind): string =>
  `max ${BY} (temper_verdict{${JOB},verdict="${verdict}"}) == 1`;
const causeIs = (cause: string): string => `max ${BY} (temper_cause{${JOB},cause${cause}}) == 1`;

const ONE = (metric: string, more = ''): string =>
  `printf "${metric}{instance='%s',model='%s'${more}}" $labels.instance $labels.model`;
const VALUE = '{{ . | first | value | humanizePercentage }}';
/** Since when, and the risk of the worst recipe with its interval, against baseline and limit. */
const FIGURES = `Since
  {{ with ${ONE('temper_verdict_since_timestamp_seconds')} | query }}{{ . | first | value | humanizeTimestamp }}{{ end }}.
  {{ range printf "topk(1, temper_robust_risk_ratio{instance='%s',model='%s'})" $labels.instance $labels.model | query }}
  {{- $recipe := .Labels.recipe -}}
  Risk {{ .Value | humanizePercentage }} under {{ $recipe }}
  {{- with ${ONE('temper_robust_risk_lower_ratio', ",recipe='%s'")} $recipe | query }} (${VALUE} to {{ end -}}
  {{- with ${ONE('temper_robust_risk_upper_ratio', ",recipe='%s'")} $recipe | query }}${VALUE}){{ end -}}
  {{- with ${ONE('temper_risk_baseline_ratio', ",recipe='%s'")} $recipe | query }}, baseline at most ${VALUE}{{ end -}}
  {{- with ${ONE('temper_risk_limit_ratio', ",recipe='%s'")} $recipe | query }}, limit ${VALUE}{{ end -}}
  .{{ end }}`;

/** What the figures are in every case below. */
const FIGURES_IN_CASES =
  'Since 1970-01-01 00:05:00 +0000 UTC. Risk 41% under pgd-20 (36% to 46%), baseline at most 12%, limit 50%.';
const RISK: Series = Object.fromEntries(
  (
    [
      ['temper_robust_risk_ratio', 0.41],
      ['temper_robust_risk_lower_ratio', 0.36],
      ['temper_robust_risk_upper_ratio', 0.46],
      ['temper_risk_baseline_ratio', 0.12],
      ['temper_risk_limit_ratio', 0.5],
    ] as const
  ).flatMap(([metric, value]) => [
    [`${metric}{${FROM},model="digits",norm="linf",recipe="pgd-20"}`, `${value}+0x20`],
    [`${metric}{${FROM},model="digits",norm="linf",recipe="square-1000"}`, `${value / 2}+0x20`],
  ]),
);

/** A sidecar with this verdict and cause from minute 5 on. */
function judged(verdict: VerdictKind, cause?: Cause): Series {
  const series: Record<string, string> = {
    ...RISK,
    [`temper_verdict_since_timestamp_seconds{${FROM},model="digits"}`]: '300+0x20',
  };
  for (const each of ['ok', 'degraded', 'breached'] as const)
    series[`temper_verdict{${FROM},model="digits",verdict="${each}"}`] =
      each === verdict ? '0+0x4 1+0x15' : each === 'ok' ? '1+0x4 0+0x15' : '0+0x20';
  for (const each of ['model_changed', 'inputs_drifted', 'new_attack', 'replica_stale', 'unknown'] as const)
    series[`temper_cause{${FROM},model="digits",cause="${each}"}`] =
      each === cause ? '0+0x4 1+0x15' : '0+0x20';
  return series;
}

const MODEL_LABELS = { ...FROM_LABELS, model: 'digits' };

interface DegradedFacts {
  readonly name: string;
  readonly cause: Exclude<Cause, 'unknown'>;
  readonly summary: string;
  readonly words: string;
  readonly runbook: RunbookEntry;
}

/** An alert for one cause of a degradation. Breached is an alert of its own, which names the cause as well. */
function degradedBy({ name, cause, summary, words, runbook }: DegradedFacts): Alert {
  const other = cause === 'model_changed' ? 'inputs_drifted' : 'model_changed';
  const labels = { severity: 'warning', cause };
  return {
    name,
    rules: [
      {
        expr: `${causeIs(`="${cause}"`)} and ${ON} ${verdictIs('degraded')}`,
        severity: 'warning',
        labels: { cause },
      },
    ],
    summary,
    description: `Model {{ $labels.model }}: ${words} (cause ${cause}). ${FIGURES}`,
    dashboard: 'robustness',
    runbook,
    fires: [
      {
        series: judged('degraded', cause),
        at: '10m',
        labels: { ...MODEL_LABELS, ...labels },
        description: `Model digits: ${words} (cause ${cause}). ${FIGURES_IN_CASES}`,
      },
    ],
    quiet: [
      { series: judged('degraded', other), at: '10m' },
      { series: judged('ok'), at: '10m' },
      { series: judged('degraded', cause), at: '4m' },
    ],
  };
}

const breached: Alert = {
  name: 'TemperBreached',
  rules: [{ expr: verdictIs('breached'), severity: 'critical' }],
  summary: 'The risk of the served model is above the absolute limit of the policy.',
  description: `Model {{ $labels.model }} is breached: attackers succeed more often than the policy allows
    {{- with printf "temper_cause{instance='%s',model='%s'} == 1" $labels.instance $labels.model | query }} (cause {{ . | first | label "cause" }}){{ end -}}
    . ${FIGURES}`,
  dashboard: 'robustness',
  runbook: {
    meaning: `The lower end of the confidence sequence of the risk is above monitoring.riskLimit. That is a statement about
      every moment at once, at the configured confidence: it is not noise, and it needs no baseline. The verdict stays until
      a new baseline or an acknowledgement.`,
    firstLook: [
      `Robustness overview, "Risk with its interval": since when, one recipe or all, and was there a step or a slope?`,
      `The cause in the alert: the sections of [TemperModelChanged](#alert-name-tempermodelchanged),
        [TemperInputsDrifted](#alert-name-temperinputsdrifted), [TemperNewAttack](#alert-name-tempernewattack) and
        [TemperReplicaStale](#alert-name-temperreplicastale) say what each one is.`,
      `The status page of the sidecar shows the newest adversarial examples as pictures.`,
    ],
    decision: `May this model go on serving at this risk? That is a question for whoever owns the model and its policy, not
      for whoever is on call; but going back to a version that passed its gate needs no one's leave.`,
    remedy: [
      `A version was shipped just before: roll back with \`temper models rollback\`.`,
      `Otherwise ask for a hardening run if none is open: the run request is made by itself where harden.trigger.onVerdict
        has breached, or on the status page, and takes hours; the Harden dashboard shows it.`,
      `The owner accepts the risk: acknowledge on the status page with a reason, which the record keeps.`,
    ],
  },
  fires: [
    {
      series: judged('breached', 'inputs_drifted'),
      at: '10m',
      labels: { ...MODEL_LABELS, severity: 'critical' },
      description: `Model digits is breached: attackers succeed more often than the policy allows (cause inputs_drifted). ${FIGURES_IN_CASES}`,
    },
  ],
  quiet: [
    { series: judged('degraded', 'inputs_drifted'), at: '10m' },
    { series: judged('breached', 'inputs_drifted'), at: '4m' },
  ],
};

const modelChanged = degradedBy({
  name: 'TemperModelChanged',
  cause: 'model_changed',
  summary: 'Another model answers than the one that passed the gate, and it is less robust.',
  words: 'it answers its canaries differently than when it passed its gate, and is less robust',
  runbook: {
    meaning: `The same frozen inputs, the canaries, get other scores now than from the gated version: what serves has
      changed. Inputs and attacks are not the reason.`,
    firstLook: [
      `\`temper models history\`: was a version promoted around the gate (override, rollback)?`,
      `Investigate, "By version and recipe": does the step coincide with another version?`,
      `If the version is the same: was the server's image, its preprocessing, its number format or its hardware changed?`,
    ],
    decision: `Was this change meant? A version that nobody gated has no claim to serve; a change of the server may be
      harmless to accuracy and still open the model to attack.`,
    remedy: [
      `Not meant: \`temper models rollback\`, or undo the server's change. The alarm ends when the gated version is back and a
        new baseline is there, or by acknowledgement.`,
      `Meant: harden it. The run starts from the champion, and only its gate sets a new baseline.`,
    ],
  },
});

const inputsDrifted = degradedBy({
  name: 'TemperInputsDrifted',
  cause: 'inputs_drifted',
  summary: 'Production inputs have become easier to attack; the model is the same.',
  words: 'its scores on the canaries are unchanged, but the inputs that arrive now are easier to attack',
  runbook: {
    meaning: `The canaries are answered as ever, so the model is the same; but the sentinels break more of what arrives now
      than of what the baseline was measured on. Either the world changed, or somebody sends chosen inputs.`,
    firstLook: [
      `Investigate, "By predicted class" and "By true class": is it everywhere, or one class?`,
      `Investigate, "Recent adversarial examples", and the pictures on the status page: do these inputs look like the ones
        that the model was trained on (camera, language, client, season)?`,
      `Sidecar health, "Events by outcome": did the mix or the amount of traffic change at that time?`,
    ],
    decision: `Is this traffic here to stay? If it is, the model has to learn it; if it is an attack or a broken client, the
      traffic has to go.`,
    remedy: [
      `Here to stay: let the hardening run go on; it collects these very inputs. Check that they get labels.`,
      `A broken client or an attacker: fix or block it at the front door, then acknowledge.`,
    ],
  },
});

const newAttack = degradedBy({
  name: 'TemperNewAttack',
  cause: 'new_attack',
  summary: 'An attack that was never tried before breaks what the sentinels could not.',
  words: 'a recipe that was never tried before breaks inputs that the known attacks do not',
  runbook: {
    meaning: `An explorer recipe beats the sentinels on the same inputs by more than monitoring.explorer.excess. Model and
      inputs are as they were: the model was always open to this, and nobody knew.`,
    firstLook: [
      `Robustness overview, "Inputs broken, by recipe": how far is the explorer above the sentinels?`,
      `Investigate, "Queries by recipe": what does it cost an attacker? A recipe that needs gradients needs the model.`,
      `\`temper attack --list\` and the recipe's id tell what it does.`,
    ],
    decision: `Does the threat model cover this recipe (access, budget, constraints)? If it does, the sentinels are too weak;
      if not, the policy decides whether the threat model should grow.`,
    remedy: [
      `Add the recipe to probing.sentinels, so that the next baseline is measured with it.`,
      `Ask for a hardening run; what the recipe found is in its training data.`,
      `Outside the threat model: acknowledge, and say so in the reason.`,
    ],
  },
});

const replicaStale = degradedBy({
  name: 'TemperReplicaStale',
  cause: 'replica_stale',
  summary: 'The local replica is no longer the model that serves, so the measured risk is not its risk.',
  words:
    'the local replica and the served model no longer answer alike, so attacks are made for another model',
  runbook: {
    meaning: `Attacks are crafted on a replica from the registry and confirmed on the served model. The replica answers clean
      inputs differently than the served model, so the risk is measured with the wrong tool. It is more likely too low.`,
    firstLook: [
      `Sidecar health, "Replica and served model agree": since when?`,
      `\`temper models list\` against the version that the server reports: is what serves in the registry at all?`,
      `Preprocessing: does the server scale or crop what the replica takes raw?`,
    ],
    decision: `Which of the two is right? The served model is what users get; the registry is what was gated.`,
    remedy: [
      `Served from elsewhere: import that model into the registry, or serve the registry's version.`,
      `Preprocessing differs: set stream.preprocessing, or export the model with it.`,
      `Then acknowledge; the monitors start again.`,
    ],
  },
});

const degraded: Alert = {
  name: 'TemperDegraded',
  rules: [
    {
      expr: `${verdictIs('degraded')} unless ${ON} ${causeIs('!="unknown"')}
        unless ${ON} sum ${BY} (temper_alarms_firing{${JOB},monitor!="missing_outcomes"}) == 0`,
      wait: '2m',
      severity: 'warning',
      labels: { cause: 'unknown' },
    },
  ],
  summary: 'The served model behaves otherwise than its baseline, and the experiment found no cause.',
  description: `Model {{ $labels.model }}: a monitor fired and the experiment on the canaries could not say why (cause unknown). ${FIGURES}`,
  dashboard: 'robustness',
  runbook: {
    meaning: `A monitor fired against the baseline, and the experiment had nothing to go by: there are no canaries yet (nothing
      has passed the gate), the served model did not answer them in time, or the risk fell instead of rising.`,
    firstLook: [
      `Robustness overview, "Alarms that fire": which monitor? \`fallen\` means that attacks succeed less often than they
        should, which is a broken probe more often than a better model.`,
      `The log of the sidecar: \`cause_experiment_failed\` says what went wrong.`,
      `Sidecar health, "Requests to the served model": did the server fail at that time?`,
    ],
    decision: `Is it the model or the measuring? Compare the loss by version (Investigate) with what the probes cost and how
      they ended.`,
    remedy: [
      `No canaries: let a model pass the gate once; baseline and canaries come with it.`,
      `Measuring was broken: mend it and acknowledge; the monitors start again.`,
      `Neither: treat it as [TemperInputsDrifted](#alert-name-temperinputsdrifted).`,
    ],
  },
  fires: [
    {
      series: judged('degraded', 'unknown'),
      at: '10m',
      labels: { ...MODEL_LABELS, severity: 'warning', cause: 'unknown' },
      description: `Model digits: a monitor fired and the experiment on the canaries could not say why (cause unknown). ${FIGURES_IN_CASES}`,
    },
  ],
  quiet: [
    { series: judged('degraded', 'model_changed'), at: '10m' },
    // The cause is found within the first minutes: not yet a reason to speak.
    { series: judged('degraded'), at: '6m' },
    {
      series: {
        ...judged('degraded', 'unknown'),
        [`temper_alarms_firing{${FROM},model="digits",monitor="missing_outcomes"}`]: '1+0x20',
        [`temper_alarms_firing{${FROM},model="digits",monitor="risen"}`]: '0+0x20',
      },
      at: '10m',
    },
  ],
};

export const ROBUSTNESS: AlertGroup = {
  name: 'temper-robustness',
  alerts: [breached, modelChanged, inputsDrifted, newAttack, replicaStale, degraded],
};
