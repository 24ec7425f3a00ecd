import { formatNumber } from './format.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { isPicture, perturbationUri, pictureUri } from './picture.ts';
import type { AdversarialExample, Gallery } from './story.ts';

/** Inputs before and after an attack, with what was changed between them. Empty for inputs that are no pictures. */
export function renderGallery(gallery: Gallery): Html {
  const { title, caption, inputShape, examples } = gallery;
  if (!isPicture(inputShape) || examples.length === 0)
    return html`<h3>${title}</h3>
      <p class="soft">${caption}</p>`;
  return html`<h3>${title}</h3>
    <p class="soft">${caption}</p>
    <ul class="gallery">
      ${examples.map((example) => renderExample(example, gallery))}
    </ul>`;
}

function renderExample(example: AdversarialExample, { inputShape, range }: Gallery): Html {
  const { clean, adversarial, predictionBefore, predictionAfter, distance, label, sampleId } = example;
  const shape = { inputShape, range };
  const full = largestChange(clean, adversarial);
  const change = perturbationUri(clean, adversarial, { ...shape, full });
  const truth = label === undefined ? '' : `, true class ${label}`;
  return html`<li>
    <div class="trio">
      <img
        src="${pictureUri(clean, shape)}"
        alt="clean input, read as ${predictionBefore}"
        title="clean${truth}"
      />
      <img
        src="${change}"
        alt="what was changed"
        title="what was changed: red raised, blue lowered, full colour is ${formatNumber(full)}"
      />
      <img
        src="${pictureUri(adversarial, shape)}"
        alt="adversarial input, read as ${predictionAfter}"
        title="adversarial"
      />
    </div>
    <div class="change">${predictionBefore} → <span class="to">${predictionAfter}</span></div>
    <div class="note">
      distance ${formatNumber(distance)}${sampleId !== undefined && html`, <code>${sampleId}</code>`}
    </div>
  </li>`;
}

function largestChange(clean: Float32Array, adversarial: Float32Array): number {
  let most = 0;
  for (let i = 0; i < clean.length; i++) most = Math.max(most, Math.abs((adversarial[i] ?? 0) - clean[i]!));
  return most;
}
