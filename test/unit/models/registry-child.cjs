// A process that works on a registry and kills itself at a named step: what a crash leaves is tested on the real thing.
// Reads TypeScript through swc, so that it runs the sources that the test runs.
const { readFileSync } = require('node:fs');
const { transformSync } = require('@swc/core');

require.extensions['.ts'] = (module, file) => {
  const { code } = transformSync(readFileSync(file, 'utf8'), {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  module._compile(code, file);
};

const { createRegistry } = require('../../../src/models/registry.ts');
const { acquireLock } = require('../../../src/models/lock.ts');
const { systemClock } = require('../../../src/domain/clock.ts');

const { directory, operation, request, killAt } = JSON.parse(process.argv[2]);
const registry = createRegistry({
  directory,
  clock: systemClock,
  owner: 'child',
  lockWaitMs: 20000,
  onStep: (step) => {
    if (step === killAt) process.kill(process.pid, 'SIGKILL');
  },
});

async function main() {
  if (operation !== 'hold') return registry[operation](request);
  await acquireLock({ directory, name: request.name, owner: 'child', clock: systemClock });
  process.stdout.write('held\n');
  return new Promise(() => setInterval(() => undefined, 1000));
}

main().then(
  (value) => process.stdout.write(`${JSON.stringify(value)}\n`),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
