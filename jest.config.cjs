/** One jest project per kind of test: see docs/testing in README. Kinds that start services run one file at a time (package.json). */
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
      sourceMaps: 'inline',
    },
  ],
};

const project = (displayName, extra = {}) => ({
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
  testEnvironment: '<rootDir>/test/support/outer-realm-environment.cjs',
  setupFilesAfterEnv: ['<rootDir>/test/support/timeouts.cjs'],
  transform,
  ...extra,
});

module.exports = {
  workerIdleMemoryLimit: '1GB',
  projects: [
    project('unit', {
      testMatch: ['<rootDir>/test/unit/**/*.test.ts', '<rootDir>/test/golden/**/*.test.ts'],
    }),
    project('integration'),
    project('services'),
    project('calibration'),
    project('chaos'),
    project('e2e'),
    project('verdict'),
  ],
};
