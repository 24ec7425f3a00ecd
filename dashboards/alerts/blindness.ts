import { DURABILITY } from './durability.ts';
import { PROBING } from './probing.ts';
import type { AlertGroup } from './rule.ts';
import { TRAFFIC } from './traffic.ts';

/** Our own blindness: each of these makes silence mean nothing. */
export const BLINDNESS: AlertGroup = {
  name: 'temper-blindness',
  alerts: [...TRAFFIC, ...PROBING, ...DURABILITY],
};
