import type { Tensor } from '../protocols/tensor.ts';
import type { EventResponse } from './event-format.ts';
import type { CompiledInput } from './input-spec.ts';
import { fault } from './tensor-rows.ts';
import type { Fault } from './tensor-rows.ts';

export type NamedTensors = ReadonlyMap<string, Tensor>;

export interface EventRows {
  readonly rows: readonly Float32Array[];
  /** Rows that were left out because the event had more than the limit. */
  readonly beyond: number;
}

export interface RowsExpected {
  readonly input: CompiledInput;
  /** Name of the tensor; undefined: the only one. */
  readonly name: string | undefined;
  readonly limit: number;
}

/**
 * Rows of a request. The tensor has shape [rows, ...logged shape] or [rows, features]; sides of 1 are immaterial, and one
 * input may stand without the batch's side. A tensor of byte strings is read as bytes of that many values each.
 */
export function rowsOfTensors(tensors: NamedTensors, expected: RowsExpected): EventRows | Fault {
  const chosen = choose(tensors, expected.name, 'input');
  if ('reason' in chosen) return chosen;
  const { tensor, place } = chosen;
  if (tensor.data.kind === 'bytes') return rowsOfBytes(tensor.data.values, expected, place);
  const { input, limit } = expected;
  const count = rowCount(tensor.shape, input);
  const { data } = tensor;
  if (count === undefined || count === 0)
    return fault('wrong_shape', place, `[rows, ${input.loggedShape.join(', ')}]`, shapeText(tensor.shape));
  if (data.kind !== 'number') return fault('not_a_number', place, 'numbers', `values of kind ${data.kind}`);
  const kept = Math.min(count, limit);
  return collect(kept, count, (row) => readRow(data.values, row, input, place));
}

/** What the model answered: scores of shape [rows, classes], or, where that is all there is, classes of shape [rows]. */
export function responseOfTensors(
  tensors: NamedTensors,
  {
    classes,
    name,
    limit,
  }: { readonly classes: number; readonly name: string | undefined; readonly limit: number },
): EventResponse | Fault {
  const chosen = name === undefined ? likelyScores(tensors, classes) : choose(tensors, name, 'output');
  if ('reason' in chosen) return chosen;
  const { shape, data } = chosen.tensor;
  const { place } = chosen;
  if (data.kind !== 'number') return fault('not_a_number', place, 'numbers', `values of kind ${data.kind}`);
  const count = shape.length === 0 ? 1 : shape[0]!;
  const kept = Math.min(count, limit);
  if (count > 0 && data.values.length === count * classes) {
    const scores = rowsOfScores(data.values, { kept, classes, place });
    return 'reason' in scores ? scores : { scores };
  }
  if (count === 0 || data.values.length !== count)
    return fault('wrong_shape', place, `[rows, ${classes}] or [rows]`, shapeText(shape));
  const found = Array.from(data.values.subarray(0, kept));
  const bad = found.findIndex((value) => !Number.isInteger(value) || value < 0 || value >= classes);
  if (bad >= 0)
    return fault('bad_prediction', `${place}[${bad}]`, `a class, 0 to ${classes - 1}`, String(found[bad]));
  return { classes: found };
}

interface Chosen {
  readonly tensor: Tensor;
  readonly place: string;
}

function choose(tensors: NamedTensors, name: string | undefined, what: 'input' | 'output'): Chosen | Fault {
  const named = name === undefined ? undefined : tensors.get(name);
  if (named !== undefined) return { tensor: named, place: placeOf(what, name!) };
  const [only, ...others] = tensors;
  // Row and columnar bodies leave out the name of an only tensor.
  if (only !== undefined && others.length === 0 && (name === undefined || only[0] === ''))
    return { tensor: only[1], place: placeOf(what, only[0]) };
  const wanted = name === undefined ? 'one tensor (or its name in stream.tensors)' : `a tensor ${name}`;
  return fault('wrong_shape', what, wanted, namesOf(tensors));
}

/** The only tensor whose rows have a score per class; otherwise the only tensor. */
function likelyScores(tensors: NamedTensors, classes: number): Chosen | Fault {
  const fitting = [...tensors].filter(
    ([, { shape, data }]) => data.kind === 'number' && shape.length > 1 && shape.at(-1) === classes,
  );
  const [first] = fitting;
  return first !== undefined && fitting.length === 1
    ? { tensor: first[1], place: placeOf('output', first[0]) }
    : choose(tensors, undefined, 'output');
}

function rowCount(shape: readonly number[], { loggedShape, size }: CompiledInput): number | undefined {
  const [count, ...rest] = shape;
  if (count !== undefined && fits(rest, loggedShape, size)) return count;
  return fits(shape, loggedShape, size) ? 1 : undefined;
}

function fits(sides: readonly number[], logged: readonly number[], size: number): boolean {
  const material = sides.filter((side) => side !== 1);
  const wanted = logged.filter((side) => side !== 1);
  if (material.length <= 1 && (material[0] ?? 1) === size) return sides.length > 0;
  return material.length === wanted.length && material.every((side, i) => side === wanted[i]);
}

function readRow(
  values: Float32Array | Float64Array | Uint8Array,
  row: number,
  input: CompiledInput,
  place: string,
): Float32Array | Fault {
  const out = new Float32Array(input.size);
  for (let at = 0; at < input.size; at++) {
    const unfit = input.put(out, at, values[row * input.size + at]!);
    if (unfit !== undefined) return fault(unfit.reason, `${place}[${row}][${at}]`, unfit.expected, unfit.got);
  }
  return out;
}

function rowsOfBytes(
  elements: readonly Uint8Array[],
  { input, limit }: RowsExpected,
  place: string,
): EventRows | Fault {
  return collect(Math.min(elements.length, limit), elements.length, (row) => {
    const bytes = elements[row]!;
    if (bytes.length === input.size) return readRow(bytes, 0, input, `${place}[${row}]`);
    return fault('wrong_shape', `${place}[${row}]`, `${input.size} bytes, one per value`, `${bytes.length}`);
  });
}

function collect(
  kept: number,
  count: number,
  read: (row: number) => Float32Array | Fault,
): EventRows | Fault {
  const rows: Float32Array[] = [];
  for (let row = 0; row < kept; row++) {
    const one = read(row);
    if ('reason' in one) return one;
    rows.push(one);
  }
  return { rows, beyond: count - kept };
}

function rowsOfScores(
  values: Float32Array | Float64Array,
  { kept, classes, place }: { readonly kept: number; readonly classes: number; readonly place: string },
): Float32Array[] | Fault {
  const scores = Float32Array.from(values.subarray(0, kept * classes));
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad < 0)
    return Array.from({ length: kept }, (_, row) => scores.slice(row * classes, (row + 1) * classes));
  const at = `${place}[${Math.floor(bad / classes)}][${bad % classes}]`;
  return fault('not_finite', at, 'a finite number', String(values[bad]));
}

function placeOf(what: string, name: string): string {
  return name === '' ? what : `${what} ${JSON.stringify(name.slice(0, 40))}`;
}

function namesOf(tensors: NamedTensors): string {
  const names = [...tensors.keys()].slice(0, 8).map((name) => JSON.stringify(name.slice(0, 40)));
  return names.length === 0 ? 'none' : names.join(', ');
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', …' : ''}]`;
}
