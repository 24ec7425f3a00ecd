import { AppError } from '../../domain/errors.ts';
import type { ThreatModel } from '../../domain/threat-model.ts';
import { inScope } from '../../engine/in-scope.ts';
import { tf } from '../../engine/tf.ts';
import type { ModelArtifact } from '../artifact.ts';
import { graphOf, type NetworkGraph } from '../compiled/compile.ts';
import { NotCompilable } from '../compiled/layers.ts';
import { modelFromArtifact } from '../layers-model.ts';
import { withoutSoftmax } from '../softmax-ending.ts';
import { applyIntervalRule, sumError, type Interval } from './intervals.ts';

/** Proves that no perturbation within a threat model changes an answer. */
export interface Certifier {
  /**
   * @param inputs [n, features], inside the range     @param labels shape [n]
   * @returns 1 where every point of the ball (cut with the range) is read as the label, in exact and in float32
   *   arithmetic; 0 where that was not proved, which says nothing about attacks
   */
  certify(inputs: Float32Array, labels: Int32Array): Uint8Array;
}

const ROWS_AT_ONCE = 64;

/**
 * A certifier by interval bound propagation with the last linear layer folded into the margins. A ball in L1 or L2 is
 * certified through the Linf ball of the same radius around it, which is sound and loose.
 *
 * @returns undefined with a layer that has no rule, or for a threat model that no box holds (L0)
 * @see Gowal et al. (2018), arXiv 1810.12715
 */
export async function createCertifier(
  artifact: ModelArtifact,
  threat: Pick<ThreatModel, 'norm' | 'epsilon' | 'range'>,
): Promise<Certifier | undefined> {
  if (threat.norm === 'l0') return undefined;
  const { topology } = withoutSoftmax(artifact.topology);
  const model = await modelFromArtifact({ ...artifact, topology });
  try {
    const network = graphOf(model);
    const [, ...inputShape] = model.inputs[0]!.shape as number[];
    return {
      certify: (inputs, labels) => certifyAll(network, { inputs, labels }, { inputShape, ...threat }),
    };
  } catch (caught) {
    if (caught instanceof NotCompilable) return undefined;
    throw caught;
  } finally {
    model.dispose();
  }
}

interface Box {
  readonly inputShape: readonly number[];
  readonly epsilon: number;
  readonly range: readonly [number, number];
}

function certifyAll(
  network: NetworkGraph,
  { inputs, labels }: { inputs: Float32Array; labels: Int32Array },
  box: Box,
): Uint8Array {
  const features = box.inputShape.reduce((a, b) => a * b, 1);
  if (inputs.length !== labels.length * features)
    throw new AppError(
      'TEMPER_ATTACK_SHAPE',
      `expected ${labels.length} inputs of ${features} values, got ${inputs.length} values`,
    );
  const proved = new Uint8Array(labels.length);
  for (let from = 0; from < labels.length; from += ROWS_AT_ONCE) {
    const to = Math.min(labels.length, from + ROWS_AT_ONCE);
    const part = inputs.subarray(from * features, to * features);
    proved.set(
      inScope(() => certifyRows(network, { inputs: part, labels: labels.subarray(from, to) }, box)),
      from,
    );
  }
  return proved;
}

function certifyRows(
  network: NetworkGraph,
  { inputs, labels }: { inputs: Float32Array; labels: Int32Array },
  box: Box,
): Uint8Array {
  const { values, last } = propagate(network, boxAround(inputs, labels.length, box));
  const { weights, bias, classes } = last;
  const centre = values.centre.dataSync() as Float32Array;
  const radius = values.radius.dataSync() as Float32Array;
  const width = centre.length / labels.length;
  return Uint8Array.from(labels, (label, row) => {
    for (let other = 0; other < classes; other++) {
      if (other === label) continue;
      let margin = bias[label]! - bias[other]!;
      let size = Math.abs(bias[label]!) + Math.abs(bias[other]!);
      for (let j = 0; j < width; j++) {
        const [towards, away] = [weights[j * classes + label]!, weights[j * classes + other]!];
        const at = row * width + j;
        margin += (towards - away) * centre[at]! - Math.abs(towards - away) * radius[at]!;
        // Either score may be rounded on its own.
        size += (Math.abs(towards) + Math.abs(away)) * (Math.abs(centre[at]!) + radius[at]!);
      }
      if (!(margin > size * sumError(width + 1))) return 0;
    }
    return 1;
  });
}

interface LastLayer {
  /** Shape [width, classes]. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly classes: number;
}

/** Intervals before the last linear layer, and that layer; the identity when the network does not end in one. */
function propagate(network: NetworkGraph, input: Interval): { values: Interval; last: LastLayer } {
  const classes = network.scores.shape[0]!;
  const constantOf = (name: string): ReturnType<NetworkGraph['constants']['get']> =>
    network.constants.get(name);
  const found = new Map<string, Interval>([[network.input.name, input]]);
  const [product, sum] = network.forward.slice(-2);
  const folds =
    product?.operation === 'MatMul' && sum?.operation === 'BiasAdd' && sum.inputs[0] === product.output;
  for (const operation of folds ? network.forward.slice(0, -2) : network.forward) {
    const inputs = operation.inputs.flatMap(({ name }) => found.get(name) ?? []);
    found.set(operation.output.name, applyIntervalRule(inputs, operation, constantOf));
  }
  if (folds) {
    const weights = constantOf(product.inputs[1]!.name)!.values as Float32Array;
    const bias = constantOf(sum.inputs[1]!.name)!.values as Float32Array;
    return { values: found.get(product.inputs[0]!.name)!, last: { weights, bias, classes } };
  }
  const weights = new Float32Array(classes * classes);
  for (let k = 0; k < classes; k++) weights[k * classes + k] = 1;
  return {
    values: found.get(network.scores.name)!,
    last: { weights, bias: new Float32Array(classes), classes },
  };
}

/** The Linf ball cut with the range; its ends are exact, the centre is rounded and the radius covers that. */
function boxAround(
  inputs: Float32Array,
  count: number,
  { inputShape, epsilon, range: [low, high] }: Box,
): Interval {
  const centre = new Float32Array(inputs.length);
  const radius = new Float32Array(inputs.length);
  for (let i = 0; i < inputs.length; i++) {
    const from = Math.max(low, inputs[i]! - epsilon);
    const to = Math.min(high, inputs[i]! + epsilon);
    centre[i] = (from + to) / 2;
    // Up by an ulp or two, so that rounding to float32 takes nothing away.
    radius[i] = Math.max(to - centre[i]!, centre[i]! - from) * (1 + 2 ** -22) + 2 ** -40;
  }
  const shape = [count, ...inputShape];
  return { centre: tf.tensor(centre, shape), radius: tf.tensor(radius, shape) };
}
