import type { Interval } from '../../domain/interval.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { axes, figure, px, textWidth } from './frame.ts';
import type { Box, ChartText, Tone } from './frame.ts';
import { createScale, extent } from './scale.ts';
import type { Scale } from './scale.ts';

export interface ScatterPoint {
  readonly x: Interval;
  readonly y: Interval;
  readonly label: string;
  readonly tone: Tone;
}

export interface ScatterChartOptions extends ChartText {
  /** In order: a thin arrow leads from each to the next. */
  readonly points: readonly ScatterPoint[];
  readonly xLabel: string;
  readonly yLabel: string;
  readonly format: (value: number) => string;
  readonly yDomain?: readonly [number, number];
  readonly width?: number;
  readonly height?: number;
}

/** Two measures of the same thing against each other, each point with both intervals. */
export function scatterChart(options: ScatterChartOptions): Html {
  const { points, width = 470, height = 340 } = options;
  const box: Box = { width, height, left: 62, right: 20, top: 14, bottom: 48 };
  const xExtent = extent(points.flatMap(({ x }) => [x.lower, x.upper]));
  const x = createScale({ domain: xExtent, pixels: [box.left, width - box.right], tickCount: 4, nice: true });
  const y = createScale({
    domain: options.yDomain ?? extent(points.flatMap((point) => [point.y.lower, point.y.upper])),
    pixels: [height - box.bottom, box.top],
    tickCount: 5,
    nice: options.yDomain === undefined,
  });
  const drawing = [
    axes(
      box,
      { scale: x, label: options.xLabel, format: options.format },
      { scale: y, label: options.yLabel, format: options.format },
    ),
    html`<defs
      ><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"
        ><path class="arrow-head" d="M0 0L8 4L0 8Z" /></marker
    ></defs>`,
    points.slice(1).map((point, i) => drawArrow(points[i]!, point, { x, y })),
    points.map((point) => drawPoint(point, { x, y })),
    placeLabels(points, { x, y }, box).map(drawLabel),
  ];
  return figure(options, box, { legend: [], drawing });
}

/** From near one point to near the next, so that the marks stay readable. */
function drawArrow(from: ScatterPoint, to: ScatterPoint, { x, y }: { x: Scale; y: Scale }): Html | undefined {
  const start = { x: x.at(from.x.value), y: y.at(from.y.value) };
  const end = { x: x.at(to.x.value), y: y.at(to.y.value) };
  const length = Math.hypot(end.x - start.x, end.y - start.y);
  if (length < 24) return undefined;
  const toward = (share: number): string =>
    `${px(start.x + (end.x - start.x) * share)} ${px(start.y + (end.y - start.y) * share)}`;
  return html`<path
    class="arrow"
    d="M${toward(9 / length)}L${toward(1 - 9 / length)}"
    marker-end="url(#arrow)"
  />`;
}

function drawPoint({ x: ix, y: iy, tone }: ScatterPoint, { x, y }: { x: Scale; y: Scale }): Html {
  const at = { x: px(x.at(ix.value)), y: px(y.at(iy.value)) };
  return html`<g class="point tone-${tone}"
    ><path
      class="whisker"
      d="M${px(x.at(ix.lower))} ${at.y}H${px(x.at(ix.upper))}M${at.x} ${px(y.at(iy.lower))}V${px(y.at(iy.upper))}" /><circle
      cx="${at.x}"
      cy="${at.y}"
      r="5.5"
  /></g>`;
}

interface PlacedLabel {
  readonly text: string;
  /** Left end and baseline, pixels. */
  readonly x: number;
  readonly y: number;
}

const LABEL_HEIGHT = 14;

/** Each label beside its point: the first of four corners that is inside the box and touches no earlier label or point. */
function placeLabels(
  points: readonly ScatterPoint[],
  { x, y }: { x: Scale; y: Scale },
  box: Box,
): readonly PlacedLabel[] {
  const centres = points.map((point) => ({ x: x.at(point.x.value), y: y.at(point.y.value) }));
  const placed: PlacedLabel[] = [];
  points.forEach(({ label }, i) => {
    const { x: cx, y: cy } = centres[i]!;
    const width = textWidth(label);
    const corners = [
      { text: label, x: cx + 9, y: cy - 9 },
      { text: label, x: cx - 9 - width, y: cy - 9 },
      { text: label, x: cx + 9, y: cy + 20 },
      { text: label, x: cx - 9 - width, y: cy + 20 },
    ];
    const isFree = (spot: PlacedLabel): boolean =>
      spot.x >= box.left &&
      spot.x + width <= box.width - box.right &&
      placed.every(
        (other) =>
          Math.abs(other.y - spot.y) >= LABEL_HEIGHT ||
          other.x + textWidth(other.text) <= spot.x ||
          spot.x + width <= other.x,
      ) &&
      centres.every(
        (point) =>
          point.x < spot.x - 5 || point.x > spot.x + width + 5 || Math.abs(point.y - spot.y + 4) > 11,
      );
    placed.push(corners.find(isFree) ?? corners[0]!);
  });
  return placed;
}

function drawLabel({ text, x, y }: PlacedLabel): Html {
  return html`<text class="point-label" x="${px(x)}" y="${px(y)}">${text}</text>`;
}
