/**
 * TensorFlow Serving's REST predict API: requests and answers, in the row form (`instances` → `predictions`, plain or
 * named) and the columnar form (`inputs` → `outputs`). Pure: text to values and back. Bad data is a result.
 * Source: tensorflow/serving, g3doc/api_rest.md and util/json_tensor.cc. Status, metadata and errors: tf-serving-status.ts.
 */
import { decoded, printed, undecodable, type Decoded } from './decoded.ts';
import { parseLenientJson, type JsonValue } from './lenient-json.ts';
import {
  createTensorBuilder,
  isArray,
  isBase64Object,
  isObject,
  tensorOf,
  type Tensor,
  type TensorBuilder,
} from './tensor.ts';
import { sliceTexts, tensorText, type NumberStyle } from './tensor-text.ts';

export type PredictFormat = 'row' | 'columnar';

/** Name of the only tensor of a request or an answer that names none. */
export const UNNAMED = '';

/** What a signature asks of one tensor. */
export interface TensorInfo {
  /** `DT_FLOAT`, `DT_STRING`, … */
  readonly dtype: string;
  /** −1 for a free dimension; undefined when the rank is unknown. */
  readonly shape: readonly number[] | undefined;
}

export type TensorInfos = Readonly<Record<string, TensorInfo>>;

export interface PredictRequest {
  readonly format: PredictFormat;
  readonly signatureName?: string;
  /** By name; the first dimension is the batch. A plain list has the name `''`, or the signature's if one was given. */
  readonly inputs: ReadonlyMap<string, Tensor>;
}

export interface PredictAnswer {
  readonly format: PredictFormat;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/**
 * Reads the body of a predict request.
 *
 * @param body UTF-8 JSON, bare NaN and Infinity allowed
 * @param signature inputs of the model's signature; with it, names and types are checked as the real server checks them
 *   and the problem's message is the server's. Shapes are the model's business, not the codec's.
 */
export function parsePredictRequest(
  body: string | Uint8Array,
  signature?: TensorInfos,
): Decoded<PredictRequest> {
  const document = parseDocument(body);
  if (!document.ok) return document;
  const { instances, inputs, signature_name: signatureName } = document.value;
  if (signatureName !== undefined && typeof signatureName !== 'string') {
    const got = printed(signatureName);
    const message = `JSON Value: ${got} not formatted correctly. 'signature_name' key must be a string value.`;
    return undecodable({ where: 'signature_name', expected: 'a string', got, message });
  }
  if (instances !== undefined && inputs !== undefined) return bothKeys(document.value);
  const tensors = readInputs(document.value, signature);
  if (!tensors.ok) return tensors;
  return decoded({
    format: instances === undefined ? 'columnar' : 'row',
    inputs: tensors.value,
    ...(signatureName === undefined ? {} : { signatureName }),
  });
}

/** Reads the body of a successful predict answer. */
export function parsePredictAnswer(body: string | Uint8Array): Decoded<PredictAnswer> {
  const document = parseDocument(body);
  if (!document.ok) return document;
  const { predictions, outputs } = document.value;
  if (predictions !== undefined && outputs === undefined) {
    const rows = readRows(predictions, 'predictions');
    return rows.ok ? decoded({ format: 'row', outputs: rows.value }) : rows;
  }
  if (outputs !== undefined && predictions === undefined) {
    const columns = readColumns(outputs, 'outputs');
    return columns.ok ? decoded({ format: 'columnar', outputs: columns.value }) : columns;
  }
  return undecodable({
    where: 'body',
    expected: "one of the keys 'predictions' and 'outputs'",
    got: printed(document.value),
  });
}

export function encodePredictRequest(request: PredictRequest): string {
  const head =
    request.signatureName === undefined ? '' : `"signature_name":${JSON.stringify(request.signatureName)},`;
  return request.format === 'row'
    ? `{${head}"instances":${rowsText(request.inputs, 'shortest')}}`
    : `{${head}"inputs":${columnsText(request.inputs, 'shortest')}}`;
}

/** Answer as the real server words it: whole numbers end in `.0`, non-finite ones are bare tokens. */
export function encodePredictAnswer(answer: PredictAnswer): string {
  return answer.format === 'row'
    ? `{\n    "predictions": ${rowsText(answer.outputs, 'answer')}\n}`
    : `{\n    "outputs": ${columnsText(answer.outputs, 'answer')}\n}`;
}

/**
 * Row request of one float32 tensor, the fast path of probing. Every number is the shortest text that reads back as the
 * same float32, so the server computes with the very input that was sent.
 *
 * @param inputs shape [count, ...shape], row-major, finite
 * @param shape shape of one example, e.g. [28, 28, 1]
 * @param naming name of the input tensor, when rows must name it; signature, when it is not the default
 */
export function encodeRowRequest(
  inputs: Float32Array,
  shape: readonly number[],
  { name = UNNAMED, signatureName }: { readonly name?: string; readonly signatureName?: string } = {},
): string {
  const size = shape.reduce((product, side) => product * side, 1);
  const tensor: Tensor = {
    shape: [inputs.length / size, ...shape],
    data: { kind: 'number', values: inputs },
  };
  return encodePredictRequest({
    format: 'row',
    inputs: new Map([[name, tensor]]),
    ...(signatureName === undefined ? {} : { signatureName }),
  });
}

function parseDocument(body: string | Uint8Array): Decoded<Readonly<Record<string, JsonValue | undefined>>> {
  const document = parseLenientJson(body);
  if (!document.ok) return document;
  if (isObject(document.value)) return decoded(document.value);
  const got = printed(document.value);
  return undecodable({
    where: 'body',
    expected: 'an object',
    got,
    message: `JSON Value: ${got} Is not object`,
  });
}

function bothKeys(document: Readonly<Record<string, JsonValue | undefined>>): Decoded<never> {
  const got = printed(document);
  const message = `JSON Value: ${got} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist `;
  return undecodable({ where: 'body', expected: "one of 'inputs' and 'instances'", got: 'both', message });
}

type Tensors = ReadonlyMap<string, Tensor>;

function readInputs(
  document: Readonly<Record<string, JsonValue | undefined>>,
  signature: TensorInfos | undefined,
): Decoded<Tensors> {
  if (document.instances !== undefined) return readRows(document.instances, 'instances', signature);
  if (document.inputs !== undefined) return readColumns(document.inputs, 'inputs', signature);
  return undecodable({
    where: 'body',
    expected: "one of 'inputs' and 'instances'",
    got: printed(document),
    message: "Missing 'inputs' or 'instances' key",
  });
}

function readRows(rows: JsonValue, key: string, signature?: TensorInfos): Decoded<Tensors> {
  if (!isArray(rows)) {
    const message = `JSON Value: ${printed(rows)} Excepting '${key}' to be an list/array`;
    return undecodable({ where: key, expected: 'a list', got: printed(rows), message });
  }
  const first = rows[0];
  if (first === undefined) {
    const message = `JSON Value: ${printed(rows)} No values in '${key}' array`;
    return undecodable({ where: key, expected: 'at least one row', got: 'none', message });
  }
  return isNamed(first) ? readNamedRows(rows, key, signature) : readPlainRows(rows, key, signature);
}

function readPlainRows(
  rows: readonly JsonValue[],
  key: string,
  signature: TensorInfos | undefined,
): Decoded<Tensors> {
  const sole = soleTensor(key, signature);
  if (!sole.ok) return sole;
  const { name, dtype } = sole.value;
  const builder = createTensorBuilder(dtype);
  for (const [i, row] of rows.entries()) {
    const where = `${key}[${i}]`;
    if (isNamed(row)) {
      const message = `Expecting value/list but got object at item ${i} of input list`;
      return undecodable({ where, expected: 'a value or list', got: printed(row), message });
    }
    const added = builder.add(row, where);
    if (!added.ok) return inElement(added, `element: ${i} of '${key}' list.`);
  }
  return decoded(new Map([[name, builder.stacked()]]));
}

function readNamedRows(
  rows: readonly JsonValue[],
  key: string,
  signature: TensorInfos | undefined,
): Decoded<Tensors> {
  const names = Object.keys(signature ?? (rows[0] as object)).sort();
  const builders = new Map(names.map((name) => [name, createTensorBuilder(signature?.[name]?.dtype)]));
  for (const [i, row] of rows.entries()) {
    const where = `${key}[${i}]`;
    if (!isNamed(row)) {
      const message = `Expecting object but got list at item ${i} of input list`;
      return undecodable({ where, expected: 'an object', got: printed(row), message });
    }
    const added = addNamedRow({ builders, names, key }, row, i);
    if (!added.ok) return added;
  }
  return decoded(new Map([...builders].map(([name, builder]) => [name, builder.stacked()])));
}

interface NamedRows {
  readonly builders: ReadonlyMap<string, TensorBuilder>;
  readonly names: readonly string[];
  readonly key: string;
}

function addNamedRow(
  { builders, names, key }: NamedRows,
  row: Readonly<Record<string, JsonValue>>,
  i: number,
): Decoded<undefined> {
  for (const [name, value] of Object.entries(row)) {
    const where = `${key}[${i}].${name}`;
    const element = `element: ${i} key: ${name} of '${key}' list.`;
    const builder = builders.get(name);
    if (builder === undefined) {
      const message = `JSON object: does not have named input: ${name}`;
      const unknown = undecodable({ where, expected: `the keys ${names.join(',')}`, got: name, message });
      return inElement(unknown, element);
    }
    const added = builder.add(value, where);
    if (!added.ok) return inElement(added, element);
  }
  if (Object.keys(row).length === names.length) return decoded(undefined);
  const message = `Failed to process element: ${i} of '${key}' list. JSON object: ${printed(row)} keys must be equal to: ${names.join(',')}`;
  return undecodable({
    where: `${key}[${i}]`,
    expected: `the keys ${names.join(',')}`,
    got: printed(row),
    message,
  });
}

function readColumns(columns: JsonValue, key: string, signature?: TensorInfos): Decoded<Tensors> {
  if (!isNamed(columns)) {
    const sole = soleTensor(key, signature);
    if (!sole.ok) return sole;
    const tensor = tensorOf(columns, key, sole.value.dtype);
    return tensor.ok ? decoded(new Map([[sole.value.name, tensor.value]])) : tensor;
  }
  const tensors = new Map<string, Tensor>();
  for (const name of Object.keys(signature ?? columns)) {
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    const where = `${key}.${name}`;
    if (column === undefined) {
      const message = `Missing named input: ${name} in '${key}' object.`;
      return undecodable({ where, expected: 'a tensor', got: 'nothing', message });
    }
    const tensor = tensorOf(column, where, signature?.[name]?.dtype);
    if (!tensor.ok) return tensor;
    tensors.set(name, tensor.value);
  }
  return decoded(tensors);
}

/** The one tensor that a plain list can mean. */
function soleTensor(
  key: string,
  signature: TensorInfos | undefined,
): Decoded<{ readonly name: string; readonly dtype: string | undefined }> {
  if (signature === undefined) return decoded({ name: UNNAMED, dtype: undefined });
  const [sole, ...others] = Object.entries(signature);
  if (sole !== undefined && others.length === 0) return decoded({ name: sole[0], dtype: sole[1].dtype });
  const [plain, named] = key === 'instances' ? ['list', 'list of objects'] : ['value/list', 'object'];
  const message = `${key} is a plain ${plain}, but expecting ${key === 'instances' ? '' : 'an '}${named} as multiple input tensors required as per tensorinfo_map`;
  return undecodable({ where: key, expected: named, got: `a plain ${plain}`, message });
}

function inElement(failed: Decoded<never> & { ok: false }, element: string): Decoded<never> {
  const message = `Failed to process ${element} Error: INVALID_ARGUMENT: ${failed.problem.message}`;
  return undecodable({ ...failed.problem, message });
}

function isNamed(value: JsonValue): value is Readonly<Record<string, JsonValue>> {
  return isObject(value) && !isBase64Object(value);
}

function rowsText(tensors: Tensors, style: NumberStyle): string {
  const columns = [...tensors].map(([name, tensor]) => ({ name, texts: sliceTexts(tensor, style) }));
  const [first] = columns;
  if (first === undefined) return '[]';
  if (columns.length === 1 && first.name === UNNAMED) return `[${first.texts.join(',')}]`;
  const rows = first.texts.map(
    (_, row) =>
      `{${columns.map(({ name, texts }) => `${JSON.stringify(name)}:${texts[row] ?? 'null'}`).join(',')}}`,
  );
  return `[${rows.join(',')}]`;
}

function columnsText(tensors: Tensors, style: NumberStyle): string {
  const sole = tensors.size === 1 ? tensors.get(UNNAMED) : undefined;
  if (sole !== undefined) return tensorText(sole, style);
  return `{${[...tensors].map(([name, tensor]) => `${JSON.stringify(name)}:${tensorText(tensor, style)}`).join(',')}}`;
}
