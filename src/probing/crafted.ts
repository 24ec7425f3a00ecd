/** What an attack on the replica found for a batch of inputs; arrays are indexed by row. */
export interface CraftedBatch {
  /** Whether the replica's class was changed within epsilon. */
  readonly success: Uint8Array;
  /** The adversarial found, and the same moved as close to the input as the replica still errs. Shape [n, features]. */
  readonly adversarial: Float32Array;
  readonly refined: Float32Array;
  readonly distance: Float32Array;
  readonly refinedDistance: Float32Array;
  /** Replica's class on the clean input. */
  readonly replicaClass: Int32Array;
  readonly forwardQueries: Uint32Array;
  readonly gradientQueries: Uint32Array;
}
