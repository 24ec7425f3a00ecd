import { AppError } from '../../domain/errors.ts';
import type { ModelArtifact } from '../artifact.ts';
import { graphOf, type NetworkGraph } from '../compiled/compile.ts';
import { NotCompilable } from '../compiled/layers.ts';
import { modelFromArtifact } from '../layers-model.ts';
import { withoutSoftmax } from '../softmax-ending.ts';

/** Names of the exported input and output, whatever the format. */
export const EXPORTED_PORTS = { input: 'inputs', output: 'outputs' } as const;

export interface ForwardGraph extends NetworkGraph {
  /** The network ends in a softmax, which is not in the graph. */
  readonly hadSoftmax: boolean;
}

/**
 * Compiles a network into the operations from which every exporter writes. `startBackend` first.
 * @throws {AppError} TEMPER_MODEL_UNSUPPORTED when a layer has no rule
 */
export async function forwardGraphOf(artifact: ModelArtifact): Promise<ForwardGraph> {
  const { topology, hadSoftmax } = withoutSoftmax(artifact.topology);
  const model = await modelFromArtifact({ ...artifact, topology });
  try {
    return { ...graphOf(model), hadSoftmax };
  } catch (caught) {
    throw caught instanceof NotCompilable ? notExportable(caught.message, caught) : caught;
  } finally {
    model.dispose();
  }
}

export function notExportable(reason: string, cause?: unknown): AppError {
  return new AppError('TEMPER_MODEL_UNSUPPORTED', `This network cannot be exported: ${reason}.`, { cause });
}
