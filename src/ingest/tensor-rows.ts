import type { DeadLetterReason } from './events.ts';
import type { CompiledInput, Unfit } from './input-spec.ts';

/** What is wrong with a value, and where. */
export interface Fault {
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

interface Cursor {
  readonly input: CompiledInput;
  readonly out: Float32Array;
  at: number;
}

/** A fault whose place is still being found: indexes are added on the way out of the nesting. */
interface Misfit extends Unfit {
  readonly path: number[];
}

/**
 * Reads one input, nested to the declared shape or flat with as many numbers as the shape holds, row-major. O(values).
 *
 * @param value  whatever JSON gave
 * @param place  of the value in the event, for the fault: `instances[0]`
 * @returns float32 values within the range, shape [product of shape]
 */
export function readInputRow(value: unknown, input: CompiledInput, place: string): Float32Array | Fault {
  const { size, loggedShape } = input;
  const cursor: Cursor = { input, out: new Float32Array(size), at: 0 };
  const isFlat = Array.isArray(value) && value.length === size && !Array.isArray(value[0]);
  const misfit = fill(value, isFlat ? [size] : loggedShape, 0, cursor);
  return misfit === undefined ? cursor.out : faultAt(place, misfit);
}

/** Reads a list of finite numbers of a known length. */
export function readScores(value: unknown, classes: number, place: string): Float32Array | Fault {
  if (!Array.isArray(value) || value.length !== classes)
    return fault('wrong_shape', place, `a list of ${classes} numbers`, printValue(value));
  const scores = new Float32Array(classes);
  for (let i = 0; i < classes; i++) {
    const score: unknown = value[i];
    if (typeof score !== 'number')
      return fault('not_a_number', `${place}[${i}]`, 'a number', printValue(score));
    scores[i] = score;
    if (!Number.isFinite(scores[i]))
      return fault('not_finite', `${place}[${i}]`, 'a finite number', printValue(score));
  }
  return scores;
}

export function isFault(value: object): value is Fault {
  return 'reason' in value;
}

export function fault(reason: DeadLetterReason, place: string, expected: string, got: string): Fault {
  return { reason, detail: `${place}: expected ${expected}, got ${got}` };
}

/** Short print of a value for messages. Looks at no more than its first level, so no depth exhausts the stack. */
export function printValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length} ${value.length === 1 ? 'element' : 'elements'}`;
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === null ? 'null' : 'an object';
}

function fill(value: unknown, shape: readonly number[], depth: number, cursor: Cursor): Misfit | undefined {
  if (depth === shape.length) return fillNumber(value, cursor);
  const side = shape[depth]!;
  if (!Array.isArray(value) || value.length !== side) {
    const whole = depth === 0 ? describeShape(shape) : `a list of ${side} (the shape is ${shape.join('×')})`;
    return { reason: 'wrong_shape', expected: whole, got: printValue(value), path: [] };
  }
  for (let i = 0; i < side; i++) {
    const misfit = fill(value[i], shape, depth + 1, cursor);
    if (misfit !== undefined) {
      misfit.path.push(i);
      return misfit;
    }
  }
  return undefined;
}

function fillNumber(value: unknown, cursor: Cursor): Misfit | undefined {
  if (typeof value !== 'number') {
    const reason = Array.isArray(value) ? 'wrong_shape' : 'not_a_number';
    return { reason, expected: 'a number', got: printValue(value), path: [] };
  }
  const unfit = cursor.input.put(cursor.out, cursor.at++, value);
  return unfit === undefined ? undefined : { ...unfit, path: [] };
}

function faultAt(place: string, { reason, expected, got, path }: Misfit): Fault {
  const indexes = path
    .reverse()
    .map((index) => `[${index}]`)
    .join('');
  return fault(reason, `${place}${indexes}`, expected, got);
}

function describeShape(shape: readonly number[]): string {
  if (shape.length === 1) return `${shape[0]} numbers`;
  const size = shape.reduce((product, side) => product * side, 1);
  return `${shape.join('×')} nested lists, or ${size} numbers`;
}
