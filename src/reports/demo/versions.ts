import type { ThreatModel } from '../../domain/threat-model.ts';
import { barChart } from '../chart/bar-chart.ts';
import { scatterChart } from '../chart/scatter-chart.ts';
import type { Tone } from '../chart/frame.ts';
import { formatBasis, formatPercentInterval, formatSeconds } from '../format.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { badge, shareCell, table } from '../page.ts';
import type { DemoStory, StoryEvaluation, StoryVersion } from '../story.ts';

const ARRIVAL_TONES: Readonly<Record<StoryVersion['arrival'], Tone>> = {
  first: 'grey',
  gated: 'green',
  'around the gate': 'orange',
};

const percentTick = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

/** Clean and robust accuracy, version by version, and one against the other. */
export function renderVersions({ versions, threatModel }: DemoStory): Html {
  if (versions.length === 0) return html``;
  const under = `${threatModel.norm} ${threatModel.epsilon}`;
  return html`<h2>Every version, measured</h2>
    <div class="columns">
      <div class="card">${accuracyBars(versions, under)}</div>
      <div class="card">${tradeOff(versions)}</div>
    </div>
    <div class="card">
      ${table(
        [
          { title: 'version' },
          { title: 'how it came' },
          { title: 'clean accuracy' },
          { title: `robust accuracy, ${under}` },
          { title: 'measured on' },
        ],
        versions.map(({ version, name, arrival, cleanAccuracy, robustAccuracy, evaluatedOn }) => [
          html`<b>v${version}</b> ${name}`,
          badge(arrival, ARRIVAL_TONES[arrival]),
          shareCell(cleanAccuracy, 'blue'),
          shareCell(robustAccuracy, 'green'),
          html`<span class="soft">${evaluatedOn}</span>`,
        ]),
      )}
      <p class="facts">value [lower, upper]; ${versions[0] && formatBasis(versions[0].robustAccuracy)}</p>
    </div>`;
}

function accuracyBars(versions: readonly StoryVersion[], under: string): Html {
  return barChart({
    title: 'Accuracy per version',
    description: versions
      .map(
        (one) =>
          `v${one.version}: clean ${formatPercentInterval(one.cleanAccuracy)}, robust ${formatPercentInterval(one.robustAccuracy)}`,
      )
      .join('; '),
    groups: versions.map(({ version, name }) => ({ name: `v${version}`, note: name })),
    series: [
      { name: 'clean', tone: 'blue', values: versions.map(({ cleanAccuracy }) => cleanAccuracy) },
      {
        name: `robust, ${under}`,
        tone: 'green',
        values: versions.map(({ robustAccuracy }) => robustAccuracy),
      },
    ],
    yLabel: 'accuracy',
    yDomain: [0, 1],
    format: percentTick,
    labelFormat: (share) => (100 * share).toFixed(1),
    width: 470,
    height: 340,
  });
}

function tradeOff(versions: readonly StoryVersion[]): Html {
  return scatterChart({
    title: 'Trade-off: robust against clean',
    description:
      'Each version by clean accuracy (across) and robust accuracy (up); arrows follow the order in which they served.',
    points: versions.map(({ version, arrival, cleanAccuracy, robustAccuracy }) => ({
      x: cleanAccuracy,
      y: robustAccuracy,
      label: `v${version}`,
      tone: ARRIVAL_TONES[arrival],
    })),
    xLabel: 'clean accuracy',
    yLabel: 'robust accuracy',
    yDomain: [0, 1],
    format: percentTick,
  });
}

/** The last version under every attack. */
export function renderEvaluation(evaluation: StoryEvaluation, threat: ThreatModel): Html {
  const rows = [
    ...evaluation.attacks.map(({ recipe, robustAccuracy, seconds }) => [
      html`<code>${recipe}</code>`,
      shareCell(robustAccuracy, 'green'),
      seconds === undefined ? '' : formatSeconds(seconds),
    ]),
    [html`<b>worst of all</b>`, shareCell(evaluation.worstCase, 'red'), ''],
  ];
  return html`<h2>Final evaluation of version ${evaluation.version}</h2>
    <p class="soft">
      On ${evaluation.data}, ${threat.norm} ${threat.epsilon}: an input counts as robust only if no attack
      succeeds on it.
    </p>
    <div class="card">
      ${table(
        [{ title: 'attack' }, { title: 'accuracy left' }, { title: 'time', numeric: true }],
        [[html`<b>none</b> (clean)`, shareCell(evaluation.cleanAccuracy, 'blue'), ''], ...rows],
      )}
      <p class="facts">value [lower, upper]; ${formatBasis(evaluation.worstCase)}</p>
    </div>`;
}
