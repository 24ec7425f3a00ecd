import { AppError } from '../../domain/errors.ts';
import type { Registry } from '../../models/registry.ts';
import { bad, ok } from './finding.ts';
import type { Check, Finding } from './finding.ts';
import { folderFinding } from './files.ts';

/** The registry can be written, holds the model, and nothing in it was changed. */
export const checkRegistry: Check = async ({ registry: { directory }, model }, run) => {
  const place = await folderFinding('registry', directory, 'registry.directory');
  if (place.state !== 'ok') return [place];
  const { createRegistry } = await import('../../models/registry.ts');
  const registry = createRegistry({ directory, clock: run.host.clock });
  try {
    return [
      place,
      await contentFinding(registry, model.name),
      ...(await verifiedFindings(registry, model.name)),
    ];
  } catch (caught) {
    if (!(caught instanceof AppError)) throw caught;
    return [
      place,
      bad('registry', 'fail', { finding: caught.message, fix: '`temper models verify` says more' }),
    ];
  }
};

async function contentFinding(registry: Registry, model: string): Promise<Finding> {
  const current = await registry.currentVersion(model);
  if (current !== undefined) return ok('model', `${model} version ${current} is current`);
  const finding = `${model} has no version yet`;
  return bad('model', 'warn', {
    finding,
    fix: 'import one: temper models promote FOLDER --override --reason "first version"',
  });
}

async function verifiedFindings(registry: Registry, model: string): Promise<readonly Finding[]> {
  const problems = await registry.verify(model);
  if (problems.length === 0) return [ok('ledger', 'every file and line is as it was written')];
  return problems.map(({ path, message }) =>
    bad('ledger', 'fail', {
      finding: `${path}: ${message}`,
      fix: 'find out who changed it; restore it from a backup',
    }),
  );
}
