import type { NetworkPlan } from '../../../src/models/network.ts';

export declare function networkOf(
  name: 'standard' | 'pgd' | 'masked',
  arrays: Readonly<Record<string, ArrayLike<number>>>,
): { readonly plan: NetworkPlan; readonly weights: Float32Array };

export declare const DIGITS_LAYERS: NetworkPlan['layers'];
