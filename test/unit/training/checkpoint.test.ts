import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCheckpoint, writeCheckpoint } from '../../../src/training/checkpoint.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-checkpoint-'));
});
afterEach(() => rm(directory, { recursive: true }));

const checkpoint = {
  identity: 'a',
  header: { epoch: 3, text: 'line\nbreak' },
  floats: { weights: Float32Array.of(1.5, -0, 1e-40), empty: new Float32Array() },
  bytes: { carried: Int8Array.of(-127, 0, 127), odd: Int8Array.of(1) },
};

test('a checkpoint comes back bit by bit; the newest replaces the one before', async () => {
  await writeCheckpoint(directory, { ...checkpoint, header: 'old' });
  await writeCheckpoint(directory, checkpoint);
  expect(await readCheckpoint(directory, 'a')).toEqual(checkpoint);
  expect(Object.is((await readCheckpoint(directory, 'a'))!.floats['weights']![1], -0)).toBe(true);
});

test('no checkpoint, or that of another training, is none', async () => {
  expect(await readCheckpoint(directory, 'a')).toBeUndefined();
  await writeCheckpoint(directory, checkpoint);
  expect(await readCheckpoint(directory, 'b')).toBeUndefined();
});

test('a half-written one beside it does no harm', async () => {
  await writeCheckpoint(directory, checkpoint);
  await writeFile(join(directory, 'checkpoint.bin.part'), 'half');
  expect(await readCheckpoint(directory, 'a')).toEqual(checkpoint);
});

test.each([
  ['a changed byte', (content: Buffer) => content.fill(7, content.length - 1)],
  ['a missing byte', (content: Buffer) => content.subarray(0, -1)],
  ['nonsense', () => Buffer.from('nonsense')],
  ['other JSON', () => Buffer.from('{}\n')],
])('%s is refused and says what to do', async (_name, damage) => {
  await writeCheckpoint(directory, checkpoint);
  const path = join(directory, 'checkpoint.bin');
  await writeFile(path, damage(await readFile(path)));
  await expect(readCheckpoint(directory, 'a')).rejects.toMatchObject({
    code: 'TEMPER_DATA_CORRUPT',
    message: expect.stringMatching(/checkpoint\.bin.*Delete it/) as string,
  });
});
