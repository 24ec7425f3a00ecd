import { readFileSync } from 'node:fs';
import { CAUSES } from '../../../src/domain/verdict.ts';
import { runbookLink } from '../../../src/monitoring/runbook-link.ts';

const URL = 'https://wiki.example.org/runbook.md';
const runbook = readFileSync('dashboards/runbook.md', 'utf8');
const cases = [
  ...CAUSES.map((cause) => ({ monitor: 'risen', cause })),
  { monitor: 'fallen', cause: undefined },
  { monitor: 'breached', cause: 'model_changed' as const },
];

test.each(cases)('the link of %j leads to a section of the runbook', (alarm) => {
  const [page, anchor] = runbookLink(URL, alarm).split('#');
  expect(page).toBe(URL);
  expect(runbook).toContain(`<a id="${anchor!}"></a>`);
});

test('every cause has a section of its own, and so has a breach', () => {
  expect(new Set(cases.map((alarm) => runbookLink(URL, alarm))).size).toBe(CAUSES.length + 1);
});

test('a link that names a section is left as it is', () => {
  expect(runbookLink(`${URL}#mine`, { monitor: 'risen' })).toBe(`${URL}#mine`);
});
