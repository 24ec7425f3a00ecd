import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadData } from '../../../src/data/dataset.ts';
import { writeDataset } from '../../../src/data/file-dataset.ts';
import { allRows } from '../../../src/data/slice.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-data-'));
});
afterEach(() => rm(directory, { recursive: true }));

const floats = {
  inputs: Float32Array.of(0, 0.1, 1, 0.5),
  labels: Uint8Array.of(3, 0),
  inputShape: [2, 1],
  classes: 4,
};

test.each([
  ['floats', floats],
  ['bytes', { ...floats, inputs: Uint8Array.of(0, 1, 128, 255) }],
  ['no rows', { ...floats, inputs: new Float32Array(), labels: new Uint8Array() }],
])('%s come back as they were written', async (_name, content) => {
  const written = await writeDataset(directory, content);
  const data = await loadData(`file:${directory}`);
  expect(data).toMatchObject({
    sha256: written.sha256,
    count: content.labels.length,
    inputShape: [2, 1],
    classes: 4,
  });
  expect(data.raw(content.labels.map((_, i) => i)).inputs).toEqual(content.inputs);
  expect(Array.from(allRows(data).labels)).toEqual(Array.from(content.labels));
});

test('provenance is kept in the manifest and changes no hash', async () => {
  const plain = await writeDataset(join(directory, 'a'), floats);
  const told = await writeDataset(join(directory, 'b'), { ...floats, provenance: { recipe: 'pgd-20' } });
  expect(told.sha256).toBe(plain.sha256);
  const manifest = JSON.parse(await readFile(join(directory, 'b', 'dataset.json'), 'utf8')) as unknown;
  expect(manifest).toMatchObject({ provenance: { recipe: 'pgd-20' } });
});

test.each([
  [
    'a changed value',
    'inputs.f32',
    Buffer.from(Float32Array.of(0, 0.1, 1, 0.6).buffer),
    /content has sha256/,
  ],
  ['a missing value', 'inputs.f32', Buffer.alloc(12), /make 4 values, it has 3/],
  ['half a float', 'inputs.f32', Buffer.alloc(15), /no multiple of 4/],
  [
    'a value that is not finite',
    'inputs.f32',
    Buffer.from(Float32Array.of(0, NaN, 1, 0).buffer),
    /value NaN at position 1/,
  ],
  ['a label out of range', 'labels.u8', Buffer.of(3, 4), /label 4 of row 1 is not below its 4 classes/],
  ['a missing label', 'labels.u8', Buffer.of(3), /promises 2 rows, labels\.u8 has 1/],
  ['a manifest that is no JSON', 'dataset.json', Buffer.from('{'), /not JSON/],
  ['a manifest without a hash', 'dataset.json', Buffer.from('{"schema":"temper/dataset/1"}'), /sha256/],
])('%s is refused', async (_name, file, content, message) => {
  await writeDataset(directory, floats);
  await writeFile(join(directory, file), content);
  await expect(loadData(`file:${directory}`)).rejects.toMatchObject({
    code: 'TEMPER_DATA_CORRUPT',
    message: expect.stringMatching(message) as string,
  });
});

test('a folder without a manifest is not found, and bad rows are never written', async () => {
  await expect(loadData(`file:${directory}`)).rejects.toMatchObject({ code: 'TEMPER_DATA_NOT_FOUND' });
  const bad = { ...floats, inputs: Float32Array.of(0, Infinity, 0, 0) };
  await expect(writeDataset(directory, bad)).rejects.toMatchObject({ code: 'TEMPER_DATA_CORRUPT' });
  await expect(loadData(`file:${directory}`)).rejects.toMatchObject({ code: 'TEMPER_DATA_NOT_FOUND' });
});

test.each(['mnist', '', 'csv:x', 'toString:x'])('"%s" names no data set', async (name) => {
  await expect(loadData(name)).rejects.toMatchObject({ code: 'TEMPER_DATA_NOT_FOUND' });
});
