import { float32Answer, float32Text, float64Text } from './number-text.ts';
import type { Tensor, TensorData } from './tensor.ts';

/** How numbers are written: as short as possible, or as an answer of TensorFlow Serving (whole numbers end in `.0`). */
export type NumberStyle = 'shortest' | 'answer';

/** JSON text of each slice along dimension 0. */
export function sliceTexts(tensor: Tensor, style: NumberStyle = 'shortest'): string[] {
  const [count = 0, ...inner] = tensor.shape;
  const size = inner.reduce((product, side) => product * side, 1);
  const writer = writerOf(inner, leafWriter(tensor.data, style));
  return Array.from({ length: count }, (_, row) => nested(writer, row * size, 0));
}

/** JSON text of a whole tensor. */
export function tensorText(tensor: Tensor, style: NumberStyle = 'shortest'): string {
  return nested(writerOf(tensor.shape, leafWriter(tensor.data, style)), 0, 0);
}

function leafWriter(data: TensorData, style: NumberStyle): (index: number) => string {
  switch (data.kind) {
    case 'number': {
      const { values } = data;
      const text =
        values instanceof Float64Array ? float64Text : style === 'answer' ? float32Answer : float32Text;
      return (index) => text(values[index]!);
    }
    case 'boolean':
    case 'string':
      return (index) => JSON.stringify(data.values[index]);
    case 'bytes':
      return (index) => `{"b64":"${Buffer.from(data.values[index]!).toString('base64')}"}`;
  }
}

interface NestedWriter {
  /** Sides of the dimensions that nest, and how many values one step in each spans. */
  readonly strides: readonly { readonly side: number; readonly stride: number }[];
  /** How many innermost dimensions have one element: `[28, 28, 1]` has lists of one pixel, which need no loop. */
  readonly units: number;
  readonly leaf: (index: number) => string;
}

function writerOf(shape: readonly number[], leaf: (index: number) => string): NestedWriter {
  const units = shape.length - 1 - shape.findLastIndex((side) => side !== 1);
  const looped = shape.slice(0, shape.length - units);
  const strides = looped.map((side, level) => ({
    side,
    stride: looped.slice(level + 1).reduce((product, inner) => product * inner, 1),
  }));
  return { strides, units, leaf };
}

function nested(writer: NestedWriter, start: number, level: number): string {
  const { strides, units, leaf } = writer;
  const dimension = strides[level];
  const [open, close] = ['['.repeat(units), ']'.repeat(units)];
  if (dimension === undefined) return open + leaf(start) + close;
  const { side, stride } = dimension;
  if (side === 0) return '[]';
  const innermost = level === strides.length - 1;
  const texts: string[] = [];
  for (let i = 0; i < side; i++)
    texts.push(innermost ? leaf(start + i) : nested(writer, start + i * stride, level + 1));
  return innermost ? `[${open}${texts.join(`${close},${open}`)}${close}]` : `[${texts.join(',')}]`;
}
