import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  hashArtifact,
  modelRefOf,
  readArtifact,
  writeArtifact,
  type ModelArtifact,
} from '../../../src/models/artifact.ts';
import { buildNetwork } from '../../../src/models/network.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-model-'));
});
afterEach(() => rm(directory, { recursive: true }));

const tiny = (): ModelArtifact =>
  buildNetwork({
    name: 'tiny',
    inputShape: [2, 2, 1],
    seed: 3,
    layers: [{ kind: 'flatten' }, { kind: 'dense', units: 3, activation: 'linear' }],
  });

interface ModelJson {
  format?: string;
  weightsManifest: {
    paths: string[];
    weights: { name: string; shape: number[]; dtype: string; quantization?: object }[];
  }[];
}

async function editJson(edit: (json: ModelJson) => void): Promise<void> {
  const path = join(directory, 'model.json');
  const json = JSON.parse(await readFile(path, 'utf8')) as ModelJson;
  edit(json);
  await writeFile(path, JSON.stringify(json));
}

test('a model comes back as it was written and is named by its content, not its folder', async () => {
  const written = await writeArtifact(join(directory, 'a'), tiny());
  const copied = await writeArtifact(join(directory, 'b'), await readArtifact(join(directory, 'a')));
  expect(await readArtifact(join(directory, 'b'))).toEqual(tiny());
  expect(copied.sha256).toBe(written.sha256);
  expect(await modelRefOf(join(directory, 'b'))).toEqual({
    path: join(directory, 'b'),
    sha256: written.sha256,
  });
});

test('every part of the content decides the hash', () => {
  const base = tiny();
  const moved = Float32Array.from(base.weights);
  moved[5] = moved[5]! + 1e-6;
  const renamed = base.weightSpecs.map((spec) => ({ ...spec, name: `${spec.name}_` }));
  const hashes = [
    base,
    { ...base, weights: moved },
    { ...base, weightSpecs: renamed },
    { ...base, topology: {} },
  ].map(hashArtifact);
  expect(new Set(hashes).size).toBe(4);
});

test('weights cut into several files and groups are the same model', async () => {
  const { sha256 } = await writeArtifact(directory, tiny());
  const bytes = await readFile(join(directory, 'weights.bin'));
  await writeFile(join(directory, 'one'), bytes.subarray(0, 7));
  await writeFile(join(directory, 'two'), bytes.subarray(7, 48));
  await writeFile(join(directory, 'three'), bytes.subarray(48));
  await editJson((json) => {
    const [kernel, bias] = json.weightsManifest[0]!.weights;
    json.weightsManifest = [
      { paths: ['one', 'two'], weights: [kernel!] },
      { paths: ['three'], weights: [bias!] },
    ];
  });
  expect((await modelRefOf(directory)).sha256).toBe(sha256);
});

test.each<[string, string, string, (directory: string) => Promise<void>]>([
  ['no model', 'TEMPER_MODEL_NOT_FOUND', 'model.json', (at) => rm(join(at, 'model.json'))],
  ['no JSON', 'TEMPER_MODEL_CORRUPT', 'not JSON', (at) => writeFile(join(at, 'model.json'), '{')],
  ['no topology', 'TEMPER_MODEL_CORRUPT', 'modelTopology', (at) => writeFile(join(at, 'model.json'), '{}')],
  ['a missing weight file', 'TEMPER_MODEL_CORRUPT', 'weights.bin', (at) => rm(join(at, 'weights.bin'))],
  [
    'a short weight file',
    'TEMPER_MODEL_CORRUPT',
    'hold 8 bytes, the manifest promises 60',
    (at) => writeFile(join(at, 'weights.bin'), Buffer.alloc(8)),
  ],
  [
    'a weight that is not finite',
    'TEMPER_MODEL_CORRUPT',
    'dense_2/bias holds NaN',
    (at) =>
      writeFile(
        join(at, 'weights.bin'),
        new Uint8Array(Float32Array.from({ length: 15 }, (_, i) => (i === 13 ? NaN : 0)).buffer),
      ),
  ],
  [
    'a graph model',
    'TEMPER_MODEL_UNSUPPORTED',
    'graph model',
    () => editJson((json) => void (json.format = 'graph-model')),
  ],
  [
    'half floats',
    'TEMPER_MODEL_UNSUPPORTED',
    'dense_2/kernel',
    () => editJson((json) => void (json.weightsManifest[0]!.weights[0]!.dtype = 'float16')),
  ],
  [
    'quantized weights',
    'TEMPER_MODEL_UNSUPPORTED',
    'quantized',
    () => editJson((json) => void (json.weightsManifest[0]!.weights[1]!.quantization = {})),
  ],
  [
    'a file outside',
    'TEMPER_MODEL_CORRUPT',
    'outside',
    () => editJson((json) => void (json.weightsManifest[0]!.paths = ['../weights.bin'])),
  ],
  [
    'a name twice',
    'TEMPER_MODEL_CORRUPT',
    'same name',
    () => editJson((json) => void (json.weightsManifest[0]!.weights[1]!.name = 'dense_2/kernel')),
  ],
])('%s is refused with a reason', async (_name, code, message, damage) => {
  await writeArtifact(directory, tiny());
  await damage(directory);
  await expect(readArtifact(directory)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  });
});

test('a broken model is never written', async () => {
  const broken = { ...tiny(), weights: new Float32Array(3) };
  await expect(writeArtifact(join(directory, 'x'), broken)).rejects.toMatchObject({
    code: 'TEMPER_MODEL_CORRUPT',
  });
  await expect(readArtifact(join(directory, 'x'))).rejects.toMatchObject({ code: 'TEMPER_MODEL_NOT_FOUND' });
});
