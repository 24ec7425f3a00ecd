import type { Batch } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';

/**
 * All that an attack by decisions gets to see of a session: of the target nothing but whether it is fooled. Scores, the
 * clean ones too, stay behind, so an attack written against this type works against a model that only names a class.
 */
export interface DecisionSession extends Pick<
  AttackSession,
  'features' | 'originals' | 'threat' | 'ball' | 'feasible' | 'isLive' | 'liveRows' | 'rng' | 'starts'
> {
  readonly inputShape: readonly number[];
  /** 1 for the rows whose decision is what the adversary wants, else 0; an answer of NaN is not. Shape [count]. */
  readonly isFooled: (batch: Batch) => Promise<Uint8Array>;
}

/** A session without its scores. Metered as before: each row asked about is one forward query. */
export function decisionSession(session: AttackSession): DecisionSession {
  const { target, judge, features, originals, threat, ball, feasible, isLive, liveRows, rng } = session;
  return {
    features,
    originals,
    threat,
    ball,
    feasible,
    isLive,
    liveRows,
    rng,
    ...(session.starts === undefined ? {} : { starts: session.starts }),
    inputShape: target.inputShape,
    async isFooled(batch) {
      const scores = await target.scores(batch);
      return Uint8Array.from({ length: batch.count }, (_, i) =>
        Number(judge.isSuccess(scores, i, batch.rows[i]!)),
      );
    },
  };
}
