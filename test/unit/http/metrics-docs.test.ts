import { readFileSync } from 'node:fs';

import { metricsTable } from '../../../src/http/metrics-table.ts';

/** Cells of each row; Markdown may be padded. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `temper_'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

test('docs/metrics.md lists exactly the metrics of the source', () => {
  const documented = rowsOf(readFileSync('docs/metrics.md', 'utf8'));
  expect(documented).toEqual(rowsOf(metricsTable()));
});
