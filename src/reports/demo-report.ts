import { renderAlarm } from './demo/alarm.ts';
import { renderEvaluation, renderVersions } from './demo/versions.ts';
import { renderRisk } from './demo/risk.ts';
import { renderRun } from './demo/runs.ts';
import { durationBars } from './chart/duration-bars.ts';
import { formatCount, formatNumber, formatPercent, formatSeconds, formatWords } from './format.ts';
import { renderGallery } from './gallery.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { badge, renderPage, table, tile } from './page.ts';
import type { DemoStory } from './story.ts';

/** The demo's story as one self-contained HTML page: what happened, in order, with how sure each number is. */
export function renderDemoReport(story: DemoStory): string {
  const body = html`
    ${renderHead(story)} ${renderRisk(story)} ${story.alarm !== null && renderAlarm(story.alarm)}
    ${renderVersions(story)} ${story.galleries.length > 0 && renderGalleries(story)}
    ${
      story.runs.length > 0 &&
      html`<h2>How it was hardened</h2>
        ${story.runs.map((run) => renderRun(run, story.threatModel))}`
    }
    ${story.evaluation !== undefined && renderEvaluation(story.evaluation, story.threatModel)}
    ${renderWork(story)} ${renderFoot(story)}
  `;
  return renderPage({ title: `Temper: ${story.scenario}`, body });
}

function renderHead(story: DemoStory): Html {
  const { norm, epsilon } = story.threatModel;
  const verdict = badge(story.finalVerdict, story.finalVerdict === 'ok' ? 'green' : 'red');
  return html`<header>
      <h1>${formatWords(story.scenario.replaceAll('-', ' '))}</h1>
      <p class="facts">
        Model <b>${story.model}</b>, ${norm} perturbations up to ${epsilon}, seed ${story.seed}, engine
        ${story.engine}, ${new Date(story.startedAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC,
        ${formatSeconds(story.seconds)}
      </p>
      <p class="lead">${summary(story)} Final verdict: ${verdict}</p>
    </header>
    <div class="tiles">${tiles(story)}</div>`;
}

/** The story in three sentences. */
function summary({ versions, alarm, recovered }: DemoStory): string {
  const [first] = versions;
  const hardened = versions.find(({ arrival }) => arrival === 'gated');
  const last = versions.at(-1);
  const share = (version: typeof first): string =>
    version === undefined ? '' : formatPercent(version.robustAccuracy.value);
  const parts = [
    first !== undefined && `The first version withstood the attacks on ${share(first)} of the inputs.`,
    hardened !== undefined && hardened !== last && `Hardening raised that to ${share(hardened)}.`,
    alarm !== null &&
      `A later change degraded it and was noticed after ${formatCount(alarm.samplesSinceChange)} samples, cause: ${formatWords(alarm.cause)}.`,
    recovered && last !== undefined && `After retraining, version ${last.version} withstands ${share(last)}.`,
  ];
  return parts.filter((part) => part !== false).join(' ');
}

function tiles({ versions, alarm, evaluation, recovered, counts }: DemoStory): readonly Html[] {
  const last = versions.at(-1);
  const clean = evaluation?.cleanAccuracy ?? last?.cleanAccuracy;
  const robust = evaluation?.worstCase ?? last?.robustAccuracy;
  const range = ({ lower, upper, n }: { lower: number; upper: number; n: number }): string =>
    `${(100 * lower).toFixed(1)} to ${(100 * upper).toFixed(1)} %, n = ${formatCount(n)}`;
  return [
    ...(clean === undefined
      ? []
      : [
          tile({
            name: 'clean accuracy at the end',
            value: formatPercent(clean.value),
            note: range(clean),
            tone: 'blue',
          }),
        ]),
    ...(robust === undefined
      ? []
      : [
          tile({
            name: 'robust accuracy at the end',
            value: formatPercent(robust.value),
            note: range(robust),
            tone: 'green',
          }),
        ]),
    alarm === null
      ? tile({ name: 'alarm', value: 'none', note: 'nothing degraded', tone: 'grey' })
      : tile({
          name: 'alarm after the change',
          value: `${formatCount(alarm.samplesSinceChange)} samples`,
          note: `cause: ${formatWords(alarm.cause)}`,
          tone: 'red',
        }),
    tile({
      name: 'recovered',
      value: recovered ? 'yes' : 'no',
      note: `${formatCount(counts.probes)} probes on ${formatCount(counts.sampled)} samples`,
      tone: recovered ? 'green' : 'red',
    }),
  ];
}

function renderGalleries({ galleries }: DemoStory): Html {
  return html`<h2>What the attacks did</h2>
    <p class="soft">
      Each trio: the input as it came, what was changed (red raised, blue lowered, magnified), and the input
      after the attack. Below, how the served model reads both.
    </p>
    ${galleries.map((gallery) => html`<div class="card">${renderGallery(gallery)}</div>`)}`;
}

function renderWork({ counts, timings, seconds }: DemoStory): Html {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['events streamed', counts.events],
    ['samples taken', counts.sampled],
    ['probes run', counts.probes],
    ['queries to the served model', counts.servedQueries],
    ['dead letters', counts.deadLetters],
  ];
  const known = rows.filter((row): row is readonly [string, number] => row[1] !== undefined);
  return html`<h2>The work behind it</h2>
    <div class="columns">
      <div class="card">
        ${table(
          [{ title: 'counted' }, { title: 'number', numeric: true }],
          known.map(([name, count]) => [name, formatCount(count)]),
        )}
      </div>
      ${
        timings.length > 0 &&
        html`<div class="card">
          ${durationBars(
            {
              title: `Where ${formatSeconds(seconds)} went`,
              description: timings.map((one) => `${one.phase} ${formatSeconds(one.seconds)}`).join(', '),
            },
            timings.map(({ phase, seconds: length }) => ({ name: phase, seconds: length })),
            'blue',
          )}
        </div>`
      }
    </div>`;
}

function renderFoot({ seed, engine, threatModel, sentinel }: DemoStory): Html {
  return html`<footer>
    <p>
      Intervals of accuracies are Clopper-Pearson; the risk is the mean loss 1 − min(d, ε)/ε of the sentinel
      <code>${sentinel}</code>, d the smallest distance at which the served model changed its answer, ε =
      ${formatNumber(threatModel.epsilon)}. The same command with seed ${seed} on the engine ${engine} gives
      the same accuracies, alarm and cause.
    </p>
  </footer>`;
}
