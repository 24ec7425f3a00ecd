import type { Interval } from '../../domain/interval.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { axes, figure, px, textWidth } from './frame.ts';
import type { Box, ChartText, Tone } from './frame.ts';
import { createScale } from './scale.ts';
import type { Scale } from './scale.ts';

export interface BarSeries {
  readonly name: string;
  readonly tone: Tone;
  /** One per group; undefined where nothing was measured. */
  readonly values: readonly (Interval | undefined)[];
}

export interface BarGroup {
  readonly name: string;
  readonly note?: string;
  /** Instead of the series' own. */
  readonly tone?: Tone;
}

export interface BarChartOptions extends ChartText {
  readonly groups: readonly BarGroup[];
  readonly series: readonly BarSeries[];
  readonly yLabel: string;
  readonly yDomain: readonly [number, number];
  readonly format: (value: number) => string;
  /** Value above a bar, where room is short. Default: `format`. */
  readonly labelFormat?: (value: number) => string;
  readonly width?: number;
  readonly height?: number;
}

/** Bars side by side in groups, each with its interval as an error bar and its value above. */
export function barChart(options: BarChartOptions): Html {
  const { width = 960, height = 300, groups, series } = options;
  const box: Box = { width, height, left: 62, right: 16, top: 22, bottom: 52 };
  const y = createScale({ domain: options.yDomain, pixels: [height - box.bottom, box.top], tickCount: 5 });
  const groupWidth = (width - box.left - box.right) / Math.max(1, groups.length);
  const barWidth = Math.min(64, (groupWidth * 0.72) / Math.max(1, series.length));
  const bars = groups.flatMap((group, g) => {
    const middle = box.left + groupWidth * (g + 0.5);
    const first = middle - (barWidth * series.length) / 2;
    return [
      ...series.map((one, s) => {
        const value = one.values[g];
        return (
          value &&
          drawBar(
            value,
            { ...one, tone: group.tone ?? one.tone },
            {
              x: first + s * barWidth,
              width: barWidth,
              y,
              format: options.format,
              label: options.labelFormat ?? options.format,
            },
          )
        );
      }),
      groupLabel(group, middle, { box, room: groupWidth }),
    ];
  });
  const drawing = [axes(box, undefined, { scale: y, label: options.yLabel, format: options.format }), bars];
  const named = series.length > 1 ? series : [];
  const legend = named.map(({ name, tone }) => ({ name, tone, mark: 'bar' }) as const);
  return figure(options, box, { legend, drawing });
}

function drawBar(
  value: Interval,
  { name, tone }: BarSeries,
  place: {
    x: number;
    width: number;
    y: Scale;
    format: (value: number) => string;
    label: (value: number) => string;
  },
): Html {
  const { y, format, label } = place;
  const x = place.x + 3;
  const width = place.width - 6;
  const middle = px(x + width / 2);
  const [top, base] = [px(y.at(value.value)), px(y.at(y.domain[0]))];
  const [high, low] = [px(y.at(value.upper)), px(y.at(value.lower))];
  const note = `${name}: ${format(value.value)} [${format(value.lower)}, ${format(value.upper)}], n = ${value.n}`;
  return html`<g class="bar tone-${tone}"
    ><title>${note}</title
    ><rect
      x="${px(x)}"
      y="${top}"
      width="${px(width)}"
      height="${px(Math.max(0.5, base - top))}"
      rx="2"
    /><path
      class="whisker"
      d="M${middle} ${high}V${low}M${middle - 5} ${high}h10M${middle - 5} ${low}h10"
    /><text x="${middle}" y="${px(high - 6)}" text-anchor="middle">${label(value.value)}</text></g
  >`;
}

function groupLabel(
  { name, note }: BarGroup,
  middle: number,
  { box, room }: { box: Box; room: number },
): Html {
  const bottom = box.height - box.bottom;
  const cut = (text: string): string =>
    textWidth(text) > room ? `${text.slice(0, Math.max(1, Math.floor(room / 7.1) - 1))}…` : text;
  return html`<text class="group" x="${px(middle)}" y="${bottom + 19}" text-anchor="middle">${cut(name)}</text
    >${note !== undefined && html`<text class="tick" x="${px(middle)}" y="${bottom + 36}" text-anchor="middle">${cut(note)}</text>`}`;
}
