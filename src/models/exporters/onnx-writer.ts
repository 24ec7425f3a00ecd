import type { OnnxAttribute, OnnxConstant, OnnxNode } from '../../protocols/onnx.ts';
import type { AppliedOperation } from '../compiled/graph.ts';

/** `as_given`: images have their channels last, as in the compiled graph. Vectors have one layout only. */
export type OnnxLayout = 'as_given' | 'channels_first';

interface WrittenOperation {
  readonly inputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Layout of the result. */
  readonly layout: OnnxLayout;
}

/** Collects nodes; remembers in which layout each value is, and turns it only when another is asked for. */
export interface OnnxWriter {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  /** The layout in which a value of the compiled graph was written. */
  layoutOf(value: string): OnnxLayout;
  /** Name of a value in the wanted layout. */
  read(value: string, layout: OnnxLayout): string;
  /** Name of a new constant. */
  constant(values: Float32Array | Int32Array, shape: readonly number[]): string;
  /** Writes the counterpart of an operation, whose output has the given layout. */
  write(operation: AppliedOperation, name: string, written: WrittenOperation): void;
}

const TURNS: Readonly<Record<OnnxLayout, readonly number[]>> = {
  channels_first: [0, 3, 1, 2],
  as_given: [0, 2, 3, 1],
};

/** @param input name of the graph's input there @param name its name here */
export function createOnnxWriter(input: string, name: string): OnnxWriter {
  const nodes: OnnxNode[] = [];
  const constants: OnnxConstant[] = [];
  /** Names by value and layout; the layout that a value was written in comes first. */
  const names = new Map<string, Map<OnnxLayout, string>>([[input, new Map([['as_given', name]])]]);
  const add = (operation: string, node: Pick<OnnxNode, 'inputs' | 'attributes'>): string => {
    const output = `${operation.toLowerCase()}_${nodes.length}`;
    nodes.push({ operation, output, ...node });
    return output;
  };
  return {
    nodes,
    constants,
    layoutOf: (value) => [...names.get(value)!.keys()][0]!,
    read(value, layout) {
      const known = names.get(value)!;
      const [first] = known.values();
      const found =
        known.get(layout) ?? add('Transpose', { inputs: [first!], attributes: { perm: TURNS[layout] } });
      known.set(layout, found);
      return found;
    },
    constant(values, shape) {
      const constant = `constant_${constants.length}`;
      constants.push({ name: constant, shape, values });
      return constant;
    },
    write({ output }, operation, { inputs, attributes = {}, layout }) {
      names.set(output.name, new Map([[layout, add(operation, { inputs, attributes })]]));
    },
  };
}
