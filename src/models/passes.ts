import { inScope } from '../engine/in-scope.ts';
import { canRunGraphs } from '../engine/graph-session.ts';
import { tf } from '../engine/tf.ts';
import { compilePasses } from './compiled/compile.ts';
import { NotCompilable } from './compiled/layers.ts';
import type { NetworkPasses } from './network-passes.ts';
import { scoreOp } from './score-op.ts';

/** The fastest passes that this process's engine has for a network. Takes the model over: disposing of it is theirs. */
export async function passesFor(model: tf.LayersModel): Promise<NetworkPasses> {
  if (!canRunGraphs()) return tapePasses(model);
  try {
    const passes = await compilePasses(model);
    model.dispose();
    return passes;
  } catch (caught) {
    if (!(caught instanceof NotCompilable)) throw caught;
    return { ...tapePasses(model), reason: caught.message };
  }
}

/** Passes of any network on any engine, by tfjs's tape. */
export function tapePasses(model: tf.LayersModel): NetworkPasses {
  const forward = (inputs: tf.Tensor): tf.Tensor2D => model.apply(inputs, { training: false }) as tf.Tensor2D;
  return {
    path: 'tape',
    logits: (inputs) => inScope(() => forward(inputs).dataSync() as Float32Array),
    gradient: (inputs, upstreamOf) =>
      inScope(() => {
        const operation = scoreOp(upstreamOf);
        const gradient = tf.grad((x) => operation(forward(x)))(inputs);
        operation.check();
        return gradient.dataSync() as Float32Array;
      }),
    dispose: () => void model.dispose(),
  };
}
