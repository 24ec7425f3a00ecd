import { z } from 'zod';
import { defineApartAttack, THREAT_CLASSES } from '../attack.ts';
import { attackSpatially } from '../spatial/spatial.ts';

const number = (most: number, standard: number, what: string) =>
  z.number().min(0).max(most).default(standard).describe(`${what} Default ${standard}.`);
const count = (most: number, standard: number, what: string) =>
  z.int().min(1).max(most).default(standard).describe(`${what} Default ${standard}.`);

/** @see Engstrom et al. (2019), ICML, arXiv 1712.02779: 30 degrees, 3 pixels of 28, a grid of 31 × 5 × 5 */
export const spatial = defineApartAttack({
  name: 'spatial',
  summary: 'Turns and shifts the picture, within degrees and pixels; by scores alone. Images only.',
  access: 'scores',
  norms: [],
  kind: 'fixed-epsilon',
  threatClass: THREAT_CLASSES.blackBox,
  parameters: z.strictObject({
    degrees: number(180, 30, 'Largest turn either way, 0 to 180; 0 forbids turns.'),
    pixels: number(1_000, 3, 'Largest shift along either axis, from 0; 0 forbids shifts.'),
    search: z
      .enum(['grid', 'random'])
      .default('grid')
      .describe('grid: all combinations, nearest first; random: draws within the limits. Default grid.'),
    turns: count(361, 31, 'Turns of the grid, 1 to 361.'),
    shifts: count(101, 5, 'Shifts of the grid along each axis, 1 to 101.'),
    draws: count(100_000, 10, 'Draws of the random search, 1 to 100,000.'),
  }),
  async run({ originals, threat, ...session }, { degrees, pixels, search, turns, shifts, draws }) {
    const { range, criterion, queryBudget } = threat;
    const reading = await attackSpatially({
      ...session,
      inputs: originals,
      threat: { degrees, pixels, range, ...(criterion === undefined ? {} : { criterion }) },
      search: search === 'grid' ? { kind: 'grid', turns, shifts } : { kind: 'random', draws },
      queryBudget,
    });
    return { ...reading, gradientQueries: new Uint32Array(session.labels.length) };
  },
});
