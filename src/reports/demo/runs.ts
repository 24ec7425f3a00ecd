import type { ThreatModel } from '../../domain/threat-model.ts';
import { durationBars } from '../chart/duration-bars.ts';
import { lineChart } from '../chart/line-chart.ts';
import type { LineSeries } from '../chart/line-chart.ts';
import { formatCount, formatSeconds } from '../format.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { badge, table } from '../page.ts';
import type { StoryEpoch, StoryRun } from '../story.ts';

/** One run of the pipeline: why, what training did, what the gate said, where the time went. */
export function renderRun(run: StoryRun, threat: ThreatModel): Html {
  const made = run.version === undefined ? '' : ` as version ${run.version}`;
  return html`<div class="card">
    <h3>
      Run
      <code>${run.runId}</code>
      ${badge(`${run.outcome}${made}`, run.outcome === 'promoted' ? 'green' : 'red')}
    </h3>
    <p class="soft">Requested at sample ${formatCount(run.startedAtSample)}: ${run.reason}</p>
    ${
      run.epochs.length > 0 &&
      html`<div class="columns">
        <div>${accuracyCurves(run.epochs)}</div>
        <div>${curriculum(run.epochs, threat)}</div>
        <div>${lossCurve(run.epochs)}</div>
        <div>${stageBars(run)}</div>
      </div>`
    }
    ${run.gate.length > 0 && gateTable(run)}
  </div>`;
}

const SMALL = {
  width: 470,
  height: 250,
  xLabel: 'epoch',
  xFormat: (epoch: number): string => (Number.isInteger(epoch) ? String(epoch) : ''),
} as const;

function accuracyCurves(epochs: readonly StoryEpoch[]): Html {
  const curve = (
    name: string,
    tone: LineSeries['tone'],
    read: (epoch: StoryEpoch) => number | undefined,
  ): LineSeries => ({
    name,
    tone,
    dots: true,
    points: epochs
      .map((epoch) => ({ x: epoch.epoch, y: read(epoch) ?? Number.NaN }))
      .filter(({ y }) => Number.isFinite(y)),
  });
  return lineChart({
    ...SMALL,
    title: 'Validation accuracy',
    description: 'Clean and robust accuracy on the validation split after each epoch.',
    yLabel: 'accuracy',
    yDomain: [0, 1],
    xDomain: epochDomain(epochs),
    yFormat: (share) => `${Math.round(100 * share)} %`,
    series: [
      curve('clean', 'blue', (epoch) => epoch.cleanAccuracy),
      curve('robust', 'green', (epoch) => epoch.robustAccuracy),
    ],
  });
}

function curriculum(epochs: readonly StoryEpoch[], { norm, epsilon }: ThreatModel): Html {
  const most = Math.max(epsilon, ...epochs.map((epoch) => epoch.epsilon));
  return lineChart({
    ...SMALL,
    title: 'Curriculum: perturbation trained against',
    description: `Epsilon of the training attack after each epoch, against the threat model's ${epsilon}.`,
    yLabel: `epsilon (${norm})`,
    yDomain: [0, 1.1 * most],
    xDomain: epochDomain(epochs),
    series: [
      {
        name: 'trained',
        tone: 'purple',
        dots: true,
        points: epochs.map((epoch) => ({ x: epoch.epoch, y: epoch.epsilon })),
      },
      {
        name: 'threat model',
        tone: 'grey',
        dashed: true,
        points: epochDomain(epochs).map((x) => ({ x, y: epsilon })),
      },
    ],
  });
}

function lossCurve(epochs: readonly StoryEpoch[]): Html {
  return lineChart({
    ...SMALL,
    title: 'Training loss',
    description:
      'Mean training loss of each epoch; it rises while epsilon grows, because the task gets harder.',
    yLabel: 'loss (nats)',
    yDomain: [0, 1.1 * Math.max(1e-9, ...epochs.map(({ loss }) => loss).filter(Number.isFinite))],
    xDomain: epochDomain(epochs),
    series: [
      {
        name: 'loss',
        tone: 'orange',
        dots: true,
        points: epochs.map((epoch) => ({ x: epoch.epoch, y: epoch.loss })),
      },
    ],
  });
}

function stageBars({ stages }: StoryRun): Html | undefined {
  if (stages.length === 0) return undefined;
  const total = stages.reduce((sum, { seconds }) => sum + seconds, 0);
  return durationBars(
    {
      title: `Stages, ${formatSeconds(total)}`,
      description: stages.map(({ stage, seconds }) => `${stage} ${formatSeconds(seconds)}`).join(', '),
    },
    stages.map(({ stage, seconds }) => ({ name: stage, seconds })),
    'purple',
  );
}

function gateTable({ gate }: StoryRun): Html {
  return table(
    [{ title: 'gate' }, { title: 'required', numeric: true }, { title: 'got', numeric: true }, { title: '' }],
    gate.map(({ rule, required, got, passed }) => [
      rule,
      required,
      got,
      badge(passed ? 'passed' : 'failed', passed ? 'green' : 'red'),
    ]),
  );
}

/** A single epoch still needs an axis. */
function epochDomain(epochs: readonly StoryEpoch[]): readonly [number, number] {
  const last = epochs.at(-1)?.epoch ?? 1;
  return [Math.min(1, epochs[0]?.epoch ?? 1), Math.max(2, last)];
}
