import type { EvaluationResult } from '../evaluation/result.ts';
import { barChart } from './chart/bar-chart.ts';
import type { Tone } from './chart/frame.ts';
import {
  formatBasis,
  formatCount,
  formatNumber,
  formatPercent,
  formatPercentInterval,
  formatSeconds,
  formatWords,
} from './format.ts';
import { renderGallery } from './gallery.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { badge, renderPage, shareCell, table, tile } from './page.ts';
import type { AdversarialExample } from './story.ts';

/** What one recipe did to some inputs. */
export interface ExampleGroup {
  readonly recipe: string;
  /** Inputs that it broke, in all. */
  readonly broken: number;
  readonly inputShape: readonly number[];
  readonly range: readonly [number, number];
  readonly examples: readonly AdversarialExample[];
}

/** A result.json as a self-contained page: the verdict first, then each attack, then pictures, then how it was measured. */
export function renderEvaluationReport(
  result: EvaluationResult,
  examples: readonly ExampleGroup[] = [],
): string {
  const body = html`${renderHead(result)} ${renderAttacks(result)} ${renderSuites(result)}
  ${renderCorruptions(result)} ${renderMasking(result)} ${examples.length > 0 && renderExamples(examples)}
  ${renderProvenance(result)}`;
  return renderPage({ title: `Temper evaluation: ${result.data.name}`, body });
}

function renderHead(result: EvaluationResult): Html {
  const {
    data,
    threat_model: threat,
    clean_accuracy: clean,
    worst_case: worst,
    certified_accuracy: certified,
  } = result;
  const under = `${threat.norm} ${formatNumber(threat.epsilon)}`;
  const broke =
    worst === undefined
      ? ''
      : ` At least one attack broke ${formatPercent(clean.value - worst.value)} of all inputs.`;
  return html`<header>
      <h1>Robustness evaluation</h1>
      <p class="facts">
        Data ${data.name}, ${formatCount(data.samples)} inputs, perturbations up to ${under}, seed
        ${result.seed}, engine ${result.engine}
      </p>
      <p class="lead">
        The model reads ${formatPercent(clean.value)} of the inputs
        right${worst !== undefined && html`, and ${formatPercent(worst.value)} whatever the ${result.attacks.length} attacks tried`}.${broke}
      </p>
    </header>
    <div class="tiles">
      ${tile({ name: 'clean accuracy', value: formatPercent(clean.value), note: limits(clean), tone: 'blue' })}
      ${worst !== undefined && tile({ name: `robust accuracy, ${under}`, value: formatPercent(worst.value), note: limits(worst), tone: 'green' })}
      ${certified !== undefined && tile({ name: 'certified accuracy', value: formatPercent(certified.value), note: limits(certified), tone: 'purple' })}
      ${result.masking !== undefined && tile({ name: 'gradient masking', value: result.masking, note: 'whether attacks were misled', tone: MASKING_TONES[result.masking] })}
    </div>`;
}

const MASKING_TONES: Readonly<Record<NonNullable<EvaluationResult['masking']>, Tone>> = {
  none: 'green',
  caution: 'orange',
  masked: 'red',
};

function limits({ lower, upper, n }: EvaluationResult['clean_accuracy']): string {
  return `${(100 * lower).toFixed(1)} to ${(100 * upper).toFixed(1)} %, n = ${formatCount(n)}`;
}

function renderAttacks({ attacks, clean_accuracy: clean, worst_case: worst }: EvaluationResult): Html {
  if (attacks.length === 0) return html``;
  const groups = [
    { name: 'none', note: 'clean', tone: 'blue' as const },
    ...attacks.map(({ recipe }) => ({ name: recipe })),
    ...(worst === undefined ? [] : [{ name: 'worst of all', tone: 'red' as const }]),
  ];
  const values = [
    clean,
    ...attacks.map((attack) => attack.robust_accuracy),
    ...(worst === undefined ? [] : [worst]),
  ];
  const rows = attacks.map((attack) => [
    html`<code title="recipe ${attack.id}">${attack.recipe}</code
      >${attack.limits === 'own' && html` <span class="soft">(limits of its own)</span>`}`,
    shareCell(attack.robust_accuracy, 'green'),
    formatCount(attack.attacked),
    attack.median_distance === undefined ? 'none broken' : formatNumber(attack.median_distance),
    formatCount(attack.forward_queries),
    formatCount(attack.gradient_queries),
    formatSeconds(attack.seconds),
  ]);
  return html`<h2>What each attack left</h2>
    <div class="card">
      ${barChart({
        title: 'Accuracy under each attack',
        description: attacks
          .map((attack) => `${attack.recipe}: ${formatPercentInterval(attack.robust_accuracy)}`)
          .join('; '),
        groups,
        series: [{ name: 'accuracy', tone: 'green', values }],
        yLabel: 'accuracy',
        yDomain: [0, 1],
        format: (share) => `${Number((100 * share).toFixed(1))} %`,
      })}
    </div>
    <div class="card">
      ${table(
        [
          { title: 'attack' },
          { title: 'accuracy left' },
          { title: 'inputs attacked', numeric: true },
          { title: 'median distance', numeric: true },
          { title: 'forward queries', numeric: true },
          { title: 'gradients', numeric: true },
          { title: 'time', numeric: true },
        ],
        [
          [html`<b>none</b> (clean)`, shareCell(clean, 'blue'), '', '', '', '', ''],
          ...rows,
          ...(worst === undefined
            ? []
            : [[html`<b>worst of all</b>`, shareCell(worst, 'red'), '', '', '', '', '']]),
        ],
      )}
      <p class="facts">
        value [lower, upper], Clopper-Pearson; ${formatBasis(clean)}. An input counts as robust only if it is
        read right and no attack succeeds on it.
      </p>
    </div>`;
}

function renderSuites({ suites = [] }: EvaluationResult): Html {
  if (suites.length === 0) return html``;
  return html`<h2>What each suite left</h2>
    <div class="card">
      ${table(
        [
          { title: 'suite' },
          { title: 'version' },
          { title: 'accuracy left' },
          { title: 'recipes, in order' },
        ],
        suites.map(({ name, version, recipes, robust_accuracy }) => [
          html`<b>${name}</b>`,
          version,
          shareCell(robust_accuracy, 'red'),
          recipes.join(', '),
        ]),
      )}
    </div>`;
}

/** A heading, a line per corruption over the severities, and every figure in a table. */
function renderCorruptions({ corruptions, clean_accuracy: clean }: EvaluationResult): Html {
  if (corruptions === undefined) return html``;
  const { results, mean_accuracy: mean } = corruptions;
  const severities = [...new Set(results.map(({ severity }) => severity))].sort((a, b) => a - b);
  const names = [...new Set(results.map(({ corruption }) => corruption))];
  const accuracyOf = (name: string, severity: number): EvaluationResult['clean_accuracy'] | undefined =>
    results.find((one) => one.corruption === name && one.severity === severity)?.accuracy;
  const worst = severities.at(-1) ?? 5;
  const heaviest = names.flatMap((name) => {
    const value = accuracyOf(name, worst);
    return value === undefined ? [] : [{ name, value }];
  });
  return html`<h2>Common corruptions</h2>
    <p class="soft">
      What happens to inputs without an adversary, at severities 1 (slight) to 5 (heavy). Mean accuracy over
      all of them: ${formatPercent(mean)}; on clean inputs ${formatPercent(clean.value)}.
    </p>
    <div class="card">
      ${barChart({
        title: `Accuracy at severity ${worst}`,
        description: heaviest.map(({ name, value }) => `${name}: ${formatPercentInterval(value)}`).join('; '),
        groups: heaviest.map(({ name }) => ({ name })),
        series: [{ name: 'accuracy', tone: 'blue', values: heaviest.map(({ value }) => value) }],
        yLabel: 'accuracy',
        yDomain: [0, 1],
        format: (share) => `${Number((100 * share).toFixed(1))} %`,
      })}
    </div>
    <div class="card">
      ${table(
        [
          { title: 'corruption' },
          ...severities.map((severity) => ({ title: String(severity), numeric: true })),
        ],
        names.map((name) => [
          name,
          ...severities.map((severity) => {
            const accuracy = accuracyOf(name, severity);
            return accuracy === undefined ? '' : formatPercent(accuracy.value);
          }),
        ]),
      )}
      <p class="facts">columns are severities; ${formatBasis(clean)}</p>
    </div>`;
}

const INDICATOR_MEANINGS: Readonly<Record<string, string>> = {
  zero_margin_gradient: 'share of inputs whose gradient vanishes: gradient attacks are blind there',
  randomised: 'whether equal inputs get different answers: attacks must average over draws',
  softmax_output: 'whether the model answers probabilities, which saturate',
  black_box_beats_white_box:
    'how much better attacks without gradients do than those with: gradients mislead',
  silent_success: 'share of inputs where an attack passed an adversarial and did not keep it',
  incomplete_optimisation: 'share of inputs on which the loss was still rising when the attack ended',
  unbounded_attack_fails:
    'whether even unlimited perturbations fail: then the attack is broken, not the model robust',
  label_leak: 'whether accuracy under FGSM with true labels exceeds clean accuracy',
};

function renderMasking({ indicators }: EvaluationResult): Html {
  const measured = Object.entries(indicators ?? {}).map(([name, value]) => ({ name, value }));
  if (measured.length === 0) return html``;
  const shown = (value: number | boolean): string =>
    typeof value === 'boolean' ? (value ? 'yes' : 'no') : formatNumber(value);
  return html`<h2>Can these numbers be trusted?</h2>
    <p class="soft">
      Signs that attacks were misled rather than withstood. What was not measured is not listed.
    </p>
    <div class="card">
      ${table(
        [{ title: 'indicator' }, { title: 'found', numeric: true }, { title: 'meaning' }],
        measured.map(({ name, value }) => [
          formatWords(name),
          shown(value),
          html`<span class="soft">${INDICATOR_MEANINGS[name]}</span>`,
        ]),
      )}
    </div>`;
}

function renderExamples(groups: readonly ExampleGroup[]): Html {
  return html`<h2>What the attacks did</h2>
    <p class="soft">
      The first inputs that each attack broke, in the order of the data. Each trio: the input, what was
      changed (red raised, blue lowered, magnified), and the result, moved as near to the input as the model
      still errs.
    </p>
    ${groups.map(
      ({ recipe, broken, examples, inputShape, range }) =>
        html`<div class="card">
          ${renderGallery({ title: recipe, caption: `broke ${formatCount(broken)} inputs`, inputShape, range, examples })}
        </div>`,
    )}`;
}

function renderProvenance({
  model,
  data,
  threat_model: threat,
  attacks,
  seed,
  engine,
}: EvaluationResult): Html {
  const rows = [
    ['model', html`<code>${model.path}</code>`],
    ...(model.sha256 === undefined ? [] : [['model sha256', html`<code>${model.sha256}</code>`] as const]),
    ['data', html`${data.name}, ${formatCount(data.samples)} inputs`],
    ['data sha256', html`<code>${data.sha256}</code>`],
    ...(model.defences === undefined
      ? []
      : [['defences in front of it', model.defences.join(', ')] as const]),
    [
      'threat model',
      `${threat.norm}, epsilon ${formatNumber(threat.epsilon)}, range ${threat.range.join(' to ')}, access ${threat.access}`,
    ],
    ...(threat.criterion === undefined
      ? []
      : [['what counts as success', JSON.stringify(threat.criterion)] as const]),
    ...(threat.constraints === undefined
      ? []
      : [['constraints', JSON.stringify(threat.constraints)] as const]),
    ['recipes', html`${attacks.map(({ recipe, id }) => html`<code>${recipe}@${id.slice(0, 8)}</code> `)}`],
    ['seed and engine', `${seed}, ${engine}`],
  ] as const;
  return html`<h2>How it was measured</h2>
    <div class="card">${table([{ title: 'what' }, { title: 'value' }], rows)}</div>
    <footer>
      ${badge('reproducible', 'grey')} The same model, data, recipes, seed and engine give the same numbers.
    </footer>`;
}
