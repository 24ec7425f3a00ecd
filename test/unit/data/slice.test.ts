import fc from 'fast-check';
import { allRows, concatSlices, createSlice, type RowStore } from '../../../src/data/slice.ts';
import { createRng } from '../../../src/domain/rng.ts';

const bytes: RowStore = {
  inputs: Uint8Array.of(0, 255, 51, 102, 153, 204, 10, 20),
  labels: Uint8Array.of(0, 1, 2, 1),
  inputShape: [2],
  classes: 3,
};
const floats: RowStore = {
  inputs: Float32Array.of(0.25, 0.5),
  labels: Uint8Array.of(2),
  inputShape: [2],
  classes: 3,
};
const all = (store: RowStore) =>
  createSlice(
    'toy',
    store,
    Uint32Array.from(store.labels, (_, i) => i),
  );

test('bytes come out as byte / 255, rows in the order asked for, with repeats', () => {
  const { inputs, labels } = all(bytes).rows([2, 0, 2]);
  expect(Array.from(labels)).toEqual([2, 0, 2]);
  expect(inputs).toEqual(Float32Array.of(0.6, 0.8, 0, 1, 0.6, 0.8));
});

test('raw rows stay bytes and are a copy', () => {
  const { inputs } = all(bytes).raw([1]);
  expect(inputs).toEqual(Uint8Array.of(51, 102));
  inputs.fill(0);
  expect(all(bytes).raw([1]).inputs).toEqual(Uint8Array.of(51, 102));
});

test('a slice of a slice is the slice, with bounds cut to what is there', () => {
  fc.assert(
    fc.property(fc.nat(5), fc.nat(5), fc.nat(5), fc.nat(5), (a, b, c, d) => {
      const slice = all(bytes).slice(a, b).slice(c, d);
      expect(Array.from(allRows(slice).labels)).toEqual(
        Array.from(bytes.labels.slice(a, Math.max(a, b)).slice(c, Math.max(c, d))),
      );
      expect(slice.count).toBe(allRows(slice).labels.length);
    }),
  );
});

test('the hash names content and order, not the way there', () => {
  const whole = all(bytes);
  expect(whole.slice(1, 3).sha256).toBe(createSlice('other', bytes, Uint32Array.of(1, 2)).sha256);
  expect(whole.slice(1, 3).sha256).not.toBe(createSlice('toy', bytes, Uint32Array.of(2, 1)).sha256);
  expect(whole.slice(0, 0).sha256).toBe(whole.slice(4, 9).sha256);
  const relabelled = { ...bytes, labels: Uint8Array.of(0, 1, 2, 2) };
  expect(all(relabelled).sha256).not.toBe(whole.sha256);
});

test('shuffling keeps every example with its label and depends on the generator only', () => {
  const shuffled = all(bytes).shuffled(createRng('shuffle', 1));
  expect(Array.from(allRows(shuffled).labels).sort()).toEqual([0, 1, 1, 2]);
  expect(shuffled.sha256).toBe(all(bytes).shuffled(createRng('shuffle', 1)).sha256);
  for (let i = 0; i < 4; i++) {
    const { inputs, labels } = shuffled.raw([i]);
    const at = [0, 255, 51, 102, 153, 204, 10, 20].indexOf(inputs[0]!) / 2;
    expect(bytes.labels[at]).toBe(labels[0]);
  }
});

test('parts are put together: bytes stay bytes, bytes and floats become floats', () => {
  expect(concatSlices('two', [all(bytes), all(bytes)]).raw([4]).inputs).toEqual(Uint8Array.of(0, 255));
  const mixed = concatSlices('mixed', [all(bytes), all(floats)]);
  expect(mixed.count).toBe(5);
  expect(mixed.raw([1, 4]).inputs).toEqual(Float32Array.of(0.2, 0.4, 0.25, 0.5));
});

test('mistakes name the data set', () => {
  expect(() => all(bytes).rows([4])).toThrow(/toy has examples 0 to 3; example 4/);
  const other = createSlice('wide', { ...floats, inputShape: [1, 2] }, Uint32Array.of(0));
  expect(() => concatSlices('both', [all(bytes), other])).toThrow(/toy has shape \[2\].*wide has \[1, 2\]/);
  expect(() => concatSlices('none', [])).toThrow(/none has no parts/);
});
