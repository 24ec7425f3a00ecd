import { readdirSync, readFileSync } from 'node:fs';
import { generatedFiles } from '../../../dashboards/generated.ts';
import { DEFAULT_PLACES, renderRules } from '../../../dashboards/alerts/render.ts';

const files = generatedFiles();

test.each(Object.keys(files))('%s is what the code generates (npm run dashboards)', (name) => {
  expect(readFileSync(`dashboards/${name}`, 'utf8')).toBe(files[name]);
});

test('nothing else lies where dashboards are loaded from', () => {
  const names = Object.keys(files).flatMap((name) => (name.startsWith('json/') ? [name.slice(5)] : []));
  expect(readdirSync('dashboards/json').sort()).toEqual(names.sort());
});

test('rules for another installation differ in their places alone', () => {
  const places = { runbook: 'https://docs.test/r.md', grafana: 'https://g.test', job: 'watchers' };
  const moved = renderRules(places);
  expect(moved).not.toMatch(/example\.com|job="temper"/);
  const back = moved
    .replaceAll(places.runbook, DEFAULT_PLACES.runbook)
    .replaceAll(places.grafana, DEFAULT_PLACES.grafana)
    .replaceAll(`job="${places.job}"`, `job="${DEFAULT_PLACES.job}"`)
    .replaceAll(`job=\\"${places.job}\\"`, `job=\\"${DEFAULT_PLACES.job}\\"`);
  expect(back).toBe(renderRules());
});
