/** Import directions of docs/architecture.md: a room may import the rooms of lower levels, never its own level. */
const levels = [
  ['domain'],
  ['statistics', 'engine', 'protocols'],
  ['data', 'attacks', 'models'],
  ['evaluation', 'training', 'ingest', 'store'],
  ['probing', 'monitoring'],
  ['http', 'serving', 'reports', 'pipelines'],
  ['config'],
  ['app'],
  ['cli'],
];

const pathOf = (room) => (room === 'pipelines' ? '^pipelines/' : `^src/${room}/`);

const directions = levels
  .flatMap((rooms, level) =>
    rooms.map((room) => ({
      name: `${room}-imports-lower-rooms-only`,
      severity: 'error',
      from: { path: pathOf(room) },
      to: {
        path: levels
          .slice(level)
          .flat()
          .filter((other) => other !== room)
          .map(pathOf),
      },
    })),
  )
  .filter(({ to }) => to.path.length > 0); // the top room may import every other

const tfjsRooms = ['engine', 'attacks', 'models', 'evaluation', 'training'];

module.exports = {
  forbidden: [
    ...directions,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'tfjs-only-where-it-computes',
      severity: 'error',
      from: { path: '^(src|pipelines)/', pathNot: `^src/(${tfjsRooms.join('|')})/` },
      to: { path: '@tensorflow/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'kafkajs-only-in-ingest-kafka',
      severity: 'error',
      from: { path: '^(src|pipelines)/', pathNot: '^src/ingest/kafka/' },
      to: { path: 'kafkajs' },
    },
    {
      name: 'source-never-imports-tests',
      severity: 'error',
      from: { path: '^(src|pipelines)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: 'tfjs-node|^chdb' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['require', 'node', 'default'],
    },
  },
};
