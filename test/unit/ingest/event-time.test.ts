import fc from 'fast-check';

import { parseEventTime } from '../../../src/ingest/event-time.ts';

test.each([
  ['2026-01-31T12:00:00Z', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31t12:00:00z', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31 12:00:00Z', Date.UTC(2026, 0, 31, 12)],
  ['2026-01-31T12:00:00.123456789Z', Date.UTC(2026, 0, 31, 12, 0, 0, 123)],
  ['2026-01-31T12:00:00.5+02:00', Date.UTC(2026, 0, 31, 10, 0, 0, 500)],
  ['2024-02-29T00:00:00-23:59', Date.UTC(2024, 2, 1, 0, -1)],
  ['1969-12-31T23:59:59Z', -1000],
])('reads %s', (text, timeMs) => {
  expect(parseEventTime(text)).toBe(timeMs);
});

test.each([
  '',
  'now',
  '2026-01-31',
  '2026-01-31T12:00:00',
  '2026-1-31T12:00:00Z',
  '2026-02-29T12:00:00Z',
  '2026-13-01T12:00:00Z',
  '2026-00-10T12:00:00Z',
  '2026-04-31T12:00:00Z',
  '2026-01-31T24:00:00Z',
  '2026-01-31T12:60:00Z',
  '2026-01-31T12:00:60Z',
  '2026-01-31T12:00:00+24:00',
  '2026-01-31T12:00:00+0200',
  '2026-01-31T12:00:00.Z',
  '1769860800',
])('refuses %p', (text) => {
  expect(parseEventTime(text)).toBeUndefined();
});

test('reads back what toISOString writes', () => {
  const years0To9999 = fc.date({
    min: new Date('0000-01-01'),
    max: new Date('9999-12-31'),
    noInvalidDate: true,
  });
  fc.assert(fc.property(years0To9999, (date) => parseEventTime(date.toISOString()) === date.getTime()));
});
