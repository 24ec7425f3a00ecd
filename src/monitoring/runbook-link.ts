import type { Cause } from '../domain/verdict.ts';

/** Sections of the runbook for causes; a breach has one of its own. */
const SECTION: Readonly<Record<Cause, string>> = {
  model_changed: 'alert-name-tempermodelchanged',
  inputs_drifted: 'alert-name-temperinputsdrifted',
  new_attack: 'alert-name-tempernewattack',
  replica_stale: 'alert-name-temperreplicastale',
  unknown: 'alert-name-temperdegraded',
};

/** The runbook at the section of this alarm. A URL that names a section already is left as it is. */
export function runbookLink(
  url: string,
  { monitor, cause = 'unknown' }: { readonly monitor: string; readonly cause?: Cause | undefined },
): string {
  if (url.includes('#')) return url;
  return `${url}#${monitor === 'breached' ? 'alert-name-temperbreached' : SECTION[cause]}`;
}
