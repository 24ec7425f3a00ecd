import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { axes, figure, px, textWidth } from './frame.ts';
import type { Box, ChartText, LegendEntry, Tone } from './frame.ts';
import { createScale, extent } from './scale.ts';
import type { Scale } from './scale.ts';

export interface LinePoint {
  readonly x: number;
  /** Not finite: a gap. */
  readonly y: number;
  /** Ends of the confidence interval, drawn as a band. */
  readonly lower?: number;
  readonly upper?: number;
  /** Shown when the pointer rests on the point. */
  readonly note?: string;
}

export interface LineSeries {
  readonly name: string;
  readonly tone: Tone;
  readonly points: readonly LinePoint[];
  /** `step` holds a value until the next point. Default `line`. */
  readonly shape?: 'line' | 'step';
  readonly dashed?: boolean;
  /** Marks every point. */
  readonly dots?: boolean;
  /** What the band is, for the legend: `99 % confidence sequence`. */
  readonly bandName?: string;
}

/** A vertical marker: something happened at x. */
export interface ChartEvent {
  readonly x: number;
  readonly label: string;
  readonly tone: Tone;
}

/** A stretch of the x axis with a name: which version served. */
export interface ChartSpan {
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly tone: Tone;
}

export interface LineChartOptions extends ChartText {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly LineSeries[];
  readonly events?: readonly ChartEvent[];
  readonly spans?: readonly ChartSpan[];
  readonly xDomain?: readonly [number, number];
  readonly yDomain?: readonly [number, number];
  readonly xFormat?: (value: number) => string;
  readonly yFormat?: (value: number) => string;
  readonly width?: number;
  readonly height?: number;
}

const EVENT_ROW = 18;
const SPAN_ROW = 22;

/** Lines over a common x axis, with confidence bands, event markers and named stretches. */
export function lineChart(options: LineChartOptions): Html {
  const { width = 960, height = 340, series, events = [], spans = [] } = options;
  const points = series.flatMap((one) => one.points);
  const xDomain = options.xDomain ?? extent([...points.map(({ x }) => x), ...events.map(({ x }) => x)]);
  const left = 62;
  const right = 16;
  const xScale = createScale({
    domain: xDomain,
    pixels: [left, width - right],
    tickCount: Math.round(width / 90),
  });
  const flags = placeFlags(events, xScale, width);
  const flagRoom = EVENT_ROW * (1 + Math.max(-1, ...flags.map(({ row }) => row)));
  const top = 8 + flagRoom + (spans.length > 0 ? SPAN_ROW + 6 : 0);
  const box: Box = { width, height: height + flagRoom, left, right, top, bottom: 48 };
  const yScale = createScale({
    domain: options.yDomain ?? extent(points.flatMap(({ y, lower, upper }) => [y, lower ?? y, upper ?? y])),
    pixels: [box.height - box.bottom, top],
    tickCount: 5,
    nice: options.yDomain === undefined,
  });
  const scales = { x: xScale, y: yScale };
  const drawing = [
    axes(
      box,
      { scale: xScale, label: options.xLabel, ...(options.xFormat && { format: options.xFormat }) },
      { scale: yScale, label: options.yLabel, ...(options.yFormat && { format: options.yFormat }) },
    ),
    spans.map((span) => drawSpan(span, xScale, { box, y: 4 + flagRoom })),
    series.map((one) => drawBand(one, scales)),
    flags.map((flag) => drawFlag(flag, box)),
    series.map((one) => drawLine(one, scales)),
  ];
  return figure(options, box, { legend: series.flatMap(legendEntries), drawing });
}

interface Scales {
  readonly x: Scale;
  readonly y: Scale;
}

function legendEntries({ name, tone, dashed, bandName, points }: LineSeries): readonly LegendEntry[] {
  if (points.length === 0) return [];
  const line: LegendEntry = { name, tone, mark: dashed === true ? 'dashed' : 'line' };
  return bandName === undefined ? [line] : [line, { name: bandName, tone, mark: 'band' }];
}

/** Stretches of consecutive points that have a value. */
function stretches(points: readonly LinePoint[]): readonly (readonly LinePoint[])[] {
  const found: LinePoint[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point.y)) found.at(-1)!.push(point);
    else if (found.at(-1)!.length > 0) found.push([]);
  }
  return found.filter((stretch) => stretch.length > 0);
}

function drawLine(series: LineSeries, scales: Scales): Html {
  const paths = stretches(series.points).map((stretch) => {
    const moves = stretch.map(({ x, y }, i) =>
      pathStep(series, { x: px(scales.x.at(x)), y: px(scales.y.at(y)) }, i),
    );
    return html`<path class="line${series.dashed === true ? ' dashed' : ''}" d="${moves.join('')}" />`;
  });
  const dots = series.points.filter(
    ({ y, note }) => Number.isFinite(y) && (series.dots === true || note !== undefined),
  );
  return html`<g class="tone-${series.tone}"
    >${paths}${dots.map((point) => drawDot(point, series, scales))}</g
  >`;
}

function pathStep(series: LineSeries, at: { x: number; y: number }, index: number): string {
  if (index === 0) return `M${at.x} ${at.y}`;
  return series.shape === 'step' ? `H${at.x}V${at.y}` : `L${at.x} ${at.y}`;
}

function drawDot({ x, y, note }: LinePoint, series: LineSeries, scales: Scales): Html {
  const dot = series.dots === true ? 'dot' : 'dot hidden';
  const title = note === undefined ? undefined : html`<title>${note}</title>`;
  return html`<circle
    class="${dot}"
    cx="${px(scales.x.at(x))}"
    cy="${px(scales.y.at(y))}"
    r="${series.dots === true ? 3.5 : 7}"
    >${title}</circle
  >`;
}

function drawBand(series: LineSeries, scales: Scales): Html | undefined {
  const bands = stretches(series.points).map((stretch) => {
    const banded = stretch.filter(({ lower, upper }) => lower !== undefined && upper !== undefined);
    if (banded.length < 2) return undefined;
    const at = ({ x }: LinePoint, y: number): string => `${px(scales.x.at(x))} ${px(scales.y.at(y))}`;
    const above = banded.map((point) => at(point, point.upper!));
    const below = banded.map((point) => at(point, point.lower!)).reverse();
    return html`<path class="band" d="M${[...above, ...below].join('L')}Z" />`;
  });
  return html`<g class="tone-${series.tone}">${bands}</g>`;
}

interface Flag extends ChartEvent {
  /** Pixels. */
  readonly at: number;
  readonly row: number;
  /** Where the label begins. */
  readonly labelX: number;
}

/** Puts labels in the first row in which they do not touch an earlier one; labels near the right edge hang to the left. */
function placeFlags(events: readonly ChartEvent[], x: Scale, width: number): readonly Flag[] {
  const taken: [number, number][][] = [];
  const sorted = [...events].sort((a, b) => a.x - b.x);
  return sorted.map((event) => {
    const at = x.at(event.x);
    const length = textWidth(event.label) + 18;
    const from = at + length > width ? at - length : at;
    const isFree = (row: readonly [number, number][]): boolean =>
      row.every(([a, b]) => from + length <= a || from >= b);
    const found = taken.findIndex(isFree);
    const row = found === -1 ? taken.length : found;
    (taken[row] ??= []).push([from, from + length]);
    return { ...event, at: px(at), row, labelX: px(from) };
  });
}

function drawFlag({ at, row, labelX, label, tone }: Flag, box: Box): Html {
  const y = 2 + EVENT_ROW * row;
  const width = px(textWidth(label) + 12);
  return html`<g class="flag tone-${tone}"
    ><line x1="${at}" x2="${at}" y1="${y}" y2="${box.height - box.bottom}" /><rect
      x="${labelX}"
      y="${y}"
      width="${width}"
      height="15"
      rx="3"
    /><text x="${px(labelX + width / 2)}" y="${y + 11.5}" text-anchor="middle">${label}</text></g
  >`;
}

function drawSpan(span: ChartSpan, x: Scale, place: { box: Box; y: number }): Html {
  const from = x.at(span.from);
  const width = Math.max(0, x.at(span.to) - from);
  const room = Math.floor((width - 8) / 7.1);
  const label = span.label.length <= room ? span.label : room > 2 ? `${span.label.slice(0, room - 1)}…` : '';
  const bottom = place.box.height - place.box.bottom;
  return html`<g class="span tone-${span.tone}"
    ><title>${span.label}</title
    ><rect
      class="wash"
      x="${px(from)}"
      y="${place.y}"
      width="${px(width)}"
      height="${px(bottom - place.y)}"
    /><rect
      class="strip"
      x="${px(from + 1)}"
      y="${place.y}"
      width="${px(Math.max(0, width - 2))}"
      height="${SPAN_ROW - 2}"
      rx="3"
    /><text x="${px(from + width / 2)}" y="${place.y + 14}" text-anchor="middle">${label}</text></g
  >`;
}
