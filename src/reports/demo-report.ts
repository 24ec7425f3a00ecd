import type { DemoStory } from './story.ts';

/** The demo's story as one self-contained HTML page. */
export function renderDemoReport(story: DemoStory): string {
  return `<!doctype html><title>${story.scenario}</title>`;
}
