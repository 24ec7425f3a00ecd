import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { namedLoss } from '../losses/named.ts';
import { dropRows, type Search } from './search.ts';

export interface ConstantSearch {
  /** Values of the constant that are tried. */
  readonly searches: number;
  readonly firstConstant: number;
}

export interface DescentOptions {
  readonly steps: number;
  /** Margin by which another class must win. */
  readonly confidence: number;
  /** Whether a descent ends when its objective has not fallen over a tenth of the steps. */
  readonly abortEarly: boolean;
}

/** Until a descent succeeds the constant grows by this factor from one to the next. */
const GROWTH = 10;

/** A descent ends where its objective is above this share of what it was a tenth of the steps ago. */
const STALLED = 0.9999;

/**
 * Looks for the smallest constant c, one per example, at which a descent of  distance + c·hinge  finds an adversarial: ten
 * times larger until one does, then halfway between the largest that failed and the smallest that did not.
 *
 * @param descend runs all live examples with their constants (indexed by example) and returns those that succeeded
 */
export async function searchConstants(
  session: AttackSession,
  { searches, firstConstant }: ConstantSearch,
  descend: (round: number, constants: Float64Array) => Promise<ReadonlySet<number>>,
): Promise<void> {
  const count = session.labels.length;
  const constants = new Float64Array(count).fill(firstConstant);
  const lower = new Float64Array(count);
  const upper = new Float64Array(count).fill(Infinity);
  for (let round = 0; round < searches; round++) {
    const examples = session.liveRows();
    if (examples.length === 0) return;
    const succeeded = await descend(round, constants);
    for (const example of examples) {
      const constant = constants[example]!;
      (succeeded.has(example) ? upper : lower)[example] = constant;
      constants[example] =
        upper[example] === Infinity ? constant * GROWTH : (lower[example]! + upper[example]!) / 2;
    }
  }
}

/** min(L − κ, 0), L the margin of the criterion: goes up towards a win by κ, and is 0 from there on. */
export function hinge(session: AttackSession, confidence: number): ScoreLoss {
  const margin = namedLoss('margin', session);
  const { classes } = session.target;
  return (scores, batch) => {
    const { values, derivative } = margin(scores, batch);
    for (let i = 0; i < batch.count; i++) {
      if (values[i]! >= confidence) derivative.fill(0, i * classes, (i + 1) * classes);
      values[i] = Math.min(values[i]! - confidence, 0);
    }
    return { values, derivative };
  };
}

/** Adds the examples whose point that was asked last won by κ. Losses are those of the hinge. */
export function noteSuccesses({ space, fooled, losses }: Search, succeeded: Set<number>): void {
  for (let i = 0; i < space.count; i++) if (fooled[i] === 1 && losses[i] === 0) succeeded.add(space.rows[i]!);
}

/** A function that drops the rows whose objective has not fallen since a tenth of the steps ago. */
export function createStallWatch(
  search: Search,
  { steps, abortEarly }: DescentOptions,
): (step: number, objectives: Float64Array) => void {
  const previous = search.space.doubles(1).fill(Infinity);
  const interval = Math.ceil(steps / 10);
  return (step, objectives) => {
    if (!abortEarly || step % interval !== 0) return;
    const stalled = objectives.map((value, i) => Number(value > STALLED * previous[i]!));
    previous.set(objectives);
    dropRows(search, (row) => stalled[row] === 1);
  };
}
