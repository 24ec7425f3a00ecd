import { formatCount, formatInterval, formatNumber, formatWords } from '../format.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { badge, table } from '../page.ts';
import type { StoryAlarm } from '../story.ts';

/** The alarm: what, since when, why, and what was measured to say so. */
export function renderAlarm(alarm: StoryAlarm): Html {
  const baseline =
    alarm.baselineUpper === undefined ? '' : `, baseline at most ${formatNumber(alarm.baselineUpper)}`;
  return html`<h2>The alarm</h2>
    <div class="card">
      <p>
        ${badge(alarm.verdict, 'red')} ${badge(`cause: ${formatWords(alarm.cause)}`, 'orange')}
        <b>version ${alarm.version}</b>, at sample ${formatCount(alarm.sample)},
        ${formatCount(alarm.samplesSinceChange)} samples after the change
      </p>
      <p>
        Risk of <code>${alarm.recipe}</code>: ${formatInterval(alarm.risk)} at
        ${Number((100 * alarm.risk.confidence).toPrecision(6))} % confidence${baseline}, limit
        ${formatNumber(alarm.limit)}.
      </p>
      ${
        alarm.evidence.length > 0 &&
        table(
          [{ title: 'evidence' }, { title: 'finding' }, { title: 'measured', numeric: true }],
          alarm.evidence.map(({ name, finding, value }) => [name, finding, value]),
        )
      }
      <p class="facts">alarm <code>${alarm.id}</code></p>
    </div>`;
}
