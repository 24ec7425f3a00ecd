import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { propose } from '../../../src/attacks/decision/boundary.ts';
import { planOf, toleranceOf } from '../../../src/attacks/decision/hop-skip-jump.ts';
import { createVotes, type VoteNorm } from '../../../src/attacks/decision/votes.ts';

interface Golden {
  readonly votes: readonly {
    readonly norm: VoteNorm;
    readonly centre: number[];
    readonly points: number[][];
    readonly fooled: boolean[];
    readonly direction: number[];
  }[];
  readonly plans: readonly {
    readonly norm: VoteNorm;
    readonly features: number;
    readonly distance: number;
    readonly step: number;
    readonly radius: number;
    readonly votes: number;
    readonly size: number;
    readonly tolerance: number;
  }[];
  readonly proposals: readonly {
    readonly original: number[];
    readonly point: number[];
    readonly noise: number[];
    readonly spherical: number;
    readonly source: number;
    readonly sphere: number[];
    readonly candidate: number[];
  }[];
}

const golden = JSON.parse(readFileSync(join(__dirname, 'decision.json'), 'utf8')) as Golden;

test.each(golden.votes)('direction of votes in $norm', ({ norm, centre, points, fooled, direction }) => {
  const votes = createVotes(norm, centre.length);
  points.forEach((point, b) => votes.add(fooled[b]!, Float32Array.from(point), Float32Array.from(centre)));
  votes.direction().forEach((value, j) => expect(value).toBeCloseTo(direction[j]!, 9));
});

test('without votes there is no direction', () => {
  expect(Array.from(createVotes('l2', 3).direction(), Math.abs)).toEqual([0, 0, 0]);
});

test.each(golden.plans)(
  'step $step of HopSkipJump in $norm with $features features',
  ({ norm, features, distance, step, radius, votes, size, tolerance }) => {
    const plan = planOf(step, {
      walk: { range: [0, 1], features },
      distance,
      firstVotes: 100,
      mostVotes: 10_000,
    });
    expect(plan.votes).toBe(votes);
    expect(plan.radius).toBeCloseTo(radius, 12);
    expect(plan.size).toBeCloseTo(size, 12);
    expect(toleranceOf(norm, features)).toBeCloseTo(tolerance, 12);
  },
);

test.each(golden.proposals)('moves of the Boundary attack, $spherical and $source', (given) => {
  const original = Float32Array.from(given.original);
  const sphere = new Float32Array(original.length);
  const candidate = new Float32Array(original.length);
  const { spherical, source } = given;
  const noise = Float64Array.from(given.noise);
  propose({ original, range: [0, 1] }, Float32Array.from(given.point), {
    noise,
    spherical,
    source,
    sphere,
    candidate,
  });
  sphere.forEach((value, j) => expect(Math.abs(value - given.sphere[j]!)).toBeLessThan(1e-6));
  candidate.forEach((value, j) => expect(Math.abs(value - given.candidate[j]!)).toBeLessThan(1e-6));
  const across = noise.reduce((sum, value, j) => sum + value * (original[j]! - given.point[j]!), 0);
  expect(Math.abs(across)).toBeLessThan(1e-9);
});
