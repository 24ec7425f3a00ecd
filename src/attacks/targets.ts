import type { AttackSession } from './attack.ts';

/** For every example the class with the smallest score on the original; the last of equals. */
export function leastLikely(session: AttackSession): Int32Array {
  const { classes } = session.target;
  return targetsByRank(session, classes - 1);
}

/**
 * For every example the `rank`-th most likely class other than its label on the original, from 1: where the label wins,
 * rank 1 is the second most likely class. Equal scores go to the lower class first.
 */
export function targetsByRank({ labels, target, cleanScores }: AttackSession, rank: number): Int32Array {
  return labels.map((label, example) => {
    const scores = cleanScores.subarray(example * target.classes, (example + 1) * target.classes);
    const others = Array.from(scores.keys()).filter((k) => k !== label);
    others.sort((a, b) => scores[b]! - scores[a]! || a - b);
    return others[Math.min(rank, others.length) - 1]!;
  });
}
