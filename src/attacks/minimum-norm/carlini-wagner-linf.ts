import type { AttackSession } from '../attack.ts';
import { clampToRange, float32Range } from '../norms/clamp.ts';
import { createAdam } from './adam.ts';
import { hinge, noteSuccesses } from './constant-search.ts';
import { askGradient, askScores, createSearch, originalOf, type Search } from './search.ts';

export interface CarliniWagnerLinfParameters {
  readonly steps: number;
  readonly rounds: number;
  readonly stepSize: number;
  readonly firstConstant: number;
  readonly confidence: number;
  /** What the bound is multiplied by after a success. */
  readonly shrink: number;
}

/** A failed round is tried again with a constant so many times as large, up to the largest. */
const GROWTH = 4;
const LARGEST_CONSTANT = 1e6;

/**
 * Carlini and Wagner's attack in Linf:  min Σ_j max(|δ_j| − τ, 0) + c·max(z_y − max_{i≠y} z_i + κ, 0), by Adam, cut to the
 * range. After a success the bound τ becomes a share of the largest |δ_j|, after a failure c grows; both by example, and
 * each round goes on from the last one that succeeded.
 *
 * @see Carlini & Wagner (2017), IEEE S&P, arXiv 1608.04644, section V.C
 */
export async function runCarliniWagnerLinf(
  session: AttackSession,
  parameters: CarliniWagnerLinfParameters,
): Promise<void> {
  const { labels, threat, originals } = session;
  const width = threat.range[1] - threat.range[0];
  const plan = {
    constants: new Float64Array(labels.length).fill(parameters.firstConstant),
    bounds: new Float64Array(labels.length).fill(width),
    from: originals.slice(),
  };
  const done = new Uint8Array(labels.length);
  for (let round = 0; round < parameters.rounds; round++) {
    const search = createSearch(session, round);
    search.space.retain((example) => done[example] === 0);
    const examples = Array.from(search.space.rows.subarray(0, search.space.count));
    if (examples.length === 0) return;
    const succeeded = await descend(search, parameters, plan);
    for (const example of examples) {
      const nearest = session.nearest(example);
      if (succeeded.has(example) && nearest > 0)
        plan.bounds[example] = parameters.shrink * Math.min(nearest, plan.bounds[example]!);
      else plan.constants[example]! *= GROWTH;
      if (nearest === 0 || plan.constants[example]! > LARGEST_CONSTANT) done[example] = 1;
    }
  }
}

interface Plan {
  readonly constants: Float64Array;
  readonly bounds: Float64Array;
  /** Where each example's next round begins, shape [examples, features]. */
  readonly from: Float32Array;
}

async function descend(
  search: Search,
  { steps, stepSize, confidence }: CarliniWagnerLinfParameters,
  plan: Plan,
): Promise<Set<number>> {
  const { session, space, x } = search;
  const { features } = session;
  const range = float32Range(session.threat.range);
  const loss = hinge(session, confidence);
  const points = space.doubles(features);
  const gradients = space.doubles(features);
  const width = range[1] - range[0];
  const adam = createAdam(space, { width: features, stepSize: stepSize * width });
  const succeeded = new Set<number>();
  const keep = (): void => {
    noteSuccesses(search, succeeded);
    for (let i = 0; i < space.count; i++)
      if (succeeded.has(space.rows[i]!))
        plan.from.set(x.subarray(i * features, (i + 1) * features), space.rows[i]! * features);
  };
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    points.set(plan.from.subarray(example * features, (example + 1) * features), i * features);
  }
  const write = (): void => {
    x.set(points.subarray(0, space.count * features));
    clampToRange(x, range);
    points.set(x.subarray(0, space.count * features));
  };
  for (let step = 0; step < steps && space.count > 0; step++) {
    write();
    await askGradient(search, loss);
    keep();
    fillGradients(search, gradients, { ...plan, width });
    adam(points, gradients, step);
  }
  if (space.count > 0) {
    write();
    await askScores(search, loss);
    keep();
  }
  return succeeded;
}

/** ∂ objective / ∂ δ, with δ in widths of the range, so that another unit of the input changes nothing. */
function fillGradients(
  search: Search,
  gradients: Float64Array,
  { constants, bounds, width }: Plan & { readonly width: number },
): void {
  const { session, space, x, gradient } = search;
  const { features } = session;
  for (let i = 0; i < space.count; i++) {
    const example = space.rows[i]!;
    const original = originalOf(search, i);
    for (let j = 0; j < features; j++) {
      const k = i * features + j;
      const delta = x[k]! - original[j]!;
      const outside = Math.abs(delta) > bounds[example]! ? Math.sign(delta) : 0;
      gradients[k] = outside - constants[example]! * width * gradient[k]!;
    }
  }
}
