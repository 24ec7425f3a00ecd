import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { projectedScores } from '../losses/projected.ts';
import { float32Range } from '../norms/clamp.ts';
import { targetsByRank } from '../targets.ts';
import { askGradient, askScores, createSearch, dropRows, rowOf, type Search } from './search.ts';

export interface JsmaParameters {
  readonly steps: number;
  /** up: features are driven to the high end of the range; down: to the low end. */
  readonly direction: 'up' | 'down';
}

/**
 * Jacobian-based saliency map: at each step the pair of features that raises the score of the likeliest wanted class t
 * and lowers the sum of the others most,
 *   max −α·β,  α = Σ_{j in pair} ∂z_t/∂x_j > 0,  β = Σ_{j in pair} Σ_{k≠t} ∂z_k/∂x_j < 0,
 * goes to the end of the range. A pair is changed once. Two gradients per step; an example is done when it is fooled, or no
 * pair is left that does both.
 *
 * @see Papernot et al. (2016), EuroS&P, arXiv 1511.07528: algorithms 2 and 3
 */
export async function runJsma(session: AttackSession, { steps, direction }: JsmaParameters): Promise<void> {
  const search = createSearch(session);
  const { space } = search;
  const { features, threat } = session;
  const [low, high] = float32Range(threat.range);
  const end = direction === 'up' ? high : low;
  const sign = direction === 'up' ? 1 : -1;
  const [towards, others] = lossesOf(session);
  const slopes = space.floats(features);
  const isSpent = space.floats(features);
  for (let step = 0; step < steps && space.count > 0; step++) {
    await askGradient(search, towards);
    dropFooled(search);
    slopes.set(search.gradient.subarray(0, space.count * features));
    if (space.count === 0) return;
    await askGradient(search, others);
    const stuck = new Uint8Array(space.count);
    for (let i = 0; i < space.count; i++) {
      const pair = bestPair(rowOf(search, slopes, i), rowOf(search, search.gradient, i), {
        isOpen: (j) => isSpent[i * features + j] === 0 && search.x[i * features + j] !== end,
        sign,
      });
      if (pair === undefined) stuck[i] = 1;
      else
        for (const j of pair) {
          search.x[i * features + j] = end;
          isSpent[i * features + j] = 1;
        }
    }
    dropRows(search, (row) => stuck[row] === 1);
  }
  if (space.count > 0) await askScores(search);
}

/** The score of the wanted class, and the sum of the others. */
function lossesOf(session: AttackSession): readonly [ScoreLoss, ScoreLoss] {
  const { classes } = session.target;
  const targets = targetsByRank(session, 1);
  const weights = (own: number, other: number): Float32Array =>
    Float32Array.from({ length: targets.length * classes }, (_, at) =>
      at % classes === targets[Math.floor(at / classes)] ? own : other,
    );
  return [projectedScores(weights(1, 0), classes), projectedScores(weights(0, 1), classes)];
}

function dropFooled(search: Search): void {
  dropRows(search, (row) => search.fooled[row] === 1);
}

/** Features among which pairs are looked for: those that do most by themselves. */
const CANDIDATES = 128;

/** The two features with the largest −α·β; one where no second helps; undefined where nothing does both. */
export function bestPair(
  towards: Float32Array,
  others: Float32Array,
  { isOpen, sign }: { readonly isOpen: (feature: number) => boolean; readonly sign: 1 | -1 },
): readonly number[] | undefined {
  const open = Array.from(towards.keys()).filter(isOpen);
  const worth = (j: number): number => sign * (towards[j]! - others[j]!);
  open.sort((a, b) => worth(b) - worth(a) || a - b);
  const candidates = open.slice(0, CANDIDATES);
  let best: readonly number[] | undefined;
  let most = 0;
  const consider = (pair: readonly number[]): void => {
    const alpha = pair.reduce((sum, j) => sum + sign * towards[j]!, 0);
    const beta = pair.reduce((sum, j) => sum + sign * others[j]!, 0);
    if (!(alpha > 0 && beta < 0) || -alpha * beta <= most) return;
    most = -alpha * beta;
    best = pair;
  };
  candidates.forEach((p, at) => {
    consider([p]);
    for (const q of candidates.slice(at + 1)) consider([p, q]);
  });
  return best;
}
