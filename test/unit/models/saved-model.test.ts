import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf } from '../../../src/engine/tf.ts';
import type { ModelArtifact } from '../../../src/models/artifact.ts';
import { exportSavedModel } from '../../../src/models/exporters/saved-model.ts';
import { buildNetwork } from '../../../src/models/network.ts';
import { modelFromArtifact } from '../../../src/models/replica.ts';
import { startTestBackend, testEngine } from '../../support/engine.ts';

beforeAll(startTestBackend);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'temper-export-'));
});
afterEach(() => rm(folder, { recursive: true }));

const network = (): ModelArtifact =>
  buildNetwork({
    name: 'exported',
    inputShape: [8, 8, 1],
    seed: 5,
    layers: [
      { kind: 'convolution', filters: 3, kernel: 3, stride: 1, activation: 'relu' },
      { kind: 'max-pool', size: 2 },
      { kind: 'flatten' },
      { kind: 'dense', units: 4, activation: 'linear' },
    ],
  });

/** The same network with a softmax at its end. */
function withSoftmax(artifact: ModelArtifact): ModelArtifact {
  // Not structuredClone: its arrays are not of this realm, and tfjs looks.
  const topology = JSON.parse(JSON.stringify(artifact.topology)) as {
    config: { layers: { config: object }[] };
  };
  Object.assign(topology.config.layers.at(-1)!.config, { activation: 'softmax' });
  return { ...artifact, topology };
}

/** The part of tfjs-node that loads SavedModels by its own reading of the format. */
interface NodeNamespace {
  getMetaGraphsFromSavedModel(path: string): Promise<{ tags: string[]; signatureDefs: object }[]>;
  loadSavedModel(
    path: string,
  ): Promise<{ predict(inputs: object): Record<string, tf.Tensor>; dispose(): void }>;
}

describe('a SavedModel', () => {
  it('is written whole, and never over another', async () => {
    const out = join(folder, '1');
    await exportSavedModel(network(), out);
    expect(existsSync(join(out, 'saved_model.pb'))).toBe(true);
    await expect(exportSavedModel(network(), out)).rejects.toThrow();
    expect(existsSync(join(out, 'saved_model.pb'))).toBe(true);
  });

  (testEngine === 'tensorflow' ? it : it.skip).each([
    ['logits', network()],
    ['probabilities', withSoftmax(network())],
  ])('is loaded by TensorFlow and gives the same %s', async (_, artifact) => {
    const out = join(folder, '1');
    await exportSavedModel(artifact, out);
    // Optional, so its types may not be there.
    const native = '@tensorflow/tfjs-node';
    const { node } = (await import(native)) as { node: NodeNamespace };
    const [graph] = await node.getMetaGraphsFromSavedModel(out);
    expect(graph).toMatchObject({ tags: ['serve'], signatureDefs: { serving_default: {} } });
    const loaded = await node.loadSavedModel(out);
    const inputs = tf.randomUniform([3, 8, 8, 1], 0, 1, 'float32', 7);
    const model = await modelFromArtifact(artifact);
    const [expected, found] = [
      (model.predict(inputs) as tf.Tensor).dataSync(),
      loaded.predict({ inputs })['outputs']!.dataSync(),
    ];
    expect(found).toHaveLength(12);
    found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    loaded.dispose();
    model.dispose();
  });
});
