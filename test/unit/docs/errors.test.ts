import { readFileSync } from 'node:fs';

import { EXIT_OF_ERROR } from '../../../src/cli/exit-code.ts';
import { ERROR_CODES } from '../../../src/domain/errors.ts';
import type { ErrorCode } from '../../../src/domain/errors.ts';

const rows = readFileSync('docs/errors.md', 'utf8')
  .split('\n')
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .filter((cells) => cells[1]?.startsWith('`TEMPER_') === true)
  .map(([, code, meaning, exit, advice]) => ({ code: code!.replaceAll('`', ''), meaning, exit, advice }));

test('the table has every code, once, in the order of the source', () => {
  expect(rows.map(({ code }) => code)).toEqual(Object.keys(ERROR_CODES));
});

test.each(rows)(
  '$code: meaning and exit code are those of the source, and there is something to do',
  (row) => {
    const code = row.code as ErrorCode;
    expect(row.meaning).toBe(ERROR_CODES[code]);
    expect(Number(row.exit)).toBe(EXIT_OF_ERROR[code]);
    expect(row.advice!.length).toBeGreaterThan(20);
  },
);
