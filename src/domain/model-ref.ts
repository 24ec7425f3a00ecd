/** A model on disk, named by content: the folder that holds model.json, and the hash of everything that decides its answers. */
export interface ModelRef {
  readonly path: string;
  /** SHA-256 over model topology and weights; see models/artifact.ts. Empty for a served model, whose files nobody here has. */
  readonly sha256: string;
  /** Preprocessing that the deployment has in front of it, e.g. `bits:3`; the first is the nearest to the input. */
  readonly defences?: readonly string[];
}
