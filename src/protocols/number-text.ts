import { numberToken } from './decoded.ts';

/** Integers of this size and more are refused by TensorFlow Serving for a float input, unless they are written with a fraction. */
const FLOAT32_INTEGERS = 2 ** 24;

/**
 * Shortest decimal text that reads back as the same float32, in 1 to 9 significant digits: at most half as long as the
 * text of the double with the same value. What a program puts on the wire is what the other side computes with.
 * Non-finite values get TensorFlow Serving's bare tokens. The property `fround(Number(text)) === value` holds for
 * every finite float32, the sign of zero included.
 *
 * @param value a float32 value (a number for which `Math.fround(value) === value`)
 */
export function float32Text(value: number): string {
  if (!Number.isFinite(value)) return numberToken(value);
  if (Number.isInteger(value)) return integerText(value);
  const magnitude = Math.abs(value);
  return magnitude >= 1e-3 && magnitude < 1e3 ? `${shortDouble(value)}` : precisionText(value);
}

const SCALES = [1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11] as const;
/** Below 1, fewer than seven decimals are six digits or fewer, which padding with zeros to seven reproduces. */
const SEVEN_DECIMALS = 3;

/**
 * The double with the shortest decimal text that rounds to the same float32, for magnitudes in [1e-3, 1e3). With n and
 * 10^k exact, n / 10^k is the double nearest to that decimal, so it is what a reader of the text gets; this is five
 * times as fast as toPrecision.
 */
function shortDouble(value: number): number {
  for (let i = Math.abs(value) < 1 ? SEVEN_DECIMALS : 0; i < SCALES.length; i++) {
    const short = Math.round(value * SCALES[i]!) / SCALES[i]!;
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function precisionText(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return withoutTrailingZeros(text);
  }
  return withoutTrailingZeros(value.toPrecision(9));
}

/** Like float32Text, and whole numbers end in `.0`, as TensorFlow Serving writes its answers. */
export function float32Answer(value: number): string {
  const text = float32Text(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Shortest decimal text of a double; non-finite values as TensorFlow Serving's bare tokens. */
export function float64Text(value: number): string {
  if (!Number.isFinite(value)) return numberToken(value);
  return Object.is(value, -0) ? '-0.0' : `${value}`;
}

function integerText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (Math.abs(value) < FLOAT32_INTEGERS) return `${value}`;
  const text = `${value}`;
  return text.includes('e') ? text : `${text}.0`;
}

function withoutTrailingZeros(text: string): string {
  const exponent = text.indexOf('e');
  const mantissa = exponent < 0 ? text : text.slice(0, exponent);
  const tail = exponent < 0 ? '' : text.slice(exponent);
  if (!mantissa.includes('.')) return text;
  return mantissa.replace(/\.?0+$/, '') + tail;
}
