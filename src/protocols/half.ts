/** IEEE 754 half precision (binary16), which JavaScript of this age has no array for. */

const SMALLEST_NORMAL = 2 ** -14;
const SMALLEST = 2 ** -24;
/** From here on the nearest half is infinity. */
const OVERFLOW = 65_520;

/** The value of 16 bits: exact, every half is a double. */
export function floatOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * SMALLEST;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits of the half that is nearest to a value, ties to even. */
export function halfOfFloat(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= OVERFLOW) return sign | 0x7c00;
  if (magnitude < SMALLEST_NORMAL) return sign | roundToEven(magnitude / SMALLEST);
  const exponent = Math.floor(Math.log2(magnitude));
  const places = roundToEven((magnitude / 2 ** exponent) * 1024);
  // 2048 is the next power of two, and the sum carries over into it.
  return sign | (((exponent + 15) << 10) + (places - 1024));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
