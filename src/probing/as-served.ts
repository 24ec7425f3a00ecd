import { measureOf } from '../domain/distance.ts';
import type { ThreatModel } from '../domain/threat-model.ts';
import type { CraftedBatch } from './crafted.ts';
import type { ServedReader } from './served-reader.ts';

interface Found {
  readonly found: CraftedBatch;
  /** What was attacked, shape [n, features]. */
  readonly inputs: Float32Array;
  readonly threat: ThreatModel;
}

/**
 * The adversarials as the served model will get them: a success counts only if it survives the wire format, at the distance
 * that it then has. What the wire moves out of the ball is replaced by the other of the two adversarials of its row, if
 * that is still inside, and is no success otherwise. Float32 on the wire changes nothing.
 */
export async function asServed(
  reader: Pick<ServedReader, 'asSent'>,
  { found, inputs, threat }: Found,
): Promise<CraftedBatch> {
  const [adversarial, refined] = [await reader.asSent(found.adversarial), await reader.asSent(found.refined)];
  if (adversarial === found.adversarial && refined === found.refined) return found;
  const features = inputs.length / Math.max(1, found.success.length);
  const measure = measureOf(threat, features);
  const distancesOf = (values: Float32Array): Float32Array =>
    found.distance.map((_, row) => measure({ values: inputs, row }, { values, row }));
  const success = found.success.slice();
  const far = { values: adversarial, distance: distancesOf(adversarial) };
  const near = { values: refined, distance: distancesOf(refined) };
  success.forEach((succeeded, row) => {
    if (succeeded === 0) return;
    const isOut = [far, near].map(({ distance }) => distance[row]! > threat.epsilon);
    if (isOut[0]! && isOut[1]!) success[row] = 0;
    else if (isOut[0]!) copyRow(near, far, row);
    else if (isOut[1]!) copyRow(far, near, row);
  });
  return { ...found, success, adversarial, refined, distance: far.distance, refinedDistance: near.distance };
}

interface Adversarials {
  readonly values: Float32Array;
  readonly distance: Float32Array;
}

function copyRow(from: Adversarials, to: Adversarials, row: number): void {
  const features = from.values.length / from.distance.length;
  to.values.set(from.values.subarray(row * features, (row + 1) * features), row * features);
  to.distance[row] = from.distance[row]!;
}
