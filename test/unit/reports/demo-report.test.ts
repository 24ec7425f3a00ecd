import { renderDemoReport } from '../../../src/reports/demo-report.ts';
import type { DemoStory } from '../../../src/reports/story.ts';
import { example, story } from './story-fixture.ts';

describe('the demo report', () => {
  test('tells every number of the story with its interval', () => {
    const page = renderDemoReport(story);
    for (const text of [
      '98.4 % [95.4, 100.0]',
      '78.6 % [75.6, 81.6]',
      '79.0 % [76.0, 82.0]',
      '32 samples',
      'model changed',
      'v2 promoted',
      '7 → <span class="to">3</span>',
      'distance 0.12',
      'n = 500, 95 % confidence',
      '2,906',
      'seed 7',
      'run-1',
    ])
      expect(page).toContain(text);
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  test('is self-contained: nothing is loaded, no script runs', () => {
    const page = renderDemoReport(story);
    expect(page).not.toMatch(/<script|<link|<iframe|@import|url\(\s*['"]?https?:/i);
    expect(
      [...page.matchAll(/(?:src|href)="([^"#]*)"/g)].every((match) => match[1]!.startsWith('data:')),
    ).toBe(true);
    expect(page).toContain("default-src 'none'");
  });

  test('escapes every text of the story, wherever it stands', () => {
    const nasty = '<img src=x onerror=1>"\'&';
    const everywhere = JSON.parse(
      JSON.stringify(story, (_, value: unknown) => (value instanceof Float32Array ? [...value] : value)),
      (key, value: unknown) =>
        typeof value === 'string' && !['norm', 'kind', 'arrival', 'outcome', 'access'].includes(key)
          ? nasty
          : value,
    ) as DemoStory;
    const page = renderDemoReport(everywhere);
    expect(page).not.toContain('<img src=x');
    expect(page).toContain('&lt;img src=x');
  });

  test('a story in which nothing happened is still a page', () => {
    const empty = {
      ...Object.fromEntries(Object.entries(story).filter(([key]) => key !== 'evaluation')),
      versions: [],
      risk: [],
      events: [],
      alarm: null,
      recovered: false,
      runs: [],
      galleries: [],
      timings: [],
    } as unknown as DemoStory;
    const page = renderDemoReport(empty);
    expect(page).toContain('nothing degraded');
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  test('inputs that are no pictures are told in words', () => {
    const gallery = { ...story.galleries[0]!, inputShape: [4], examples: [example] };
    const page = renderDemoReport({ ...story, galleries: [gallery] });
    expect(page).toContain('61 of 64 misread');
    expect(page).not.toContain('<img');
  });
});
