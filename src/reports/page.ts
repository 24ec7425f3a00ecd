import type { Interval } from '../domain/interval.ts';
import type { Tone } from './chart/frame.ts';
import { formatBasis, formatPercentInterval } from './format.ts';
import { Html, html } from './html.ts';
import type { HtmlValue } from './html.ts';
import { STYLE } from './style.ts';

/** A whole page. Nothing is loaded from anywhere: no script, no font, no image that is not inside. */
export function renderPage({ title, body }: { readonly title: string; readonly body: HtmlValue }): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <title>${title}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `;
  return page.markup;
}

export function badge(text: string, tone: Tone): Html {
  return html`<span class="badge tone-${tone}">${text}</span>`;
}

/** A figure to remember: the value large, what it is above, how sure below. */
export function tile(parts: {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone: Tone;
}): Html {
  return html`<div class="tile tone-${parts.tone}">
    <span>${parts.name}</span><b>${parts.value}</b><span>${parts.note}</span>
  </div>`;
}

export interface TableColumn {
  readonly title: string;
  readonly numeric?: boolean;
}

export function table(columns: readonly TableColumn[], rows: readonly (readonly HtmlValue[])[]): Html {
  const kind = (i: number): string => (columns[i]?.numeric === true ? 'number' : 'text');
  return html`<div class="table-scroll">
    <table>
      <thead>
        <tr>
          ${columns.map(({ title }, i) => html`<th class="${kind(i)}" scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, i) => html`<td class="${kind(i)}">${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** A share with its interval: the figures, and the same as a small scale from 0 to 100 %. */
export function shareCell(interval: Interval, tone: Tone): Html {
  const at = (share: number): string => `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  return html`<span title="${formatBasis(interval)}">${formatPercentInterval(interval)}</span>
    <span class="meter tone-${tone}" aria-hidden="true"
      ><i style="left:${at(interval.lower)};width:${at(interval.upper - interval.lower)}"></i
      ><b style="left:${at(interval.value)}"></b
    ></span>`;
}
