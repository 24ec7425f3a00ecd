import Ajv from 'ajv/dist/2020.js';
import { committedDashboards, shownPanels, type CommittedDashboard } from './panels.ts';
import { createSchemaReader } from './json-schema-of.ts';

const TYPES = 'node_modules/@grafana/schema/dist/types/raw';
const ajv = new Ajv({ strict: false, allErrors: true });
/** Types of panels that have options of their own in `composable`. */
const KINDS = [...new Set(shownPanels().map(({ panel }) => panel.type))];
const fileOf = (place: string): string => `${TYPES}/${place}/types.gen.d.ts`;
const panelFile = (kind: string): string => fileOf(`composable/${kind.replace('-', '')}/panelcfg/x`);
const schemaOf = createSchemaReader([fileOf('dashboard/x'), ...KINDS.map(panelFile)]);
const validatorOf = (file: string, exported: string) => ajv.compile(schemaOf(file, exported));

/** Readable: path, rule, and what it wants. */
const problems = (validate: ReturnType<typeof validatorOf>, value: unknown): string[] =>
  validate(value)
    ? []
    : validate.errors!.map(
        ({ instancePath, message, params }) => `${instancePath} ${message!} ${JSON.stringify(params)}`,
      );

const dashboard = validatorOf(fileOf('dashboard/x'), 'Dashboard');

/** As it stands in the file. */
const contentOf = (committed: CommittedDashboard): object =>
  Object.fromEntries(Object.entries(committed).filter(([key]) => key !== 'file'));

test.each(committedDashboards().map((each) => [each.file, each] as const))(
  '%s is a dashboard by the types of Grafana',
  (_, committed) => {
    expect(problems(dashboard, contentOf(committed))).toEqual([]);
  },
);

test('the schema refuses what the types do not allow', () => {
  const first = contentOf(committedDashboards()[0]!);
  expect(problems(dashboard, { ...first, colour: 'red' })).not.toEqual([]);
  expect(problems(dashboard, { ...first, editable: 'yes' })).not.toEqual([]);
  expect(
    problems(dashboard, { ...first, templating: { list: [{ name: 'x', type: 'query', auto: true }] } }),
  ).not.toEqual([]);
});

describe.each(KINDS)('panels of kind %s', (kind) => {
  const options = validatorOf(panelFile(kind), 'Options');
  const own = shownPanels().filter(({ panel }) => panel.type === kind);

  it.each(own.map(({ name, panel }) => [name, panel] as const))('%s has options of its kind', (_, panel) => {
    expect(problems(options, panel.options)).toEqual([]);
  });
});
