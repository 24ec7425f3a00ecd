import { createProgress, formatDuration } from '../../../src/cli/progress.ts';
import { formatTable } from '../../../src/cli/table.ts';
import { memoryOutput } from './host.ts';

function steppedClock(stepMs: number) {
  let now = 0;
  return { clock: { nowMs: () => now }, pass: () => void (now += stepMs) };
}

test('without a terminal: a line at once, then one every few seconds, and the last state', () => {
  const output = memoryOutput();
  const { clock, pass } = steppedClock(1000);
  const progress = createProgress({ label: 'train', total: 10, output, clock });
  for (let done = 1; done <= 10; done++) {
    progress.update(done, `loss ${done}`);
    pass();
  }
  progress.end();
  progress.end();
  expect(output.text().trimEnd().split('\n')).toEqual([
    'train: 1/10 ( 10 %), 0 s, loss 1',
    'train: 6/10 ( 60 %), 5 s, 3 s left, loss 6',
    'train: 10/10 (100 %), 10 s, loss 10',
  ]);
});

test('on a terminal: one line that redraws itself and never wraps', () => {
  const output = memoryOutput({ isTerminal: true, hasColor: true, columns: 40 });
  const { clock, pass } = steppedClock(150);
  const progress = createProgress({ label: 'evaluate', total: 4, output, clock });
  for (let done = 1; done <= 4; done++) {
    pass();
    progress.update(done, 'a note that is far too long for this terminal');
  }
  progress.end();
  expect(output.text().split('\n')).toHaveLength(2);
  for (const frame of output.text().trimEnd().split('\r').slice(1)) {
    const visible = frame.replace(/\u001B\[[\dK]*m?/g, '');
    expect(visible.length).toBeLessThanOrEqual(39);
  }
});

test('progress is bounded by its total', () => {
  const output = memoryOutput();
  const progress = createProgress({ label: 'x', total: 2, output, clock: { nowMs: () => 0 } });
  progress.update(7);
  expect(output.text()).toBe('x: 2/2 (100 %), 0 s\n');
});

test.each([
  [0, '0 s'],
  [59_400, '59 s'],
  [125_000, '2 min 05 s'],
  [3_780_000, '1 h 03 min'],
])('%i ms is %s', (ms, expected) => {
  expect(formatDuration(ms)).toBe(expected);
});

test('a table aligns its columns, whatever colour its cells have', () => {
  const text = formatTable(
    [{ title: 'what' }, { title: 'n', align: 'right' }],
    [
      ['\u001B[32mok\u001B[0m', '5'],
      ['failed', '1,000'],
    ],
  );
  expect(text.replace(/\u001B\[\d+m/g, '')).toBe('what        n\nok          5\nfailed  1,000');
});
