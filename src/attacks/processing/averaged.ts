import type { LossGradient } from '../../domain/target.ts';
import type { Processing } from '../loop/parts.ts';

/**
 * Expectation over transformations: losses and gradients are means of `draws` answers of a target that answers
 * differently each time. Scores are those of the last answer. With one draw it changes nothing.
 */
export function averaged(draws: number): () => Processing {
  return () => ({
    evaluate: (next) => async (batch) => {
      const answers: LossGradient[] = [];
      for (let draw = 0; draw < draws; draw++) answers.push(await next(batch));
      if (answers.length === 1) return answers[0]!;
      return {
        scores: answers.at(-1)!.scores,
        losses: meanOf(answers.map(({ losses }) => losses)),
        gradient: meanOf(answers.map(({ gradient }) => gradient)),
      };
    },
  });
}

function meanOf(arrays: readonly Float32Array[]): Float32Array {
  return arrays[0]!.map((_, i) => arrays.reduce((sum, values) => sum + values[i]!, 0) / arrays.length);
}
