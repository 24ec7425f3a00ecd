import type { tf } from '../../../src/engine/tf.ts';
import type { ModelArtifact } from '../../../src/models/artifact.ts';

export declare function networks(tfjs: typeof tf): Readonly<Record<string, tf.LayersModel>>;
export declare function artifactOf(model: tf.LayersModel): ModelArtifact;
