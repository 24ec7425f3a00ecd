import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSavedModel, type GraphNode } from '../../protocols/tensorflow-graph.ts';
import type { ModelArtifact } from '../artifact.ts';
import { FLOAT } from '../compiled/graph.ts';
import { EXPORTED_PORTS, forwardGraphOf } from './forward-graph.ts';

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
  const { forwardNodes, input, scores, hadSoftmax } = await forwardGraphOf(artifact);
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
        [EXPORTED_PORTS.input]: { tensor: input.name, type: 'float', shape: [-1, ...input.shape] },
      },
      outputs: {
        [EXPORTED_PORTS.output]: { tensor: output, type: 'float', shape: [-1, ...scores.shape] },
      },
    },
  });
}
