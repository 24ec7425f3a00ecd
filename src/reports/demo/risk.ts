import type { ChartEvent, ChartSpan, LineSeries } from '../chart/line-chart.ts';
import { lineChart } from '../chart/line-chart.ts';
import type { Tone } from '../chart/frame.ts';
import { formatCount, formatInterval } from '../format.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';
import type { DemoStory, RiskPoint, StoryEventKind } from '../story.ts';

const EVENT_TONES: Readonly<Record<StoryEventKind, Tone>> = {
  promoted: 'green',
  shipped: 'orange',
  alarm: 'red',
  run_requested: 'purple',
  recovered: 'green',
  baseline: 'grey',
};

/** Robust risk along the stream, with what happened when. */
export function renderRisk(story: DemoStory): Html {
  const { risk, events, versions, sentinel } = story;
  const end = Math.max(1, ...risk.map(({ sample }) => sample), ...events.map(({ sample }) => sample));
  const confidence = risk[0]?.risk.confidence ?? 0.95;
  return html`<h2>Robust risk while it served</h2>
    <p class="soft">
      How far production inputs were from being misread: 0 when no attack within the budget succeeds, 1 when
      the model misreads an input that was not even changed.
    </p>
    <div class="card">
      ${lineChart({
        title: `Risk of ${sentinel} per sample`,
        description: describe(story, end),
        xLabel: 'samples folded',
        yLabel: 'risk (mean loss)',
        xFormat: formatCount,
        xDomain: [0, end],
        yDomain: [0, 1],
        series: riskSeries(risk, `${Number((100 * confidence).toPrecision(6))} % interval`),
        events: events.map(({ sample, label, kind }): ChartEvent => ({
          x: sample,
          label,
          tone: EVENT_TONES[kind],
        })),
        spans: versions.map((version, i): ChartSpan => ({
          from: version.sinceSample,
          to: versions[i + 1]?.sinceSample ?? end,
          label: `v${version.version} ${version.name}`,
          tone: version.arrival === 'gated' ? 'green' : version.arrival === 'first' ? 'grey' : 'orange',
        })),
        height: 380,
      })}
    </div>`;
}

function riskSeries(risk: readonly RiskPoint[], bandName: string): readonly LineSeries[] {
  return [
    {
      name: 'risk',
      tone: 'blue',
      bandName,
      points: risk.flatMap((point, i) => [
        // A new version is a new quantity: no line leads from one to the other.
        ...(i > 0 && risk[i - 1]!.version !== point.version ? [{ x: point.sample, y: Number.NaN }] : []),
        {
          x: point.sample,
          y: point.risk.value,
          lower: point.risk.lower,
          upper: point.risk.upper,
          note: `sample ${point.sample}, v${point.version}: ${formatInterval(point.risk)}, ${point.verdict}`,
        },
      ]),
    },
    {
      name: 'limit',
      tone: 'red',
      dashed: true,
      shape: 'step',
      points: risk.map(({ sample, limit }) => ({ x: sample, y: limit })),
    },
    {
      name: 'baseline, upper bound',
      tone: 'grey',
      dashed: true,
      shape: 'step',
      points: risk.some(({ baselineUpper }) => baselineUpper !== undefined)
        ? risk.map(({ sample, baselineUpper }) => ({ x: sample, y: baselineUpper ?? Number.NaN }))
        : [],
    },
  ];
}

function describe({ events, risk }: DemoStory, end: number): string {
  const what = events.map(({ sample, label }) => `${label} at sample ${sample}`).join('; ');
  const last = risk.at(-1);
  const close = last === undefined ? '' : ` At the end the risk is ${formatInterval(last.risk)}.`;
  return `Risk over ${end} samples. ${what}.${close}`;
}
