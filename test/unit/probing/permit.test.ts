import { createPermit } from '../../../src/probing/permit.ts';

const reasonOf = (check: () => void): unknown => {
  try {
    check();
    return undefined;
  } catch (caught) {
    return caught;
  }
};

const open = { dryRun: false, killSwitch: undefined };

test('nothing forbids at first', () => {
  const permit = createPermit(open);
  expect(permit.forbidden()).toBeUndefined();
  expect(reasonOf(permit.check)).toBeUndefined();
});

test('the switch works at once, both ways', () => {
  let isThere = false;
  const permit = createPermit({
    ...open,
    killSwitch: '/etc/temper/stop',
    exists: (path) => isThere && path === '/etc/temper/stop',
  });
  permit.check();
  isThere = true;
  expect(reasonOf(permit.check)).toMatchObject({
    code: 'TEMPER_TARGET_PAUSED',
    retryable: true,
    details: { reason: 'kill_switch' },
  });
  isThere = false;
  permit.check();
});

test('a dry run and untagged probes forbid for good', () => {
  expect(createPermit({ ...open, dryRun: true }).forbidden()).toBe('dry_run');
  const permit = createPermit(open);
  permit.forbidUntagged();
  expect(permit.forbidden()).toBe('untagged_probes');
  expect(reasonOf(permit.check)).toMatchObject({ details: { reason: 'untagged_probes' } });
});
