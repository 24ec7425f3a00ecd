import { evaluateOutput } from '../../../pipelines/harden/stages/evaluate.ts';
import { gateOutput } from '../../../pipelines/harden/stages/gate.ts';
import { trainOutput } from '../../../pipelines/harden/stages/train.ts';
import type { Store } from '../../store/store.ts';

/**
 * Copies what a run found about its candidate into the store, passed or not, under the candidate's hash: how it was
 * trained, how it fared against the champion, and what the gate said. The run's folder stays the original; this is what
 * dashboards and reviewers reach. Twice for one run is one row of each.
 */
export async function recordEvidence(
  store: Pick<Store, 'saveEvaluation'>,
  model: string,
  outputs: Pick<ReadonlyMap<string, unknown>, 'get'>,
): Promise<void> {
  const { candidate: version, decision } = gateOutput(outputs.get('gate'));
  const { history, bestEpoch, stoppedEarly, attacks } = trainOutput(outputs.get('train'));
  const results = {
    training: { history, bestEpoch, stoppedEarly, attacks },
    evaluation: evaluateOutput(outputs.get('evaluate')),
    gate: decision,
  };
  for (const [purpose, result] of Object.entries(results))
    await store.saveEvaluation({ model, version, purpose, result });
}
