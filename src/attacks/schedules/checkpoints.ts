/**
 * Numbers of steps after which APGD looks whether it is still getting on. The first interval is ⌊0.22·n⌋; each further
 * one is shorter by ⌊0.03·n⌋, but not below ⌊0.06·n⌋; all are at least 1. n = 100: 22, 41, 57, 70, 80, 87, 93, 99.
 */
export function checkpoints(steps: number): number[] {
  const shorter = Math.max(Math.floor(0.03 * steps), 1);
  const least = Math.max(Math.floor(0.06 * steps), 1);
  const at: number[] = [];
  let interval = Math.max(Math.floor(0.22 * steps), 1);
  for (let step = interval; step <= steps; step += interval) {
    at.push(step);
    interval = Math.max(interval - shorter, least);
  }
  return at;
}
