import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  decodeInferRequest,
  decodeInferResponse,
  encodeInferRequest,
} from '../../../src/protocols/oip-grpc.ts';
import {
  encodeOipRequest,
  parseOipRequest,
  type OipRequest,
  type OipTensor,
} from '../../../src/protocols/oip.ts';
import type { Decoded } from '../../../src/protocols/decoded.ts';

interface Written {
  readonly body: string;
  readonly length?: number;
  readonly types: readonly string[];
}

const golden = JSON.parse(readFileSync(join(__dirname, 'oip.json'), 'utf8')) as {
  readonly values: Readonly<
    Record<
      string,
      { readonly shape: readonly number[]; readonly values: readonly (number | boolean | string)[] }
    >
  >;
  readonly binary: Written;
  readonly json: Written;
  readonly grpc: Written;
  readonly typed: { readonly body: string };
};
const bytesOf = ({ body }: { readonly body: string }): Uint8Array => Buffer.from(body, 'base64');

function valueOf<T>(result: Decoded<T>): T {
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
}

const plain = ({ data }: OipTensor): readonly unknown[] =>
  data.kind === 'bytes'
    ? data.values.map((value) => Buffer.from(value).toString('base64'))
    : Array.from<unknown>(data.values);

function expectInputs({ inputs }: OipRequest, types: readonly string[]): void {
  expect(inputs.map(({ datatype }) => datatype)).toEqual(types);
  for (const input of inputs) {
    const { shape, values } = golden.values[input.datatype]!;
    expect(input.name).toBe(input.datatype.toLowerCase());
    expect(input.shape).toEqual(shape);
    expect(plain(input)).toEqual(values);
  }
}

test('a binary request of another client is read, with its length and without', () => {
  const request = valueOf(parseOipRequest(bytesOf(golden.binary), golden.binary.length));
  expect(request).toMatchObject({
    id: '42',
    parameters: { 'bias-ignore': 'true' },
    outputs: ['scores'],
    binaryOutputs: ['scores'],
  });
  expectInputs(request, golden.binary.types);
  expect(valueOf(parseOipRequest(bytesOf(golden.binary)))).toEqual(request);
});

test('a JSON request of another client is read', () => {
  const request = valueOf(parseOipRequest(bytesOf(golden.json)));
  expect(request.binaryOutputs).toEqual([]);
  expectInputs(request, golden.json.types);
});

test('a gRPC request of another client is read, and written to the byte but for what it leaves out', () => {
  const call = valueOf(decodeInferRequest(bytesOf(golden.grpc)));
  expect(call).toMatchObject({ modelName: 'digits', modelVersion: '3', request: { id: '42' } });
  expectInputs(call.request, golden.grpc.types);
  expect(Buffer.from(encodeInferRequest(call)).equals(Buffer.from(bytesOf(golden.grpc)))).toBe(true);
});

test('a gRPC answer with typed contents is read', () => {
  expect(valueOf(decodeInferResponse(bytesOf(golden.typed)))).toEqual({
    id: '42',
    modelName: 'digits',
    modelVersion: '3',
    outputs: [
      {
        name: 'scores',
        datatype: 'FP32',
        shape: [1, 2],
        data: { kind: 'number', values: Float32Array.of(0.5, -1.25) },
      },
      {
        name: 'class',
        datatype: 'INT64',
        shape: [1, 2],
        data: { kind: 'number', values: Float64Array.of(7, -1) },
      },
      { name: 'odd', datatype: 'BOOL', shape: [1, 2], data: { kind: 'boolean', values: [true, false] } },
    ],
  });
});

test('the tensors of our binary request are the bytes that the other client writes', () => {
  const request = valueOf(parseOipRequest(bytesOf(golden.binary)));
  const { bytes, headerLength } = encodeOipRequest(request, 'binary');
  expect(Buffer.from(bytes.subarray(headerLength))).toEqual(
    Buffer.from(bytesOf(golden.binary).subarray(golden.binary.length)),
  );
  expect(valueOf(parseOipRequest(bytes, headerLength))).toEqual(request);
});
