import { createRng } from '../../../src/domain/rng.ts';
import { predictedClass } from '../../../src/domain/target.ts';
import { createCertifier } from '../../../src/models/certificates/certify.ts';
import { buildNetwork } from '../../../src/models/network.ts';
import { replicaFrom } from '../../../src/models/replica.ts';
import type { ModelArtifact } from '../../../src/models/artifact.ts';
import { startTestBackend } from '../../support/engine.ts';

beforeAll(startTestBackend);

const COUNT = 40;

const network = (seed: number): ModelArtifact =>
  buildNetwork({
    name: 'certified',
    inputShape: [8, 8, 1],
    seed,
    layers: [
      { kind: 'convolution', filters: 4, kernel: 3, stride: 1, activation: 'relu' },
      { kind: 'max-pool', size: 2 },
      { kind: 'convolution', filters: 4, kernel: 3, stride: 2, activation: 'relu' },
      { kind: 'flatten' },
      { kind: 'dense', units: 8, activation: 'relu' },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  });

function draw(seed: number): Float32Array {
  const rng = createRng('certify', seed);
  return Float32Array.from({ length: COUNT * 64 }, () => rng.uniform());
}

async function labelsOf(artifact: ModelArtifact, inputs: Float32Array): Promise<Int32Array> {
  const replica = await replicaFrom(artifact);
  const rows = Int32Array.from({ length: inputs.length / 64 }, (_, i) => i);
  const scores = await replica.scores({ inputs, count: rows.length, rows });
  replica.dispose();
  return rows.map((row) => predictedClass(scores, 3, row));
}

describe('interval bound propagation', () => {
  it.each([0.002, 0.01, 0.03])(
    'certifies nothing that random points of the ball break, epsilon %d',
    async (epsilon) => {
      for (let seed = 0; seed < 4; seed++) {
        const [artifact, inputs] = [network(seed), draw(seed)];
        const labels = await labelsOf(artifact, inputs);
        const certifier = (await createCertifier(artifact, { norm: 'linf', epsilon, range: [0, 1] }))!;
        const proved = certifier.certify(inputs, labels);
        const rng = createRng('points', seed);
        for (let round = 0; round < 20; round++) {
          // Corners of the ball are where a network is weakest.
          const moved = inputs.map((value) =>
            Math.min(1, Math.max(0, value + (rng.uniform() < 0.5 ? -epsilon : epsilon))),
          );
          const after = await labelsOf(artifact, moved);
          proved.forEach((yes, i) => expect(yes === 1 && after[i] !== labels[i]).toBe(false));
        }
      }
    },
  );

  it('certifies most of what has a margin at a tiny epsilon, and nothing at a large one', async () => {
    const [artifact, inputs] = [network(1), draw(1)];
    const labels = await labelsOf(artifact, inputs);
    const share = async (epsilon: number): Promise<number> => {
      const certifier = (await createCertifier(artifact, { norm: 'linf', epsilon, range: [0, 1] }))!;
      return certifier.certify(inputs, labels).reduce((a, b) => a + b, 0) / COUNT;
    };
    expect(await share(1e-5)).toBeGreaterThan(0.9);
    expect(await share(0.9)).toBe(0);
  });

  it('is exact for a linear model: the margin over the L1 norm of the difference of the rows', async () => {
    const artifact = buildNetwork({
      name: 'linear',
      inputShape: [64],
      seed: 3,
      layers: [{ kind: 'dense', units: 3, activation: 'linear' }],
    });
    const inputs = draw(3).map((value) => 0.4 + 0.2 * value);
    const labels = await labelsOf(artifact, inputs);
    const { weights } = artifact;
    for (const epsilon of [0.001, 0.01, 0.05, 0.1]) {
      const certifier = (await createCertifier(artifact, { norm: 'linf', epsilon, range: [0, 1] }))!;
      const proved = certifier.certify(inputs, labels);
      labels.forEach((label, row) => {
        const worst = Math.min(
          ...[0, 1, 2]
            .filter((other) => other !== label)
            .map((other) => {
              let margin = weights[192 + label]! - weights[192 + other]!;
              for (let j = 0; j < 64; j++) {
                const difference = weights[3 * j + label]! - weights[3 * j + other]!;
                margin += difference * inputs[row * 64 + j]! - epsilon * Math.abs(difference);
              }
              return margin;
            }),
        );
        if (Math.abs(worst) > 1e-4) expect(proved[row]).toBe(worst > 0 ? 1 : 0);
      });
    }
  });

  it('never certifies a wrong label, and refuses what it cannot hold in a box', async () => {
    const [artifact, inputs] = [network(2), draw(2)];
    const wrong = (await labelsOf(artifact, inputs)).map((label) => (label + 1) % 3);
    const certifier = (await createCertifier(artifact, { norm: 'l2', epsilon: 0.001, range: [0, 1] }))!;
    expect(certifier.certify(inputs, wrong).every((yes) => yes === 0)).toBe(true);
    expect(await createCertifier(artifact, { norm: 'l0', epsilon: 1, range: [0, 1] })).toBeUndefined();
  });
});
