import type { AttackSession } from '../attack.ts';
import type { Search } from '../questions.ts';
import type { Basis } from './bases.ts';
import { climbTogether, lossAt, type Climb, type ClimbOptions } from './climb.ts';
import type { ImageShape } from '../square/windows.ts';

export interface SimbaParameters extends ClimbOptions {
  /** Size of a step in the norm, as a multiple of epsilon. Default: 0.1 in L2, 1 in Linf. */
  readonly relativeStep?: number | undefined;
}

/**
 * SimBA: one direction of an orthonormal basis after another, first backwards, then forwards, kept when the loss grows.
 * Steps that end where they began (at the rim of ball or range) are not asked. It ends when no direction helps any more.
 *
 * @see Guo et al. (2019), ICML, arXiv 1905.07121
 */
export async function runSimba(
  session: AttackSession,
  parameters: SimbaParameters,
  createBasis: (image: ImageShape) => Basis,
): Promise<void> {
  await climbTogether(session, parameters, (climb) =>
    search(climb, createBasis(climb.image), parameters.relativeStep),
  );
}

const STEPS: Readonly<Record<'l2' | 'linf', number>> = { l2: 0.1, linf: 1 };

function* search(
  climb: Climb,
  basis: Basis,
  relativeStep = STEPS[climb.norm === 'l2' ? 'l2' : 'linf'],
): Search {
  const size = relativeStep * climb.epsilon;
  const point = climb.original.slice();
  const trial = point.slice();
  let best = climb.firstLoss;
  let hasRisen = true;
  while (hasRisen) {
    hasRisen = false;
    const order = basis.order(climb.rng);
    for (let k = 0; k < order.length; k++) {
      const direction = order[k]!;
      const length = climb.norm === 'l2' ? size : size / basis.peak(direction);
      for (const sign of [-1, 1]) {
        trial.set(point);
        basis.add(trial, direction, sign * length);
        climb.project(trial);
        if (trial.every((value, j) => value === point[j])) continue;
        const loss = yield* lossAt(trial);
        if (!(loss > best)) continue;
        best = loss;
        point.set(trial);
        hasRisen = true;
        break;
      }
    }
  }
}
