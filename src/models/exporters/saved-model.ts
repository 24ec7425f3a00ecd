import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../domain/errors.ts';
import { encodeSavedModel, type GraphNode } from '../../protocols/tensorflow-graph.ts';
import type { ModelArtifact } from '../artifact.ts';
import { graphOf } from '../compiled/compile.ts';
import { FLOAT } from '../compiled/graph.ts';
import { NotCompilable } from '../compiled/layers.ts';
import { modelFromArtifact } from '../layers-model.ts';
import { withoutSoftmax } from '../softmax-ending.ts';

/** Names of the exported signature, as `serving_default` clients give and get them. */
export const SAVED_MODEL_PORTS = { input: 'inputs', output: 'outputs' } as const;

/**
 * Writes a network as a TensorFlow SavedModel: a folder with `saved_model.pb`, weights frozen into the graph, one signature
 * `serving_default` from `inputs` [n, …input shape] to `outputs` [n, classes], float32. TensorFlow and TensorFlow Serving
 * load it. A final softmax is kept. The folder is renamed into place whole. `startBackend` first.
 *
 * @throws {AppError} TEMPER_MODEL_UNSUPPORTED when a layer has no rule | what the file system throws, also when the folder exists and is not empty
 */
export async function exportSavedModel(artifact: ModelArtifact, directory: string): Promise<void> {
  const bytes = await savedModelOf(artifact);
  const beside = `${directory}.writing`;
  await rm(beside, { recursive: true, force: true });
  await mkdir(join(beside, 'variables'), { recursive: true });
  await writeFile(join(beside, 'saved_model.pb'), bytes);
  await rename(beside, directory);
}

/** @throws {AppError} TEMPER_MODEL_UNSUPPORTED */
async function savedModelOf(artifact: ModelArtifact): Promise<Uint8Array> {
  const { topology, hadSoftmax } = withoutSoftmax(artifact.topology);
  const model = await modelFromArtifact({ ...artifact, topology });
  try {
    const { forwardNodes, input, scores } = graphOf(model);
    const softmax: GraphNode = {
      name: 'probabilities',
      operation: 'Softmax',
      inputs: [scores.name],
      attributes: { T: FLOAT },
    };
    const output = hadSoftmax ? 'probabilities:0' : scores.name;
    return encodeSavedModel([...forwardNodes, ...(hadSoftmax ? [softmax] : [])], {
      serving_default: {
        inputs: {
          [SAVED_MODEL_PORTS.input]: { tensor: input.name, type: 'float', shape: [-1, ...input.shape] },
        },
        outputs: {
          [SAVED_MODEL_PORTS.output]: { tensor: output, type: 'float', shape: [-1, ...scores.shape] },
        },
      },
    });
  } catch (caught) {
    if (caught instanceof NotCompilable)
      throw new AppError('TEMPER_MODEL_UNSUPPORTED', `This network cannot be exported: ${caught.message}.`, {
        cause: caught,
      });
    throw caught;
  } finally {
    model.dispose();
  }
}
