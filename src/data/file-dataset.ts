import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, toError } from '../domain/errors.ts';
import { featureCount } from '../domain/target.ts';
import { createSlice, hashRows, type DataSlice, type RowStore } from './slice.ts';

const SCHEMA = 'temper/dataset/1';

const manifestSchema = z.strictObject({
  schema: z.literal(SCHEMA),
  inputShape: z.array(z.int().min(1)).min(1),
  classes: z.int().min(2).max(256),
  count: z.int().min(0),
  inputs: z.enum(['inputs.u8', 'inputs.f32']),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Where the rows came from; for people and reports, decides nothing. */
  provenance: z.json().optional(),
});

export interface DatasetContent extends RowStore {
  /** Where the rows came from: any JSON value, kept in the manifest. */
  readonly provenance?: unknown;
}

export interface WrittenDataset {
  readonly path: string;
  /** Equals the `sha256` of the slice that `readDataset` gives. */
  readonly sha256: string;
  readonly count: number;
}

/**
 * Writes labelled rows as a folder: `inputs.u8` or `inputs.f32` (little-endian), `labels.u8`, and last, by rename,
 * `dataset.json`, so that a folder with a manifest is whole.
 *
 * @throws {AppError} TEMPER_DATA_CORRUPT when inputs, labels and shape disagree, a label is out of range, or a value is
 *   not finite
 */
export async function writeDataset(directory: string, content: DatasetContent): Promise<WrittenDataset> {
  const { inputs, labels, inputShape, classes, provenance } = content;
  checkRows(content, `data set to be written to ${directory}`);
  const sha256 = hashRows(content, allIndexes(labels.length));
  const inputsFile = inputs instanceof Uint8Array ? 'inputs.u8' : 'inputs.f32';
  await mkdir(directory, { recursive: true });
  await writeFile(
    join(directory, inputsFile),
    new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength),
  );
  await writeFile(join(directory, 'labels.u8'), labels);
  const manifest = {
    schema: SCHEMA,
    inputShape,
    classes,
    count: labels.length,
    inputs: inputsFile,
    sha256,
    provenance,
  };
  const path = join(directory, 'dataset.json');
  await writeFile(`${path}.part`, `${JSON.stringify(manifest, undefined, 2)}\n`);
  await rename(`${path}.part`, path);
  return { path: directory, sha256, count: labels.length };
}

/**
 * Reads a folder that `writeDataset` wrote and checks it against its manifest, content hash included.
 *
 * @throws {AppError} TEMPER_DATA_NOT_FOUND when there is no manifest, TEMPER_DATA_CORRUPT when something does not agree
 */
export async function readDataset(directory: string): Promise<DataSlice> {
  const manifest = await readManifest(directory);
  const inputBytes = await readPart(join(directory, manifest.inputs));
  const store: RowStore = {
    inputs:
      manifest.inputs === 'inputs.u8' ? inputBytes : asFloats(inputBytes, join(directory, manifest.inputs)),
    labels: await readPart(join(directory, 'labels.u8')),
    inputShape: manifest.inputShape,
    classes: manifest.classes,
  };
  if (store.labels.length !== manifest.count)
    throw corrupt(
      directory,
      `dataset.json promises ${manifest.count} rows, labels.u8 has ${store.labels.length}`,
    );
  checkRows(store, directory);
  const slice = createSlice(`file:${directory}`, store, allIndexes(manifest.count));
  if (slice.sha256 !== manifest.sha256)
    throw corrupt(
      directory,
      `its content has sha256 ${slice.sha256}, dataset.json promises ${manifest.sha256}`,
    );
  return slice;
}

async function readManifest(directory: string): Promise<z.infer<typeof manifestSchema>> {
  const path = join(directory, 'dataset.json');
  const text = (await readPart(path)).toString();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (caught) {
    throw corrupt(directory, `dataset.json is not JSON: ${toError(caught).message}`);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw corrupt(directory, `dataset.json: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

async function readPart(path: string): Promise<Buffer> {
  return readFile(path).catch((caught: unknown) => {
    throw new AppError(
      'TEMPER_DATA_NOT_FOUND',
      `Data set file ${path} cannot be read: ${toError(caught).message}.`,
      {
        cause: toError(caught),
      },
    );
  });
}

function asFloats(bytes: Buffer, source: string): Float32Array {
  if (bytes.byteLength % Float32Array.BYTES_PER_ELEMENT !== 0)
    throw corrupt(source, `its length of ${bytes.byteLength} bytes is no multiple of 4`);
  // A copy: the view that readFile gives need not be aligned to four bytes.
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function checkRows(store: RowStore, source: string): void {
  const { inputs, labels, inputShape, classes } = store;
  const expected = labels.length * featureCount(inputShape);
  if (inputs.length !== expected)
    throw corrupt(
      source,
      `${labels.length} rows of shape [${inputShape.join(', ')}] make ${expected} values, it has ${inputs.length}`,
    );
  const badLabel = labels.findIndex((label) => label >= classes);
  if (badLabel >= 0)
    throw corrupt(source, `label ${labels[badLabel]} of row ${badLabel} is not below its ${classes} classes`);
  const badValue = inputs instanceof Float32Array ? inputs.findIndex((value) => !Number.isFinite(value)) : -1;
  if (badValue >= 0) throw corrupt(source, `value ${inputs[badValue]} at position ${badValue} is not finite`);
}

function corrupt(source: string, problem: string): AppError {
  return new AppError('TEMPER_DATA_CORRUPT', `Data set ${source} cannot be used: ${problem}.`);
}

function allIndexes(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}
