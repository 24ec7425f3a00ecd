import type { AttackSession } from '../attack.ts';
import { clampToRange } from '../norms/clamp.ts';
import { fillNormal } from '../normal-noise.ts';
import type { Question, Search } from '../questions.ts';
import type { Rng } from '../../domain/rng.ts';
import { climbTogether, type Climb, type ClimbOptions } from './climb.ts';

export interface EstimatedParameters extends ClimbOptions {
  /** Points around the iterate per estimate, in pairs of opposite moves. */
  readonly samples: number;
  /** Size of their moves per feature, as a share of the width of the range. */
  readonly radius: number;
}

/** What moves the iterate. */
export interface StepRule {
  /** Adds a step to the point; `loss` is that of the point as it is. The gradient may be changed. */
  step(point: Float32Array, gradient: Float32Array, loss: number): void;
}

export interface Estimation {
  readonly fillNoise: (values: Float64Array, rng: Rng) => void;
  readonly createRule: (climb: Climb) => StepRule;
}

/**
 * Climbs along gradients that are estimated from scores. Each turn asks for the loss at the iterate, which is how success
 * is seen, and at the points around it.
 */
export async function runEstimated(
  session: AttackSession,
  parameters: EstimatedParameters,
  estimation: Estimation,
): Promise<void> {
  await climbTogether(session, parameters, (climb) => search(climb, parameters, estimation));
}

/** Normal noise, as NES has it. */
export const normalNoise = fillNormal;

/** −1 and 1, as SPSA has it; a random word holds 32 of them. */
export function signNoise(values: Float64Array, rng: Rng): void {
  let word = 0;
  for (let j = 0; j < values.length; j++) {
    if (j % 32 === 0) word = rng.uint32();
    values[j] = 1 - 2 * ((word >>> (j % 32)) & 1);
  }
}

function* search(
  climb: Climb,
  { samples, radius }: EstimatedParameters,
  { fillNoise, createRule }: Estimation,
): Search {
  const rule = createRule(climb);
  const point = climb.original.slice();
  const width = climb.range[1] - climb.range[0];
  const noise = new Float64Array(climb.features);
  const last = { loss: climb.firstLoss };
  // The driver ends the search when the queries are used up.
  while (last.loss !== Infinity) {
    const estimate = createEstimate(climb.features);
    const gradient = yield* estimateAt(point, {
      estimate,
      samples,
      place: (into, isFirstOfPair) => {
        if (isFirstOfPair) fillNoise(noise, climb.rng);
        const size = (isFirstOfPair ? 1 : -1) * radius * width;
        for (let j = 0; j < into.length; j++) into[j] = point[j]! + size * noise[j]!;
        clampToRange(into, climb.range);
      },
      seen: (loss) => (last.loss = loss),
    });
    rule.step(point, gradient, last.loss);
    climb.project(point);
  }
}

interface Ask {
  readonly estimate: Estimate;
  readonly samples: number;
  readonly place: (into: Float32Array, isFirstOfPair: boolean) => void;
  readonly seen: (loss: number) => void;
}

function* estimateAt(
  point: Float32Array,
  { estimate, samples, place, seen }: Ask,
): Generator<Question, Float32Array, void> {
  yield {
    count: 1 + samples,
    write(into, index) {
      if (index === 0) into.set(point);
      else place(into, index % 2 === 1);
    },
    take(answer, asked, index) {
      if (index === 0) {
        point.set(asked);
        seen(answer);
        estimate.centre(answer, asked);
      } else estimate.add(answer, asked);
    },
  };
  return estimate.gradient();
}

export interface Estimate {
  centre(loss: number, point: Float32Array): void;
  add(loss: number, point: Float32Array): void;
  gradient(): Float32Array;
}

/**
 * Gradient from losses L_b at points with moves m_b = x_b − x that were really made (after the range was cut):
 *   g = Σ_b (L_b − L(x)) m_b / (Σ_b ‖m_b‖² / d).
 * With pairs of opposite moves of variance σ² this is the antithetic estimate  Σ L_b u_b / (n σ). Taking L(x) away matters
 * where the range cuts one of a pair. Answers of NaN are left out.
 */
export function createEstimate(features: number): Estimate {
  const sums = new Float64Array(features);
  const origin = new Float32Array(features);
  let base = 0;
  let squares = 0;
  return {
    centre(loss, point) {
      base = loss;
      origin.set(point);
    },
    add(loss, point) {
      const rise = loss - base;
      if (!Number.isFinite(rise)) return;
      for (let j = 0; j < features; j++) {
        const move = point[j]! - origin[j]!;
        squares += move * move;
        sums[j]! += rise * move;
      }
    },
    gradient: () => Float32Array.from(sums, (sum) => (squares > 0 ? (sum * features) / squares : 0)),
  };
}
