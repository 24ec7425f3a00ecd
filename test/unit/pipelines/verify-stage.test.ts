import type { HardenContext } from '../../../pipelines/harden/context.ts';
import { verifyStage } from '../../../pipelines/harden/stages/verify.ts';

const contextOf = (parts: object): HardenContext =>
  ({
    settings: { verifyTimeoutSeconds: 0, data: {} },
    model: { name: 'digits' },
    clock: { nowMs: () => performance.now() },
    ...parts,
  }) as unknown as HardenContext; // what the stage reads before it measures
const verify = (parts: object): Promise<unknown> =>
  verifyStage(contextOf(parts)).run({
    directory: '',
    directoryOf: () => '',
    outputOf: () => ({ version: 2, candidate: 'c' }),
  });

test('a version that was replaced before it was measured ends the run: it would be waited for for ever', async () => {
  await expect(
    verify({
      registry: { currentVersion: () => Promise.resolve(3) },
      servedVersion: () => Promise.resolve('3'),
    }),
  ).rejects.toMatchObject({
    code: 'TEMPER_STAGE_FAILED',
    retryable: false,
    message: expect.stringContaining(
      'expected version 2 to be current until it is measured, but 3 is',
    ) as string,
  });
});

test('a server that is late is asked again later', async () => {
  await expect(
    verify({
      registry: { currentVersion: () => Promise.resolve(2) },
      servedVersion: () => Promise.resolve('1'),
    }),
  ).rejects.toMatchObject({ code: 'TEMPER_TARGET_UNREACHABLE', retryable: true });
});
