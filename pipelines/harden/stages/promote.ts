import { AppError } from '../../../src/domain/errors.ts';
import type { HardenContext } from '../context.ts';
import type { RunnableStage } from '../run.ts';
import type { Registry } from '../../../src/models/registry.ts';
import { gateOutput, ledgerDecision } from './gate.ts';

export interface PromoteOutput {
  readonly version: number;
  readonly candidate: string;
}

/**
 * Publishes the candidate as the next version, remembers the ledger's line in the store, and deletes versions that are
 * too old to keep. Twice for one run is one version and one row, so a killed run may promote again.
 */
export function promoteStage(context: HardenContext): RunnableStage {
  const { registry, model, request, runId, actor } = context;
  return {
    name: 'promote',
    settings: { runId },
    async run({ outputOf }): Promise<PromoteOutput> {
      const { passed, candidate, decision } = gateOutput(outputOf('gate'));
      if (!passed) {
        throw new AppError(
          'TEMPER_GATE_REFUSED',
          `expected a candidate that passed the gate, got ${candidate}, which did not`,
        );
      }
      const { version } = await registry.promote({
        model: model.name,
        candidate,
        actor,
        reason: request.reason,
        runId,
        gate: ledgerDecision(decision),
      });
      await context.store.savePromotion(await promotionRow(registry, model.name, version));
      await registry.prune({ model: model.name, keep: context.keepVersions, actor });
      return { version, candidate };
    },
  };
}

/** What the store remembers of a promotion, from the ledger's own line. */
async function promotionRow(
  registry: Registry,
  model: string,
  version: number,
): Promise<Parameters<HardenContext['store']['savePromotion']>[0]> {
  const line = (await registry.history(model)).findLast(
    ({ event }) => event.kind === 'promote' && event.version === version,
  );
  if (line === undefined)
    throw new AppError('TEMPER_LEDGER_BROKEN', `expected a line that promotes ${model} ${version}, got none`);
  return { model, version, action: 'promote', ledgerSeq: line.seq, ledgerHash: line.hash, fence: line.fence };
}
