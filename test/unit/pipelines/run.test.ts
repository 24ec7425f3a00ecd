import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifest, runStages, type RunnableStage } from '../../../pipelines/harden/run.ts';
import { silentLogger } from '../../../src/domain/logger.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temper-run-'));
});
afterEach(() => rm(directory, { recursive: true }));

const calls: string[] = [];
beforeEach(() => calls.splice(0));

const stage = (
  name: RunnableStage['name'],
  run: RunnableStage['run'] = () => Promise.resolve(name),
  settings: unknown = 1,
) => ({
  name,
  settings,
  run: (environment: Parameters<RunnableStage['run']>[0]) => {
    calls.push(name);
    return run(environment);
  },
});
const options = (stages: RunnableStage[]) => ({
  runDirectory: directory,
  stages,
  logger: silentLogger,
  nowSeconds: () => 0,
});

describe('runStages', () => {
  it('runs in order, hands results on, and skips everything the second time', async () => {
    const stages = [
      stage('collect', async ({ directory: own }) => {
        await writeFile(join(own, 'rows.txt'), 'abc');
        return { rows: 3 };
      }),
      stage('generate', async ({ outputOf, directoryOf }) => ({
        from: outputOf('collect'),
        text: await readFile(join(directoryOf('collect'), 'rows.txt'), 'utf8'),
      })),
    ];
    const first = await runStages(options(stages));
    expect(first.get('generate')).toEqual({ from: { rows: 3 }, text: 'abc' });
    expect(await runStages(options(stages))).toEqual(first);
    expect(calls).toEqual(['collect', 'generate']);
    expect((await readManifest(directory, 'collect'))?.files['rows.txt']).toHaveLength(64);
  });

  it('continues after a failure with the finished stages kept and the partial folder at hand', async () => {
    let attempts = 0;
    const stages = [
      stage('collect'),
      stage('train', async ({ directory: own }) => {
        const checkpoint = join(own, 'checkpoint');
        if (existsSync(checkpoint)) return 'resumed';
        await writeFile(checkpoint, 'epoch 1');
        attempts++;
        throw new Error('killed');
      }),
    ];
    await expect(runStages(options(stages))).rejects.toMatchObject({
      code: 'TEMPER_STAGE_FAILED',
      message: 'stage train failed: killed',
    });
    const outputs = await runStages(options(stages));
    expect(outputs.get('train')).toBe('resumed');
    expect(attempts).toBe(1);
    expect(calls).toEqual(['collect', 'train', 'train']);
  });

  it('takes nothing over from an attempt that was interrupted under other settings', async () => {
    const begun = stage('generate', async ({ directory: own }) => {
      await writeFile(join(own, 'stored.bin'), 'rows of the old settings');
      throw new Error('killed');
    });
    await expect(runStages(options([begun]))).rejects.toThrow('killed');
    const other = stage(
      'generate',
      ({ directory: own }) => Promise.resolve({ stored: existsSync(join(own, 'stored.bin')) }),
      2,
    );
    expect((await runStages(options([other]))).get('generate')).toEqual({ stored: false });
    expect((await readManifest(directory, 'generate'))?.files).toEqual({});
  });

  it('runs a stage again when its settings change, but not those after it when it made the same', async () => {
    await runStages(options([stage('collect'), stage('train')]));
    await runStages(options([stage('collect', undefined, 2), stage('train')]));
    expect(calls).toEqual(['collect', 'train', 'collect']);
  });

  it('runs later stages again when an earlier result changed', async () => {
    await runStages(options([stage('collect', () => Promise.resolve(1)), stage('train')]));
    await runStages(options([stage('collect', () => Promise.resolve(2), 2), stage('train')]));
    expect(calls).toEqual(['collect', 'train', 'collect', 'train']);
  });

  it('names the stage that asks for a result which is not there', async () => {
    await expect(
      runStages(options([stage('train', ({ outputOf }) => Promise.resolve(outputOf('collect')))])),
    ).rejects.toThrow('stage train needs the result of collect, which has not run before it');
  });
});
