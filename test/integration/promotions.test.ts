import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HardenContext } from '../../pipelines/harden/context.ts';
import { promoteStage, type PromoteOutput } from '../../pipelines/harden/stages/promote.ts';
import { runCommandLine } from '../../src/cli/program.ts';
import { writeArtifact } from '../../src/models/artifact.ts';
import { digitsNetwork } from '../../src/models/network.ts';
import { createDeployment, MODEL, type Deployment } from '../support/deployment.ts';
import { memoryHost } from '../unit/cli/host.ts';

const networkOf = (seed: number) => digitsNetwork({ seed, filters: [2, 2], hidden: 4 });

let deployment: Deployment;
beforeEach(async () => {
  deployment = await createDeployment({ model: networkOf(1) });
}, 60_000);
afterEach(() => deployment.stop());

/** The promote stage of a run whose gate passed a fresh network. */
async function promote(
  runId: string,
  seed: number,
  keepVersions = 20,
): Promise<() => Promise<PromoteOutput>> {
  const { registry, store, directory: folder } = deployment;
  const directory = join(folder, `candidate-${seed}`);
  const { sha256 } = await writeArtifact(directory, networkOf(seed));
  const { hash: candidate } = await registry.addCandidate({ model: MODEL, source: { directory }, sha256 });
  const context = {
    registry,
    store,
    runId,
    keepVersions,
    actor: 'harden worker',
    model: deployment.config.model,
    request: { reason: 'a test' },
  } as unknown as HardenContext; // what the stage reads of it
  const gate = { passed: true, candidate, decision: { passed: true, rules: [] } };
  const stage = promoteStage(context);
  return async () =>
    (await stage.run({
      directory: folder,
      outputOf: () => gate,
      directoryOf: () => folder,
    })) as PromoteOutput;
}

async function verify(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const { env, directory: cwd, configPath } = deployment;
  const host = memoryHost({ cwd, env: env as Record<string, string> });
  const code = await runCommandLine(['models', 'verify', '-c', configPath, ...argv], host);
  return { code, out: host.stdout.text(), err: host.stderr.text() };
}

const ledgerPath = (): string => join(deployment.config.registry.directory, MODEL, 'ledger.jsonl');

test('a promotion is one row of the store however often its stage was taken up, and verify compares it', async () => {
  const first = await promote('run-1', 2);
  expect(await first()).toMatchObject({ version: 2 });
  expect(await first()).toMatchObject({ version: 2 });
  const second = await promote('run-2', 3);
  expect(await second()).toMatchObject({ version: 3 });
  const lines = await deployment.registry.history(MODEL);
  const promoted = (await deployment.store.listPromotions(MODEL)).map(({ atMs, ...row }) => {
    expect(atMs).toBeGreaterThan(0);
    return row;
  });
  expect(promoted).toEqual(
    lines.slice(1).map(({ seq, hash, fence }) => ({
      model: MODEL,
      version: seq,
      action: 'promote',
      ledgerSeq: seq,
      ledgerHash: hash,
      fence,
    })),
  );
  expect(JSON.parse((await verify('--json')).out)).toEqual({
    verified: [MODEL],
    compared: { [MODEL]: 3 },
    problems: [],
  });
  expect((await verify()).out).toContain('as the store remembers it');
  // Somebody takes the last promotion back as if it had never been.
  const text = readFileSync(ledgerPath(), 'utf8').split('\n');
  writeFileSync(ledgerPath(), `${text.slice(0, 2).join('\n')}\n`);
  const { code, out } = await verify();
  expect(code).toBe(1);
  expect(out).toContain(`${ledgerPath()}:3: expected at least 3 lines, as the store remembers, got 2`);
}, 120_000);

test('a worker that died between ledger and store is named, and taking the run up again mends it', async () => {
  const stage = await promote('run-1', 2);
  const savePromotion = jest
    .spyOn(deployment.store, 'savePromotion')
    .mockRejectedValueOnce(new Error('killed before the store was told'));
  await expect(stage()).rejects.toThrow('killed');
  savePromotion.mockRestore();
  const { code, out } = await verify();
  expect(code).toBe(1);
  expect(out).toContain(`${ledgerPath()}:2: run run-1 promoted version 2, which the store does not remember`);
  expect(await stage()).toMatchObject({ version: 2 });
  expect(await verify('--with-store')).toMatchObject({ code: 0 });
}, 120_000);

test('old versions are deleted after a promotion, and nothing that is needed', async () => {
  for (const seed of [2, 3, 4]) await (await promote(`run-${seed}`, seed, 1))();
  const versions = (await deployment.registry.versions(MODEL)).map(({ version }) => version);
  // The newest, and what a rollback from it would publish again.
  expect(versions).toEqual([3, 4]);
  expect(await verify()).toMatchObject({ code: 0 });
}, 120_000);
