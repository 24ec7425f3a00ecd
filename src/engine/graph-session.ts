import { tf } from './tf.ts';

/** A graph loaded into TensorFlow. Any tensor of it, by `node:output`, may be given or asked for. */
export interface GraphSession {
  /** Runs what the outputs need beyond the given tensors. The caller owns the tensors that come back. */
  run(
    given: readonly (readonly [name: string, tensor: tf.Tensor])[],
    outputs: readonly string[],
  ): tf.Tensor[];
  close(): void;
}

/** The part of tfjs-node's backend that runs sessions. */
interface SessionBackend {
  loadSavedModelMetaGraph(path: string, tags: string): number;
  runSavedModel(
    id: number,
    inputs: readonly tf.Tensor[],
    infos: readonly { readonly name: string }[],
    outputs: readonly string[],
  ): tf.Tensor[];
  deleteSavedModel(id: number): void;
}

/** Whether this process's engine can run graphs: only native TensorFlow can. */
export function canRunGraphs(): boolean {
  return tf.getBackend() === 'tensorflow';
}

/** Loads a SavedModel tagged `serve` from a folder, which is not needed afterwards. */
export function openGraphSession(directory: string): GraphSession {
  const backend = tf.backend() as unknown as SessionBackend; // guarded by canRunGraphs
  const id = backend.loadSavedModelMetaGraph(directory, 'serve');
  let isOpen = true;
  return {
    run: (given, outputs) =>
      backend.runSavedModel(
        id,
        given.map(([, tensor]) => tensor),
        given.map(([name]) => ({ name })),
        outputs,
      ),
    close() {
      if (isOpen) backend.deleteSavedModel(id);
      isOpen = false;
    },
  };
}
