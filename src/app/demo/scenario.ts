/** How large the demo is. The story is the same at every size. */
export interface Scenario {
  readonly name: 'full' | 'tiny';
  /** First model: rows of the training split and epochs of plain training. */
  readonly firstModel: { readonly rows: number; readonly epochs: number };
  readonly hardening: {
    readonly trainRows: number;
    /** Shorter and steeper than the defaults: a demo has minutes. */
    readonly training: {
      readonly epochs: number;
      readonly learningRate?: number;
      readonly averaging?: number;
    };
    readonly minimumRobustAccuracy: number;
    readonly minimumCleanAccuracy: number;
  };
  readonly carelessUpdate: { readonly rows: number; readonly epochs: number };
  /** Requests are appended in blocks of this many; models change only between blocks. */
  readonly blockRequests: number;
  /** At most so many requests per part: before hardening, after it, after the update. A part ends when hardening begins. */
  readonly partRequests: number;
  /** Blocks streamed after the recovery, at least. */
  readonly recoveryBlocks: number;
  readonly samplingRate: number;
  /** Samples folded after an alarm before hardening is requested, so that collect sees production under attack. */
  readonly settleSamples: number;
  readonly gateRows: number;
  readonly baselineRows: number;
  readonly canaries: number;
  readonly heldOutAttacks: readonly string[];
  /** Test digits for every version but the last, and for the last. */
  readonly evaluation: {
    readonly smallRows: number;
    readonly smallAttacks: readonly string[];
    readonly finalRows: number;
    readonly finalAttacks: readonly string[];
  };
}

export const SCENARIOS: Readonly<Record<Scenario['name'], Scenario>> = {
  full: {
    name: 'full',
    firstModel: { rows: 20_000, epochs: 2 },
    hardening: {
      trainRows: 16_000,
      training: { epochs: 5, learningRate: 0.006, averaging: 0.997 },
      minimumRobustAccuracy: 0.6,
      minimumCleanAccuracy: 0.95,
    },
    carelessUpdate: { rows: 20_000, epochs: 2 },
    blockRequests: 400,
    partRequests: 2600,
    recoveryBlocks: 3,
    samplingRate: 0.25,
    settleSamples: 100,
    gateRows: 1000,
    baselineRows: 2000,
    canaries: 200,
    heldOutAttacks: ['apgd-ce-30', 'square-500'],
    evaluation: {
      smallRows: 200,
      smallAttacks: ['pgd-40', 'apgd-ce-30'],
      finalRows: 1000,
      finalAttacks: ['apgd-ce', 'pgd-40x5', 'square-2000'],
    },
  },
  tiny: {
    name: 'tiny',
    firstModel: { rows: 4000, epochs: 3 },
    hardening: {
      trainRows: 4000,
      training: { epochs: 8 },
      minimumRobustAccuracy: 0,
      minimumCleanAccuracy: 0.1,
    },
    carelessUpdate: { rows: 12_000, epochs: 2 },
    blockRequests: 100,
    partRequests: 300,
    recoveryBlocks: 1,
    samplingRate: 0.5,
    settleSamples: 10,
    gateRows: 60,
    baselineRows: 100,
    canaries: 100,
    heldOutAttacks: ['apgd-ce-10', 'square-100'],
    evaluation: {
      smallRows: 50,
      smallAttacks: ['pgd-10', 'apgd-ce-10'],
      finalRows: 60,
      finalAttacks: ['apgd-ce-10', 'pgd-10', 'square-100'],
    },
  },
};
