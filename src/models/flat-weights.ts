import { featureCount } from '../domain/target.ts';

export interface WeightSpec {
  /** `<layer>/<weight>`, e.g. `dense_4/kernel`: how the layer finds its values. */
  readonly name: string;
  readonly shape: readonly number[];
}

/** Where each weight lies in the flat array, in spec order: [start, end) in values. */
export function weightRanges(weightSpecs: readonly WeightSpec[]): { start: number; end: number }[] {
  let start = 0;
  return weightSpecs.map(({ shape }) => {
    const range = { start, end: start + featureCount(shape) };
    start = range.end;
    return range;
  });
}

/** Arrays after one another. */
export function joinFloats(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
