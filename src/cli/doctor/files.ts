import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { TemperConfig } from '../../config/load.ts';
import { AppError } from '../../domain/errors.ts';
import { bad, ok } from './finding.ts';
import type { Check, Finding } from './finding.ts';

/** Streamed files can be read; a file that is not there yet is no mistake. */
export const checkStream: Check = ({ stream }) =>
  Promise.all(
    stream.files.map(async ({ path }): Promise<Finding> => {
      const subject = 'stream';
      const isThere = await stat(path).then(
        (found) => found.isFile(),
        () => undefined,
      );
      if (isThere === undefined)
        return bad(subject, 'warn', {
          finding: `${path} is not there yet`,
          fix: 'fine if something will write it; otherwise mend stream.files',
        });
      if (!isThere)
        return bad(subject, 'fail', {
          finding: `${path} is no file`,
          fix: 'name a file of JSON lines in stream.files',
        });
      if (await isAllowed(path, constants.R_OK)) return ok(subject, `${path} can be read`);
      return bad(subject, 'fail', { finding: `${path} may not be read`, fix: 'let this user read it' });
    }),
  );

/** Folders that Temper writes to exist, or can be made. */
export const checkFolders: Check = ({ harden, store }) =>
  Promise.all([
    folderFinding('runs', harden.directory, 'harden.directory'),
    ...(store.url === undefined
      ? [folderFinding('store folder', store.embedded.directory, 'store.embedded.directory')]
      : []),
  ]);

export async function folderFinding(subject: string, directory: string, key: string): Promise<Finding> {
  const nearest = await nearestFolder(directory);
  if (await isAllowed(nearest, constants.W_OK))
    return ok(subject, nearest === directory ? `${directory} can be written` : `${directory} will be made`);
  return bad(subject, 'fail', {
    finding: `${nearest} may not be written`,
    fix: `let this user write there, or change ${key}`,
  });
}

/** Data that hardening names is there and fits the model. */
export const checkData: Check = async (config) => {
  const { train, validation, gate, baseline, canaries } = config.harden.data;
  const { loadData } = await import('../../data/dataset.ts');
  const names = [...new Set([train, validation, gate, baseline, canaries])];
  const findings: Finding[] = [];
  for (const name of names) {
    try {
      const data = await loadData(name);
      findings.push(
        fitOf(config, { name, inputShape: data.inputShape, classes: data.classes, count: data.count }),
      );
    } catch (caught) {
      if (!(caught instanceof AppError)) throw caught;
      findings.push(
        bad('data', 'fail', {
          finding: caught.message,
          fix: `mend harden.data, or install what ${name} comes from`,
        }),
      );
    }
  }
  return findings;
};

interface DataSummary {
  readonly name: string;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly count: number;
}

function fitOf({ model }: TemperConfig, { name, inputShape, classes, count }: DataSummary): Finding {
  const isFit = inputShape.join() === model.inputShape.join() && classes === model.classes;
  if (isFit)
    return ok('data', `${name}: ${count.toLocaleString('en-US')} rows of shape [${inputShape.join(', ')}]`);
  return bad('data', 'fail', {
    finding: `${name} has shape [${inputShape.join(', ')}] and ${classes} classes; the model has [${model.inputShape.join(', ')}] and ${model.classes}`,
    fix: 'mend model.inputShape, model.classes or harden.data',
  });
}

async function nearestFolder(directory: string): Promise<string> {
  let folder = directory;
  while (!(await isAllowed(folder, constants.F_OK)) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

function isAllowed(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
