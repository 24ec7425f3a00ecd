import { silentLogger } from '../../../src/domain/logger.ts';
import { createRejectionLog } from '../../../src/ingest/rejection-log.ts';

test('a flood of rejections is a handful of lines, each with the count so far', () => {
  const lines: unknown[] = [];
  const log = createRejectionLog({ ...silentLogger, warn: (fields) => lines.push(fields) });
  const rejection = { outcome: 'dead_letter', reason: 'out_of_range', detail: 'd' } as const;
  for (let offset = 0; offset < 1000; offset++)
    log.log({ ...rejection, position: { source: 's', partition: 0, offset } });
  log.log({ ...rejection, reason: 'bad_time', position: { source: 's', partition: 0, offset: 1000 } });
  expect(lines).toHaveLength(11);
  expect(lines[9]).toMatchObject({ offset: 511, ofThisReason: 512, reason: 'out_of_range' });
  expect(lines[10]).toMatchObject({ offset: 1000, ofThisReason: 1, reason: 'bad_time' });
});
