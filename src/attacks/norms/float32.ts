const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);

/** The next float32 towards 0 from a finite float32 other than 0. */
function towardsZero(x: number): number {
  value[0] = x;
  bits[0]!--;
  return value[0];
}

/** The next float32 away from 0 from a finite float32; from 0 the smallest of the given sign. */
function awayFromZero(x: number, sign: number): number {
  value[0] = x === 0 ? sign * 0 : x;
  bits[0]!++;
  return value[0];
}

/** The float32 next below x. */
export function nextBelow(x: number): number {
  return x > 0 ? towardsZero(x) : awayFromZero(x, -1);
}

/** The float32 next above x. */
export function nextAbove(x: number): number {
  return x < 0 ? towardsZero(x) : awayFromZero(x, 1);
}
