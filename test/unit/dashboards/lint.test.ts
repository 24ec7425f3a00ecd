import { committedDashboards, shownPanels, withVariables } from './panels.ts';
import { parsePromql } from './promql.ts';

/** The rules of Grafana's dashboard-linter, and what goes with a second data source. */
const dashboards = committedDashboards().map((dashboard) => ({ ...dashboard, name: dashboard.file }));
const panels = shownPanels();
const targets = panels.flatMap(({ name, dashboard, panel }) =>
  (panel.targets ?? []).map((target) => ({ name: `${name} ${target.refId}`, dashboard, panel, target })),
);
const promTargets = targets.flatMap(({ name, target }) =>
  target.expr === undefined ? [] : [{ name, expr: target.expr }],
);

/** These show the newest of something, or everything that ever was. */
const OF_ALL_TIMES = new Set([
  'Candidate against champion',
  "The gate's rules",
  'Curriculum',
  'Training loss',
  'Ledger',
  'Baselines',
]);

describe.each(dashboards)('$name', ({ templating, ...dashboard }) => {
  const variable = (name: string) => templating.list.filter((each) => each.name === name);

  it('cannot be edited, is in UTC, has a stable uid, a tag, and links to the others', () => {
    expect(dashboard).toMatchObject({ editable: false, timezone: 'utc', tags: ['temper'] });
    expect(dashboard.uid).toBe(`temper-${dashboard.name}`);
    expect(dashboard.links).toHaveLength(1);
    expect(dashboard.description).toMatch(/\?$/);
  });

  it('has one data source variable for metrics, and one for facts if it asks for any', () => {
    const sources = templating.list.filter(({ type }) => type === 'datasource');
    const asks = dashboard.panels.some(({ targets: own = [] }) =>
      own.some(({ rawSql }) => rawSql !== undefined),
    );
    expect(sources.map(({ name, label, query }) => [name, label, query])).toEqual([
      ['datasource', 'Data source', 'prometheus'],
      ...(asks ? [['clickhouse', 'ClickHouse', 'grafana-clickhouse-datasource']] : []),
    ]);
    expect(variable('database')).toHaveLength(asks ? 1 : 0);
  });

  it.each([
    ['job', 'Job'],
    ['instance', 'Instance'],
    ['model', 'Model'],
  ])('lets one choose the %s', (name, label) => {
    expect(variable(name)).toMatchObject([
      {
        type: 'query',
        label,
        datasource: { type: 'prometheus', uid: '${datasource}' },
        multi: true,
        allValue: '.+',
        refresh: 2,
      },
    ]);
    const [, inner] = /^label_values\((.+), \w+\)$/.exec(variable(name)[0]!.query!)!;
    expect(parsePromql(withVariables(inner!)).errors).toEqual([]);
  });

  it('has panels that do not overlap, numbered from 1', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.panels.map(({ id }) => id)).toEqual(dashboard.panels.map((_, i) => i + 1));
  });
});

test('titles are unique inside a dashboard', () => {
  expect(new Set(panels.map(({ name }) => name)).size).toBe(panels.length);
});

test.each(panels)(
  '$name has a title, a description, a unit, targets, and a data source variable',
  ({ panel }) => {
    expect(panel.title).toMatch(/^[A-Z].*[^.]$/);
    expect(panel.description).toMatch(/^[A-Z][^]*\.$/);
    expect(panel.fieldConfig?.defaults?.unit).toMatch(/^\w+$/);
    expect(panel.targets!.length).toBeGreaterThan(0);
    const [first] = panel.targets!;
    const expected =
      first!.rawSql === undefined
        ? { type: 'prometheus', uid: '${datasource}' }
        : { type: 'grafana-clickhouse-datasource', uid: '${clickhouse}' };
    expect(panel.datasource).toEqual(expected);
    for (const target of panel.targets!) expect(target.datasource).toEqual(expected);
  },
);

test.each(promTargets)('$name is PromQL that matches job and instance', ({ expr }) => {
  const { errors, selectors } = parsePromql(withVariables(expr));
  expect(errors).toEqual([]);
  expect(selectors.length).toBeGreaterThan(0);
  const written = parsePromql(expr.replaceAll('$__rate_interval', '5m')).selectors;
  for (const { matchers } of written) {
    expect(matchers).toContain('job=~"$job"');
    expect(matchers).toContain('instance=~"$instance"');
  }
});

test.each(promTargets)('$name rates counters, over $__rate_interval', ({ expr }) => {
  expect(
    [...expr.matchAll(/\[([^\]]+)\]/g)]
      .map(([, window]) => window)
      .every((window) => window === '$__rate_interval'),
  ).toBe(true);
  for (const { metric, around } of parsePromql(withVariables(expr)).selectors)
    if (/_(total|bucket|count|sum)$/.test(metric)) expect(around).toContain('rate');
});

test.each(targets.filter(({ target }) => target.rawSql !== undefined))(
  '$name narrows down by model and by time, or says that it does not',
  ({ target, panel }) => {
    const sql = target.rawSql!;
    expect(sql).toContain("match(model, '^(${model:regex})$')");
    expect(sql.includes('$__timeFilter(')).toBe(!OF_ALL_TIMES.has(panel.title!));
    expect(sql).toMatch(/\$\{database\}\.\w+/);
  },
);
