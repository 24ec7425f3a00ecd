import { availableCores, containerCores } from '../../../src/engine/cores.ts';

describe('cores', () => {
  it.each([
    ['max 100000\n', Infinity],
    ['200000 100000\n', 2],
    ['250000 100000', 2],
    ['50000 100000', 1],
    ['', Infinity],
    ['garbage', Infinity],
    [undefined, Infinity],
  ])('reads the limit %p as %p', (limit, cores) => {
    expect(containerCores(limit)).toBe(cores);
  });

  it('are at least one and whole here', () => {
    expect(availableCores()).toBeGreaterThanOrEqual(1);
    expect(Number.isInteger(availableCores())).toBe(true);
  });
});
