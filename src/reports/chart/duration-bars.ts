import { formatSeconds } from '../format.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { figure, px } from './frame.ts';
import type { ChartText, Tone } from './frame.ts';

export interface Duration {
  readonly name: string;
  readonly seconds: number;
}

const ROW = 24;

/** Where the time went: one horizontal bar each, begun where the one before ended. */
export function durationBars(text: ChartText, durations: readonly Duration[], tone: Tone): Html {
  const width = 470;
  const left = 150;
  const room = width - left - 72;
  const total = durations.reduce((sum, { seconds }) => sum + seconds, 0) || 1;
  let before = 0;
  const rows = durations.map(({ name, seconds }, i) => {
    const x = left + (before / total) * room;
    const length = Math.max(1.5, (seconds / total) * room);
    before += seconds;
    const y = i * ROW + 4;
    return html`<text class="group" x="${left - 10}" y="${y + 12}" text-anchor="end">${name}</text
      ><rect class="track" x="${left}" y="${y + 2}" width="${room}" height="12" rx="3" /><rect
        class="fill"
        x="${px(x)}"
        y="${y + 2}"
        width="${px(length)}"
        height="12"
        rx="3"
      /><text class="tick" x="${px(x + length + 6)}" y="${y + 12}">${formatSeconds(seconds)}</text>`;
  });
  const drawing = html`<g class="durations tone-${tone}">${rows}</g>`;
  return figure(text, { width, height: durations.length * ROW + 8 }, { legend: [], drawing });
}
