import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { EVENT_FORMAT_NAMES } from '../../../src/ingest/event-format.ts';
import { EVENT_REASONS } from '../../../src/ingest/events.ts';

const page = readFileSync(join(__dirname, '../../../docs/formats.md'), 'utf8');

/** First cells of the table under a heading. */
function rowsUnder(text: string): string[] {
  return [...text.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name!);
}

test('every format is in the table of formats, and every row is one', () => {
  const table = page.slice(0, page.indexOf('## What is common'));
  expect(rowsUnder(table).filter((name) => name !== 'stream.format')).toEqual([...EVENT_FORMAT_NAMES]);
});

test('every reason is explained, and every explanation is of a reason', () => {
  const table = page.slice(page.indexOf('## Reasons'));
  expect(rowsUnder(table).sort()).toEqual([...EVENT_REASONS].sort());
});
