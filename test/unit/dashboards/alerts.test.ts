import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { ALERT_GROUPS, anchorOf, DEFAULT_PLACES } from '../../../dashboards/alerts/render.ts';
import { COMMANDS } from '../../../src/cli/commands/list.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { SECTION_SET } from '../../../src/config/sections.ts';
import { CAUSES } from '../../../src/domain/verdict.ts';
import { memoryHost } from '../cli/host.ts';
import { committedDashboards, shownPanels } from './panels.ts';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const file = parse(readFileSync('dashboards/alerts.yaml', 'utf8')) as {
  groups: { name: string; rules: Rule[] }[];
};
const rules = file.groups.flatMap(({ rules: all }) => all).map((rule) => ({ ...rule, name: rule.alert }));
const names = [...new Set(rules.map(({ alert }) => alert))];
const runbook = readFileSync('dashboards/runbook.md', 'utf8');
const tests = parse(readFileSync('dashboards/alerts.test.yaml', 'utf8')) as {
  tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
};

test.each(rules)('$name: name, severity, summary, description and links follow the conventions', (rule) => {
  const { annotations, labels, alert } = rule;
  expect(alert).toMatch(/^Temper[A-Z][A-Za-z]+$/);
  expect(['critical', 'warning', 'info']).toContain(labels['severity']);
  expect(annotations['summary']).toMatch(/^[A-Z][^{}]+\.$/);
  expect(annotations['description']!.length).toBeGreaterThan(20);
  expect(rule.expr).toContain(`job="${DEFAULT_PLACES.job}"`);
});

test.each(rules)(
  '$name: its runbook and dashboard links lead to what is committed',
  ({ annotations, alert }) => {
    const [page, anchor] = annotations['runbook_url']!.split('#');
    expect(page).toBe(DEFAULT_PLACES.runbook);
    expect(existsSync(`dashboards/${page!.split('/').at(-1)!}`)).toBe(true);
    expect(anchor).toBe(anchorOf(alert));
    expect(runbook).toContain(`<a id="${anchor!}"></a>`);
    const uid = annotations['dashboard_url']!.replace(`${DEFAULT_PLACES.grafana}/d/`, '');
    expect(committedDashboards().map((dashboard) => dashboard.uid)).toContain(uid);
  },
);

test.each(names)('%s is tested where it fires and where it nearly does', (name) => {
  const own = tests.tests
    .flatMap(({ alert_rule_test }) => alert_rule_test)
    .filter(({ alertname }) => alertname === name);
  expect(own.some(({ exp_alerts = [] }) => exp_alerts.length > 0)).toBe(true);
  expect(own.some(({ exp_alerts = [] }) => exp_alerts.length === 0)).toBe(true);
});

test('summaries, descriptions and every cause are worded differently', () => {
  const alerts = ALERT_GROUPS.flatMap(({ alerts: all }) => all);
  expect(new Set(alerts.map(({ summary }) => summary)).size).toBe(alerts.length);
  expect(new Set(alerts.map(({ description }) => description)).size).toBe(alerts.length);
  const causes = rules.flatMap(({ labels }) => labels['cause'] ?? []);
  expect(causes.sort()).toEqual([...CAUSES].sort());
});

describe('the runbook', () => {
  const sections = runbook.split('<a id="').slice(1);

  it('has one section for each alert, in the order of the rules', () => {
    expect(sections.map((section) => /^## (\w+)$/m.exec(section)![1])).toEqual(names);
  });

  it.each(sections.map((section) => [/^## (\w+)$/m.exec(section)![1]!, section]))(
    'says for %s what it means, where to look, what to decide and what to do',
    (_, section) => {
      const [meaning, look, decision, remedy] = ['Meaning', 'First look', 'Decision', 'Remedy'].map((part) =>
        section.indexOf(`**${part}.**`),
      );
      expect(0 < meaning! && meaning! < look! && look! < decision! && decision! < remedy!).toBe(true);
      expect(section.slice(look, decision)).toMatch(/^1\. .{20}/m);
      expect(section.slice(remedy)).toMatch(/^- .{10}/m);
    },
  );

  it('names anchors that exist', () => {
    for (const [, anchor] of runbook.matchAll(/\]\(#([^)]+)\)/g))
      expect(runbook).toContain(`<a id="${anchor!}"></a>`);
  });

  it('names panels that exist', () => {
    const titles = shownPanels().map(({ panel }) => panel.title!);
    for (const [, quoted] of runbook.matchAll(/"([A-Z][^"]+)"/g))
      if (quoted !== 'Ingest') expect(titles.filter((title) => title.startsWith(quoted!))).toHaveLength(1);
  });

  it('names settings that exist', () => {
    const schema = z.toJSONSchema(z.object(SECTION_SET.sections), { io: 'input' });
    const has = (path: string): boolean =>
      path.split('.').reduce<Node | undefined>((node, key) => node?.properties?.[key], schema as Node) !==
      undefined;
    const sections = Object.keys(SECTION_SET.sections).join('|');
    const named = [...runbook.matchAll(new RegExp(`(?<![\\w/.])(?:${sections})(?:\\.[a-zA-Z]+)+`, 'g'))];
    const unknown = named.map(([path]) => path).filter((path) => !has(path));
    expect(named.length).toBeGreaterThan(15);
    expect(unknown).toEqual([]);
  });

  it('names commands that exist', () => {
    for (const [, line] of runbook.matchAll(/`temper ([^`]+)`/g)) {
      const words = line!.split(' ').filter((word) => !word.startsWith('-'));
      const command = words.reduce<Command | undefined>(
        (parent, word) => parent?.commands.find((each) => each.name() === word),
        createProgram(memoryHost(), COMMANDS, () => undefined),
      );
      expect([line, command?.name()]).toEqual([line, words.at(-1)]);
      for (const flag of line!.split(' ').filter((each) => each.startsWith('--')))
        expect(command!.options.map(({ long }) => long)).toContain(flag);
    }
  });

  it('names log messages that exist', () => {
    const sources = ['src', 'pipelines'].flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => readFileSync(join(root, path), 'utf8')),
    );
    const named = [...runbook.matchAll(/[Ll]og[^`.]*: `([a-z]+(?:_[a-z]+)+)`/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(5);
    for (const name of named)
      expect([name, sources.some((text) => text.includes(`'${name}'`))]).toEqual([name, true]);
  });
});
