import { findAttack } from '../../attacks/catalogue.ts';
import type { DataSlice } from '../../data/dataset.ts';
import { AppError } from '../../domain/errors.ts';
import type { ModelRef } from '../../domain/model-ref.ts';
import type { ChosenAttacks } from '../../evaluation/suites.ts';
import { createTargetRunner, type TaskRunner } from '../../evaluation/task-runner.ts';
import { servedTarget, type ServedCounters } from '../../models/served.ts';
import type { Run } from '../run.ts';
import { openServedModel, parseServedUrl } from '../served-choice.ts';

/** What runs against a URL when no attack is named. */
export const SERVED_ATTACKS: readonly string[] = ['square-1000'];
/** Questions per example when no budget is named: each is a request that somebody pays for. */
export const SERVED_QUERY_BUDGET = 1000;

/**
 * What needs a model's files is refused before anything is asked of anybody.
 * @throws {AppError} TEMPER_ATTACK_ACCESS | TEMPER_USAGE
 */
export function checkServedWork(
  {
    model,
    certify,
    masking,
    defence,
  }: {
    readonly model: string;
    readonly certify?: boolean;
    readonly masking?: boolean;
    readonly defence?: readonly string[];
  },
  { suites, recipes }: ChosenAttacks,
): void {
  const all = [...suites.flatMap((suite) => suite.recipes), ...recipes];
  const needy = all.filter(({ attack }) => findAttack(attack).access === 'gradients').map(({ name }) => name);
  if (needy.length > 0)
    throw new AppError(
      'TEMPER_ATTACK_ACCESS',
      `--attacks: ${model} answers with scores alone, and ${needy.join(', ')} ${needy.length === 1 ? 'needs' : 'need'} gradients: ` +
        `choose attacks on scores, e.g. ${SERVED_ATTACKS.join(',')} (temper attack --list), or give --model the model's files`,
    );
  for (const [flag, isAsked] of [
    ['--certify', certify],
    ['--masking', masking],
    ['--defence', defence !== undefined],
  ] as const)
    if (isAsked === true)
      throw new AppError('TEMPER_USAGE', `${flag} needs the model's files, got the URL ${model}`);
}

export interface OpenedServed {
  readonly model: ModelRef;
  readonly pool: TaskRunner;
  readonly counters: () => ServedCounters;
}

/**
 * Takes a served model's URL; the server is asked when there are data. Attacks run in this process: they wait for the
 * server most of the time.
 *
 * @throws {AppError} TEMPER_USAGE
 */
export function servedModel(run: Run, url: string): (data: DataSlice) => Promise<OpenedServed> {
  const name = parseServedUrl(url);
  return async (data) => {
    const opened = await openServedModel(run, name, data);
    return {
      model: { path: opened.url, sha256: '' },
      pool: createTargetRunner(servedTarget(opened.served, { signal: run.signal }), 'served'),
      counters: () => opened.served.counters(),
    };
  };
}
