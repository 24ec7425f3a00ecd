import { compiledPath } from '../../../src/engine/compiled-path.ts';

describe('compiledPath', () => {
  it.each([
    ['/app/src/engine/worker.ts', '/app/dist/src/engine/worker.js'],
    ['/home/src/app/src/engine/worker.ts', '/home/src/app/dist/src/engine/worker.js'],
    ['/app/pipelines/harden/run.ts', '/app/dist/pipelines/harden/run.js'],
    ['/app/dist/src/engine/worker.js', '/app/dist/src/engine/worker.js'],
    ['/app/test/fixtures/pool-task.cjs', '/app/test/fixtures/pool-task.cjs'],
  ])('%s → %s', (path, compiled) => {
    expect(compiledPath(path)).toBe(compiled);
  });
});
