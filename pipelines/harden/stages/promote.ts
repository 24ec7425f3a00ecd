import { AppError } from '../../../src/domain/errors.ts';
import type { HardenContext } from '../context.ts';
import type { RunnableStage } from '../run.ts';
import { gateOutput, ledgerDecision } from './gate.ts';

export interface PromoteOutput {
  readonly version: number;
  readonly candidate: string;
}

/** Publishes the candidate as the next version. Twice for one run is one version, so a killed run may promote again. */
export function promoteStage(context: HardenContext): RunnableStage {
  const { registry, model, request, runId } = context;
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
        actor: context.actor,
        reason: request.reason,
        runId,
        gate: ledgerDecision(decision),
      });
      return { version, candidate };
    },
  };
}
