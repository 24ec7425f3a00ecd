import tseslint from 'typescript-eslint';

const soleImporters = [
  { name: 'express', allow: ['src/http/**', 'src/serving/**'] },
  { name: 'chdb', allow: ['src/store/embedded/**'] },
  { name: '@clickhouse/client', allow: ['src/store/connection.ts'] },
  { name: 'kafkajs', allow: ['src/ingest/kafka/**'] },
  { name: 'node-cron', allow: ['pipelines/harden/trigger.ts'] },
];

const restricted = (except) => ({
  'no-restricted-imports': [
    'error',
    {
      paths: soleImporters
        .filter(({ name }) => name !== except)
        .map(({ name, allow }) => ({ name, message: `only ${allow.join(', ')} may import ${name}` })),
    },
  ],
});

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'demo/out/**', 'test/fixtures/**/*.cjs'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Numbers are what this program prints; numeric indexes are checked by noUncheckedIndexedAccess instead.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      ...restricted(undefined),
    },
  },
  ...soleImporters.map(({ name, allow }) => ({ files: allow, rules: restricted(name) })),
  {
    files: ['src/{domain,statistics,attacks,monitoring,training}/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'draw from a domain Rng, seeded by identity' },
        { object: 'Date', property: 'now', message: 'take a Clock' },
      ],
    },
  },
  { files: ['src/domain/clock.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 600 }],
      'max-lines-per-function': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      // Tests pass functions of objects around; none of ours uses `this`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
