import type { AttackSession } from './attack.ts';

/** For every example the class with the smallest score on the original, of those that the criterion wants; the last of equals. */
export function leastLikely(session: AttackSession): Int32Array {
  const { classes } = session.target;
  return targetsByRank(session, classes - 1);
}

/**
 * For every example the `rank`-th most likely of the classes that the criterion wants (all but the label, unless it says
 * otherwise) on the original, from 1; the last of them where there are fewer. Equal scores go to the lower class first.
 */
export function targetsByRank(
  { labels, target, cleanScores, judge }: AttackSession,
  rank: number,
): Int32Array {
  return labels.map((label, example) => {
    const scores = cleanScores.subarray(example * target.classes, (example + 1) * target.classes);
    const wanted = judge.wanted(example);
    const others = Array.from(scores.keys()).filter((k) => wanted[k] === 1);
    others.sort((a, b) => scores[b]! - scores[a]! || a - b);
    // Where nothing is wanted the meter has settled the example; any class will do.
    return others[Math.min(rank, others.length) - 1] ?? (label === 0 ? 1 : 0);
  });
}

/** How many targets are worth trying: the most classes that the criterion wants of any example. */
export function targetCount({ labels, judge }: AttackSession): number {
  return labels.reduce(
    (most, _, example) =>
      Math.max(
        most,
        judge.wanted(example).reduce((a, b) => a + b, 0),
      ),
    0,
  );
}
