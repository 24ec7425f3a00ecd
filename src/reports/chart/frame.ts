import { html } from '../html.ts';
import type { Html, HtmlValue } from '../html.ts';
import { formatNumber } from '../format.ts';
import type { Scale } from './scale.ts';

/** Colours by meaning; the page's style sheet gives each a light and a dark shade. */
export type Tone = 'blue' | 'orange' | 'green' | 'purple' | 'red' | 'grey';

export interface Box {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** What every chart says about itself: the heading above it, and a sentence for those who cannot see it. */
export interface ChartText {
  readonly title: string;
  readonly description: string;
}

export interface LegendEntry {
  readonly name: string;
  readonly tone: Tone;
  readonly mark: 'line' | 'dashed' | 'band' | 'bar' | 'dot';
}

/** Width in pixels of a text at 12 px, near enough to keep labels apart. */
export function textWidth(text: string): number {
  return 7.1 * text.length;
}

/** A coordinate with two decimals: a tenth of the bytes, no visible difference. */
export function px(value: number): number {
  return Math.round(100 * value) / 100;
}

/** A chart as a figure: title, legend, drawing. */
export function figure(
  text: ChartText,
  box: Pick<Box, 'width' | 'height'>,
  parts: { readonly legend: readonly LegendEntry[]; readonly drawing: HtmlValue },
): Html {
  return html`<figure class="chart">
    <figcaption>
      <span class="chart-title">${text.title}</span>
      ${legendOf(parts.legend)}
    </figcaption>
    <div class="chart-scroll">
      <svg
        viewBox="0 0 ${box.width} ${box.height}"
        role="img"
        style="min-width:${Math.round(box.width * 0.62)}px"
      >
        <title>${text.title}</title>
        <desc>${text.description}</desc>
        ${parts.drawing}
      </svg>
    </div>
  </figure>`;
}

export interface Axis {
  readonly scale: Scale;
  /** With its unit: `clean accuracy (%)`. */
  readonly label: string;
  readonly format?: (value: number) => string;
}

/** Grid lines, tick labels and axis titles. */
export function axes(box: Box, x: Axis | undefined, y: Axis): Html {
  const bottom = box.height - box.bottom;
  const right = box.width - box.right;
  const rows = y.scale.ticks.map((tick) => {
    const at = px(y.scale.at(tick));
    return html`<line class="grid" x1="${box.left}" x2="${right}" y1="${at}" y2="${at}" /><text
        class="tick"
        x="${box.left - 8}"
        y="${at}"
        dy="0.32em"
        text-anchor="end"
        >${(y.format ?? formatNumber)(tick)}</text
      >`;
  });
  const columns = (x?.scale.ticks ?? []).map((tick) => {
    const at = px(x!.scale.at(tick));
    return html`<line class="axis" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}" /><text
        class="tick"
        x="${at}"
        y="${bottom + 18}"
        text-anchor="middle"
        >${(x!.format ?? formatNumber)(tick)}</text
      >`;
  });
  const middle = px((box.top + bottom) / 2);
  return html`${rows}<line
      class="axis"
      x1="${box.left}"
      x2="${right}"
      y1="${bottom}"
      y2="${bottom}"
    />${columns}<text class="axis-title" transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle"
      >${y.label}</text
    >${x !== undefined && html`<text class="axis-title" x="${px((box.left + right) / 2)}" y="${bottom + 38}" text-anchor="middle">${x.label}</text>`}`;
}

function legendOf(entries: readonly LegendEntry[]): Html | undefined {
  if (entries.length === 0) return undefined;
  return html`<span class="legend"
    >${entries.map(
      ({ name, tone, mark }) =>
        html`<span class="legend-entry tone-${tone}"><i class="mark-${mark}"></i>${name}</span>`,
    )}</span
  >`;
}
