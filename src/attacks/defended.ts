import type { Batch, GradientTarget } from '../domain/target.ts';

/** Something that inputs pass before the model sees them: quantising, smoothing, a purifier. It keeps their shape. */
export interface Defence {
  /** The defended inputs, shape [count, features]. It may draw at random; then attacks want `draws`. */
  readonly apply: (batch: Batch) => Float32Array | Promise<Float32Array>;
  /**
   * From gradients with respect to the defended inputs to gradients with respect to the inputs, shape [count, features].
   * Default: taken as they are, as if the defence changed nothing, which suits defences that are near the identity.
   */
  readonly pullBack?: (gradient: Float32Array, batch: Batch) => Float32Array;
}

/**
 * A target together with a defence in front of it, differentiated around the defence (backward pass differentiable
 * approximation, BPDA): forward through the defence, backward through `pullBack`. Wrap before metering, so that what
 * counts as misclassified is what the defended model says.
 *
 * @see Athalye et al. (2018), ICML, arXiv 1802.00420
 */
export function behindDefence(target: GradientTarget, { apply, pullBack }: Defence): GradientTarget {
  const defended = async (batch: Batch): Promise<Batch> => ({ ...batch, inputs: await apply(batch) });
  return {
    inputShape: target.inputShape,
    classes: target.classes,
    scores: async (batch) => target.scores(await defended(batch)),
    async gradient(batch, loss) {
      const answer = await target.gradient(await defended(batch), loss);
      return pullBack === undefined ? answer : { ...answer, gradient: pullBack(answer.gradient, batch) };
    },
  };
}
