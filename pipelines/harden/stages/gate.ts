import { z } from 'zod';
import type { Candidate, GateDecision as LedgerDecision } from '../../../src/models/registry.ts';
import type { HardenContext } from '../context.ts';
import { decideGate, type GateDecision, type GateMeasurement } from '../gate-policy.ts';
import type { RunnableStage } from '../run.ts';
import { evaluateOutput, type EvaluateOutput } from './evaluate.ts';
import { trainOutput, type TrainOutput } from './train.ts';

export interface GateOutput {
  readonly passed: boolean;
  /** Content address of the candidate in the registry. */
  readonly candidate: string;
  readonly decision: GateDecision;
}

/** Puts the candidate where no server sees it, decides by the policy, and writes the decision into the ledger. */
export function gateStage(context: HardenContext): RunnableStage {
  const { registry, model, settings, runId } = context;
  return {
    name: 'gate',
    settings: settings.policy,
    async run({ outputOf }): Promise<GateOutput> {
      const trained = trainOutput(outputOf('train'));
      const evaluated = evaluateOutput(outputOf('evaluate'));
      const { hash: candidate } = await addCandidate(context, trained, evaluated);
      const decision = decideGate({
        policy: settings.policy,
        candidate: measurementOf(evaluated.candidate),
        ...(evaluated.champion === undefined ? {} : { champion: measurementOf(evaluated.champion) }),
        trainingAttacks: [...trained.attacks, ...evaluated.candidate.usedInTraining],
      });
      await registry.recordGate({
        model: model.name,
        candidate,
        actor: context.actor,
        runId,
        gate: ledgerDecision(decision),
      });
      context.logger.info({ passed: decision.passed, candidate }, 'gate_decided');
      return { passed: decision.passed, candidate, decision };
    },
  };
}

function addCandidate(
  { registry, model, runId, request, seed }: HardenContext,
  trained: TrainOutput,
  evaluated: EvaluateOutput,
): Promise<Candidate> {
  return registry.addCandidate({
    model: model.name,
    source: { directory: trained.model.path },
    sha256: trained.model.sha256,
    lineage: {
      runId,
      trigger: request.trigger,
      reason: request.reason,
      seed,
      warmStart: trained.warmStart ?? null,
    },
    evaluation: {
      data: evaluated.data,
      cleanAccuracy: evaluated.candidate.cleanAccuracy,
      worstCase: evaluated.candidate.worstCase,
      heldOutAttacks: evaluated.candidate.heldOutAttacks,
    },
  });
}

const gateOutputSchema = z.object({ passed: z.boolean(), candidate: z.string() });

/** Checks a gate's result that was read back from a manifest. */
export function gateOutput(value: unknown): GateOutput {
  gateOutputSchema.parse(value);
  return value as GateOutput; // the rest was written by this very stage, under a hash
}

/** What of the decision goes into the ledger: verdict and every rule with its figures. */
export function ledgerDecision(decision: GateDecision): LedgerDecision {
  return {
    decision: decision.passed ? 'pass' : 'fail',
    evidence: { rules: decision.rules.map((rule) => ({ ...rule })) },
  };
}

function measurementOf({
  cleanAccuracy,
  worstCase,
  heldOutAttacks,
}: EvaluateOutput['candidate']): GateMeasurement {
  return { cleanAccuracy, worstCase, heldOutAttacks };
}
