import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError, toError } from '../domain/errors.ts';
import { canonicalJson } from '../domain/hashing.ts';
import type { ModelRef } from '../domain/model-ref.ts';
import { featureCount } from '../domain/target.ts';
import { joinFloats, weightRanges, type WeightSpec } from './flat-weights.ts';

export type { WeightSpec } from './flat-weights.ts';

/** A model as plain data: no tensors, so it can be sent, hashed, averaged and stored anywhere. */
export interface ModelArtifact {
  /** `modelTopology` of a tfjs layers model. */
  readonly topology: object;
  readonly weightSpecs: readonly WeightSpec[];
  /** All weights after one another, in the order of `weightSpecs`, each row-major. Every value finite. */
  readonly weights: Float32Array;
}

const MODEL_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.bin';

const modelFileSchema = z.looseObject({
  format: z.literal('layers-model').optional(),
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(
    z.looseObject({
      paths: z.array(z.string().min(1)),
      weights: z.array(
        z.looseObject({
          name: z.string().min(1),
          shape: z.array(z.int().min(0)),
          dtype: z.string(),
          quantization: z.unknown().optional(),
        }),
      ),
    }),
  ),
});

type ModelFile = z.infer<typeof modelFileSchema>;

/**
 * Reads a tfjs layers model from its folder (`model.json` and the weight files it names) without tfjs.
 *
 * @throws {AppError} TEMPER_MODEL_NOT_FOUND without model.json; TEMPER_MODEL_CORRUPT when lengths, shapes or values do
 *   not hold; TEMPER_MODEL_UNSUPPORTED for graph models and weights that are not plain float32
 */
export async function readArtifact(directory: string): Promise<ModelArtifact> {
  const file = await readModelFile(directory);
  const groups = await Promise.all(file.weightsManifest.map((group) => readGroup(directory, group)));
  const artifact = {
    topology: file.modelTopology,
    weightSpecs: file.weightsManifest.flatMap((group) =>
      group.weights.map(({ name, shape }) => ({ name, shape })),
    ),
    weights: joinFloats(groups),
  };
  checkArtifact(artifact, directory);
  return artifact;
}

/**
 * Writes a model as `weights.bin` (float32, little-endian) and then, by rename, `model.json`, so that a folder with a
 * model.json is whole. `tf.loadLayersModel` and tfjs's own tools read it.
 *
 * @throws {AppError} TEMPER_MODEL_CORRUPT when weights and specs disagree or a weight is not finite
 */
export async function writeArtifact(directory: string, artifact: ModelArtifact): Promise<ModelRef> {
  checkArtifact(artifact, `model to be written to ${directory}`);
  const { topology, weightSpecs, weights } = artifact;
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, WEIGHTS_FILE), bytesOf(weights));
  const file = {
    format: 'layers-model',
    generatedBy: 'temper',
    convertedBy: null,
    modelTopology: topology,
    weightsManifest: [
      {
        paths: [WEIGHTS_FILE],
        weights: weightSpecs.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  };
  const path = join(directory, MODEL_FILE);
  await writeFile(`${path}.part`, JSON.stringify(file));
  await rename(`${path}.part`, path);
  return { path: directory, sha256: hashArtifact(artifact) };
}

/** Names the model in a folder by its content. Reads and checks all of it. */
export async function modelRefOf(directory: string): Promise<ModelRef> {
  return { path: directory, sha256: hashArtifact(await readArtifact(directory)) };
}

/**
 * Content address of a model: SHA-256 over the canonical JSON of topology and weight specs, then the weights' bytes
 * (little-endian). How the weights are cut into files does not matter.
 */
export function hashArtifact(artifact: ModelArtifact): string {
  const { topology, weightSpecs, weights } = artifact;
  const specs = weightSpecs.map(({ name, shape }) => ({ name, shape }));
  return createHash('sha256')
    .update(canonicalJson({ topology, weightSpecs: specs }))
    .update(bytesOf(weights))
    .digest('hex');
}

function checkArtifact({ weightSpecs, weights }: ModelArtifact, source: string): void {
  const names = new Set(weightSpecs.map(({ name }) => name));
  if (names.size !== weightSpecs.length) throw corrupt(source, 'two weights have the same name');
  const expected = weightRanges(weightSpecs).at(-1)?.end ?? 0;
  if (weights.length !== expected)
    throw corrupt(source, `its weight shapes make ${expected} values, there are ${weights.length}`);
  const bad = weights.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const owner = weightRanges(weightSpecs).findIndex(({ end }) => bad < end);
  throw corrupt(
    source,
    `weight ${weightSpecs[owner]!.name} holds ${weights[bad]}, every value must be finite`,
  );
}

async function readModelFile(directory: string): Promise<ModelFile> {
  const path = join(directory, MODEL_FILE);
  const text = await readFile(path, 'utf8').catch((caught: unknown) => {
    throw new AppError(
      'TEMPER_MODEL_NOT_FOUND',
      `There is no model in ${directory}: ${path} cannot be read.`,
      {
        cause: toError(caught),
      },
    );
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (caught) {
    throw corrupt(directory, `${MODEL_FILE} is not JSON (${toError(caught).message})`);
  }
  if (isGraphModel(json))
    throw new AppError(
      'TEMPER_MODEL_UNSUPPORTED',
      `${path} is a tfjs graph model; a layers model is expected (convert the Keras model with output format tfjs_layers_model).`,
    );
  const parsed = modelFileSchema.safeParse(json);
  if (!parsed.success) throw corrupt(directory, `${MODEL_FILE}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function isGraphModel(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'format' in json && json.format === 'graph-model';
}

async function readGroup(
  directory: string,
  group: ModelFile['weightsManifest'][number],
): Promise<Float32Array> {
  for (const { name, dtype, quantization } of group.weights) {
    if (dtype === 'float32' && quantization === undefined) continue;
    throw new AppError(
      'TEMPER_MODEL_UNSUPPORTED',
      `Weight ${name} in ${directory} is ${quantization === undefined ? dtype : 'quantized'}; plain float32 is expected.`,
    );
  }
  const parts = await Promise.all(group.paths.map((path) => readWeightFile(directory, path)));
  const bytes = Buffer.concat(parts);
  const expected = 4 * group.weights.reduce((sum, { shape }) => sum + featureCount(shape), 0);
  if (bytes.byteLength !== expected)
    throw corrupt(
      directory,
      `${group.paths.join(', ')} hold ${bytes.byteLength} bytes, the manifest promises ${expected}`,
    );
  // A copy: a view needs an offset that is a multiple of four, which a pooled buffer does not have.
  return new Float32Array(new Uint8Array(bytes).buffer);
}

async function readWeightFile(directory: string, path: string): Promise<Buffer> {
  const full = resolve(directory, path);
  if (!full.startsWith(resolve(directory) + sep))
    throw corrupt(directory, `weight file ${path} lies outside the model's folder`);
  return readFile(full).catch((caught: unknown) => {
    throw new AppError(
      'TEMPER_MODEL_CORRUPT',
      `Weight file ${full} cannot be read: ${toError(caught).message}.`,
      {
        cause: toError(caught),
      },
    );
  });
}

function corrupt(source: string, problem: string): AppError {
  return new AppError('TEMPER_MODEL_CORRUPT', `Model ${source} cannot be used: ${problem}.`, {
    details: { source },
  });
}

function bytesOf(weights: Float32Array): Uint8Array {
  return new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
}
