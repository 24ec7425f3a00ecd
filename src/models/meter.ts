import { isFeasible, rulesOf, type Rules } from '../domain/constraints.ts';
import { createJudge, type Judge } from '../domain/criterion.ts';
import { createMeasure, type MatrixRow } from '../domain/distance.ts';
import {
  featureCount,
  hasGradient,
  type Batch,
  type GradientTarget,
  type LossGradient,
  type ScoreLoss,
  type ScoreTarget,
} from '../domain/target.ts';
import type { ThreatModel } from '../domain/threat-model.ts';

export interface MeterOptions {
  readonly target: ScoreTarget | GradientTarget;
  /** The examples that are attacked, shape [count, features]. */
  readonly inputs: Float32Array;
  /** Class that the adversary wants to change, shape [count]. */
  readonly labels: Int32Array;
  /** Class that the adversary wants instead, shape [count]; for a targeted criterion that names none. */
  readonly targets?: Int32Array | undefined;
  readonly threat: ThreatModel;
  /** An adversarial farther away is not remembered. Default: the threat model's epsilon, which decides on success in any case. */
  readonly radius?: number;
  /** Whether an example is done at its first success within epsilon. Default true; minimum-norm attacks go on. */
  readonly stopsAtFirstSuccess?: boolean;
}

/** What was found and spent; arrays are indexed by example. */
export interface MeterReading {
  /** The nearest adversarial seen, or the original where none was, shape [count, features]. */
  readonly adversarial: Float32Array;
  /** 1 where the nearest adversarial lies within epsilon. */
  readonly success: Uint8Array;
  /** Its distance in the threat model's norm; above epsilon only with a wider radius, Infinity where none was seen. */
  readonly distance: Float32Array;
  readonly forwardQueries: Uint32Array;
  readonly gradientQueries: Uint32Array;
}

export interface Meter {
  /** The same target, counted. It has `gradient` exactly when the wrapped one has. */
  readonly target: ScoreTarget | GradientTarget;
  /** Whether an example still wants work: not settled, and budget left. */
  readonly isLive: (example: number) => boolean;
  /** Distance of the nearest adversarial of an example so far; Infinity where none was seen. */
  readonly nearest: (example: number) => number;
  /** Takes scores of the unchanged inputs that somebody else has paid for: the misclassified are settled at distance 0. */
  readonly observeOriginals: (scores: Float32Array) => void;
  readonly reading: () => MeterReading;
}

interface Ledger {
  readonly options: MeterOptions;
  readonly features: number;
  readonly judge: Judge;
  readonly measure: (a: MatrixRow, b: MatrixRow) => number;
  /** Absent without constraints. */
  readonly rules: Rules | undefined;
  readonly budget: number;
  readonly radius: number;
  readonly settled: Uint8Array;
  readonly best: Float32Array;
  readonly distance: Float64Array;
  readonly forwards: Uint32Array;
  readonly gradients: Uint32Array;
}

/**
 * Wraps a target for one attacked batch. It counts forward passes and gradients per example, refuses rows beyond the
 * budget and rows that are settled, and remembers the nearest adversarial that really met the criterion, inside the
 * radius, the valid range and the constraints, whatever the attack makes of it. A refused row is not sent to the target; its scores and
 * loss are NaN and its gradient is 0. A gradient costs one forward query and one gradient query.
 */
export function createMeter(options: MeterOptions): Meter {
  const ledger = openLedger(options);
  const { target } = options;
  const { inputShape, classes } = target;
  const scores = (batch: Batch): Promise<Float32Array> => meteredScores(ledger, batch);
  const counted: ScoreTarget | GradientTarget = hasGradient(target)
    ? {
        inputShape,
        classes,
        scores,
        gradient: (batch, loss) => meteredGradient(ledger, target, { batch, loss }),
      }
    : { inputShape, classes, scores };
  return {
    target: counted,
    isLive: (example) => isLive(ledger, example),
    nearest: (example) => ledger.distance[example]!,
    observeOriginals(given) {
      const rows = Int32Array.from({ length: options.labels.length }, (_, i) => i);
      observe(ledger, { inputs: options.inputs, count: rows.length, rows }, given);
    },
    reading: () => read(ledger),
  };
}

function openLedger(options: MeterOptions): Ledger {
  const { labels, targets, threat, target } = options;
  const count = labels.length;
  const features = featureCount(target.inputShape);
  const { constraints, range } = threat;
  const rules = constraints === undefined ? undefined : rulesOf(constraints, { features, range });
  return {
    options,
    judge: createJudge({ criterion: threat.criterion, classes: target.classes, labels, targets }),
    measure: createMeasure(threat.norm, rules ?? { features }),
    rules,
    features,
    budget: threat.queryBudget ?? Infinity,
    radius: options.radius ?? threat.epsilon,
    settled: new Uint8Array(count),
    best: options.inputs.slice(),
    distance: new Float64Array(count).fill(Infinity),
    forwards: new Uint32Array(count),
    gradients: new Uint32Array(count),
  };
}

function isLive({ settled, forwards, budget }: Ledger, example: number): boolean {
  return settled[example] === 0 && forwards[example]! < budget;
}

function read({ options, best, distance, forwards, gradients }: Ledger): MeterReading {
  const { epsilon } = options.threat;
  return {
    adversarial: best.slice(),
    success: Uint8Array.from(distance, (d) => (d <= epsilon ? 1 : 0)),
    distance: Float32Array.from(distance),
    forwardQueries: forwards.slice(),
    gradientQueries: gradients.slice(),
  };
}

async function meteredScores(ledger: Ledger, batch: Batch): Promise<Float32Array> {
  const admitted = admit(ledger, batch);
  const { target } = ledger.options;
  if (admitted.batch.count === 0) return new Float32Array(batch.count * target.classes).fill(NaN);
  const scores = await target.scores(admitted.batch);
  observe(ledger, admitted.batch, scores);
  return spread(scores, admitted.positions, { count: batch.count, width: target.classes, filler: NaN });
}

async function meteredGradient(
  ledger: Ledger,
  target: GradientTarget,
  { batch, loss }: { batch: Batch; loss: ScoreLoss },
): Promise<LossGradient> {
  const admitted = admit(ledger, batch, ledger.gradients);
  const found = admitted.batch.count === 0 ? NOTHING : await target.gradient(admitted.batch, loss);
  observe(ledger, admitted.batch, found.scores);
  const { positions } = admitted;
  const { count } = batch;
  return {
    scores: spread(found.scores, positions, { count, width: target.classes, filler: NaN }),
    losses: spread(found.losses, positions, { count, width: 1, filler: NaN }),
    gradient: spread(found.gradient, positions, { count, width: ledger.features, filler: 0 }),
  };
}

const NOTHING: LossGradient = {
  scores: new Float32Array(),
  losses: new Float32Array(),
  gradient: new Float32Array(),
};

interface Admitted {
  readonly batch: Batch;
  /** Where the admitted rows stood; undefined when all were admitted. */
  readonly positions: Int32Array | undefined;
}

/** Charges the rows that may be asked, and packs them together if others may not. An example may stand in several rows. */
function admit(ledger: Ledger, batch: Batch, alsoCharge?: Uint32Array): Admitted {
  const positions = new Int32Array(batch.count);
  let admitted = 0;
  for (let i = 0; i < batch.count; i++) {
    const example = batch.rows[i]!;
    if (!isLive(ledger, example)) continue;
    ledger.forwards[example]!++;
    if (alsoCharge !== undefined) alsoCharge[example]!++;
    positions[admitted++] = i;
  }
  if (admitted === batch.count) return { batch, positions: undefined };
  return pack(batch, positions.subarray(0, admitted), ledger.features);
}

function pack(batch: Batch, positions: Int32Array, features: number): Admitted {
  const inputs = new Float32Array(positions.length * features);
  positions.forEach((from, to) => {
    inputs.set(batch.inputs.subarray(from * features, (from + 1) * features), to * features);
  });
  const rows = positions.map((position) => batch.rows[position]!);
  return { batch: { inputs, count: positions.length, rows }, positions };
}

function spread(
  values: Float32Array,
  positions: Int32Array | undefined,
  { count, width, filler }: { count: number; width: number; filler: number },
): Float32Array {
  if (positions === undefined) return values;
  const whole = new Float32Array(count * width).fill(filler);
  positions.forEach((to, from) => {
    whole.set(values.subarray(from * width, (from + 1) * width), to * width);
  });
  return whole;
}

function observe(ledger: Ledger, batch: Batch, scores: Float32Array): void {
  const { judge } = ledger;
  for (let i = 0; i < batch.count; i++) {
    const example = batch.rows[i]!;
    if (judge.isSuccess(scores, i, example)) remember(ledger, batch, i);
    // Its first answer is given, since others may need it; more would be wasted.
    else if (!judge.canSucceed(example)) ledger.settled[example] = 1;
  }
}

function remember(ledger: Ledger, batch: Batch, position: number): void {
  const { features, options, radius, best, distance, measure } = ledger;
  const { inputs, threat } = options;
  const example = batch.rows[position]!;
  const candidate = batch.inputs.subarray(position * features, (position + 1) * features);
  const d = measure({ values: inputs, row: example }, { values: candidate, row: 0 });
  if (!(d <= radius) || !isAllowed(ledger, candidate, example)) return;
  if (options.stopsAtFirstSuccess !== false && d <= threat.epsilon) ledger.settled[example] = 1;
  // Nothing is nearer than the original itself.
  if (d === 0) ledger.settled[example] = 1;
  if (d >= distance[example]!) return;
  distance[example] = d;
  best.set(candidate, example * features);
}

function isAllowed({ options, rules, features }: Ledger, candidate: Float32Array, example: number): boolean {
  if (!isInRange(candidate, options.threat.range)) return false;
  const original = options.inputs.subarray(example * features, (example + 1) * features);
  return rules === undefined || isFeasible(rules, candidate, original);
}

function isInRange(values: Float32Array, [low, high]: readonly [number, number]): boolean {
  for (const value of values) if (!(value >= low && value <= high)) return false;
  return true;
}
