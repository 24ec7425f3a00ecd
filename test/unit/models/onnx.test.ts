import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { exportOnnx } from '../../../src/models/exporters/onnx.ts';
import { digitsNetwork } from '../../../src/models/network.ts';
import { encodeOnnx } from '../../../src/protocols/onnx.ts';
import { startTestBackend } from '../../support/engine.ts';

beforeAll(startTestBackend);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'temper-onnx-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A reader of its own, with fields that the writer does not have. */
const Model = protobuf
  .parse(
    `syntax = "proto3";
     message T { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
     message A { string name = 1; float f = 2; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
     message N { repeated string input = 1; repeated string output = 2; string op_type = 4; repeated A attribute = 5; string domain = 7; }
     message D { int64 dim_value = 1; string dim_param = 2; }
     message S { repeated D dim = 1; }
     message TT { int32 elem_type = 1; S shape = 2; }
     message Ty { TT tensor_type = 1; }
     message V { string name = 1; Ty type = 2; }
     message G { repeated N node = 1; string name = 2; repeated T initializer = 5; string doc_string = 10; repeated V input = 11; repeated V output = 12; }
     message O { string domain = 1; int64 version = 2; }
     message M { int64 ir_version = 1; G graph = 7; repeated O opset_import = 8; }`,
    { keepCase: true },
  )
  .root.lookupType('M');

interface Decoded {
  readonly opset_import: readonly { readonly version: string }[];
  readonly graph: {
    readonly node: readonly {
      readonly op_type: string;
      readonly input: string[];
      readonly output: string[];
    }[];
    readonly initializer: readonly {
      readonly name: string;
      readonly dims: string[];
      readonly data_type: number;
    }[];
    readonly input: readonly { readonly name: string; readonly type: object }[];
    readonly output: readonly { readonly name: string; readonly type: object }[];
  };
}

const decode = (bytes: Uint8Array): Decoded =>
  Model.toObject(Model.decode(bytes), { longs: String, arrays: true }) as Decoded;

const port = (name: string, ...sides: number[]) => ({
  name,
  type: {
    tensor_type: {
      elem_type: 1,
      shape: { dim: [{ dim_param: 'batch' }, ...sides.map((side) => ({ dim_value: `${side}` }))] },
    },
  },
});

describe('an ONNX file of the digits network', () => {
  const written = async (): Promise<Decoded> => {
    const file = join(folder, '1', 'model.onnx');
    await exportOnnx(digitsNetwork({ seed: 1, filters: [4, 8], hidden: 16 }), file);
    return decode(readFileSync(file));
  };

  test('says what goes in and what comes out, with a free batch side', async () => {
    const { graph, opset_import } = await written();
    expect(graph.input).toEqual([port('inputs', 28, 28, 1)]);
    expect(graph.output).toEqual([port('outputs', 10)]);
    expect(opset_import).toMatchObject([{ version: '13' }]);
  });

  test('turns images once before the convolutions and once after them', async () => {
    const operations = (await written()).graph.node.map(({ op_type }) => op_type);
    expect(operations).toEqual([
      ...['Transpose', 'Conv', 'Add', 'Relu', 'Conv', 'Add', 'Relu', 'Transpose'],
      ...['Reshape', 'MatMul', 'Add', 'Relu', 'MatMul', 'Add', 'Identity'],
    ]);
  });

  test('uses nothing before it is there', async () => {
    const { graph } = await written();
    const known = new Set([...graph.initializer, ...graph.input].map(({ name }) => name));
    for (const { input, output } of graph.node) {
      expect(input.filter((name) => !known.has(name))).toEqual([]);
      output.forEach((name) => known.add(name));
    }
    expect(known.has('outputs')).toBe(true);
  });

  test('holds the kernels filters first', async () => {
    const shapes = (await written()).graph.initializer.map(({ dims }) => dims.map(Number));
    expect(shapes).toContainEqual([4, 1, 5, 5]);
    expect(shapes).toContainEqual([8, 4, 5, 5]);
  });

  test('leaves nothing else behind', async () => {
    await written();
    expect(await readdir(join(folder, '1'))).toEqual(['model.onnx']);
  });
});

test('a network without an ONNX form is refused, and nothing is written', async () => {
  const artifact = digitsNetwork({ seed: 1, filters: [4, 8], hidden: 16 });
  const topology = JSON.parse(JSON.stringify(artifact.topology).replace('"relu"', '"elu"')) as object;
  const file = join(folder, 'model.onnx');
  await expect(exportOnnx({ ...artifact, topology }, file)).rejects.toMatchObject({
    code: 'TEMPER_MODEL_UNSUPPORTED',
    message: expect.stringContaining('elu') as string,
  });
  expect(existsSync(file)).toBe(false);
});

test('whole numbers of constants are int64, and an axis of −1 survives', () => {
  const { graph } = decode(
    encodeOnnx({
      name: 'g',
      nodes: [{ operation: 'Softmax', inputs: ['x', 's'], output: 'y', attributes: { axis: -1 } }],
      constants: [{ name: 's', shape: [2], values: Int32Array.of(-1, 3) }],
      input: { name: 'x', shape: [3] },
      output: { name: 'y', shape: [3] },
    }),
  );
  expect(graph.initializer).toMatchObject([
    { dims: ['2'], data_type: 7, raw_data: Buffer.from(BigInt64Array.of(-1n, 3n).buffer) },
  ]);
  expect(graph.node).toMatchObject([{ attribute: [{ name: 'axis', i: '-1', type: 2 }] }]);
});
