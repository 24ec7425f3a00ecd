import type { ModelRef } from '../domain/model-ref.ts';
import type { ComputePool } from '../engine/pool.ts';
import { attackAndRefine, scoreShard, type RefinedBatch } from '../evaluation/tasks.ts';
import type { CraftedBatch } from './crafted.ts';
import { gatherRows, type Craft, type CraftRequest } from './prober.ts';

/** Rows per task: fixed, so that the pool's size changes nothing but the time it takes. */
const SHARD_ROWS = 32;

/** Crafting in compute workers: a batch is cut into shards of fixed size, which run side by side. */
export function createPoolCraft(pool: ComputePool): Craft {
  return async (request) => {
    const features = request.inputs.length / Math.max(1, request.ids.length);
    const shards = shardRows(request.ids.length);
    const results = await Promise.all(
      shards.map((rows) => pool.run(attackAndRefine, shardOf(request, rows, features))),
    );
    return join(results);
  };
}

/** Clean scores of a replica, in compute workers. Shape [count, classes]. */
export function createPoolScores(pool: ComputePool) {
  return async (model: ModelRef, inputs: Float32Array, count: number): Promise<Float32Array> => {
    const features = inputs.length / Math.max(1, count);
    const results = await Promise.all(
      shardRows(count).map((rows) =>
        pool.run(scoreShard, { model, inputs: gatherRows(inputs, rows, features), count: rows.length }),
      ),
    );
    return concatFloats(results);
  };
}

function shardRows(count: number): number[][] {
  const shards: number[][] = [];
  for (let from = 0; from < count; from += SHARD_ROWS) {
    shards.push(Array.from({ length: Math.min(SHARD_ROWS, count - from) }, (_, i) => from + i));
  }
  return shards;
}

function shardOf(request: CraftRequest, rows: readonly number[], features: number): CraftRequest {
  return {
    ...request,
    inputs: gatherRows(request.inputs, rows, features),
    labels: Int32Array.from(rows, (row) => request.labels[row]!),
    ids: rows.map((row) => request.ids[row]!),
  };
}

function join(parts: readonly RefinedBatch[]): CraftedBatch {
  const integers = (pick: (part: RefinedBatch) => ArrayLike<number>): number[] =>
    parts.flatMap((part) => Array.from(pick(part)));
  const floats = (pick: (part: RefinedBatch) => Float32Array): Float32Array => concatFloats(parts.map(pick));
  return {
    success: Uint8Array.from(integers((part) => part.success)),
    adversarial: floats((part) => part.adversarial),
    refined: floats((part) => part.refined),
    distance: floats((part) => part.distance),
    refinedDistance: floats((part) => part.refinedDistance),
    replicaClass: Int32Array.from(integers((part) => part.replicaClass)),
    forwardQueries: Uint32Array.from(integers((part) => part.forwardQueries)),
    gradientQueries: Uint32Array.from(integers((part) => part.gradientQueries)),
  };
}

function concatFloats(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
