import { AppError } from '../../domain/errors.ts';
import { hasGradient, type GradientTarget, type LossGradient } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import type { Evaluate, GradientAttack, Processing, Schedule, Step } from './parts.ts';
import { batchOf, createLoopState, projectRows, type LoopState } from './state.ts';

/**
 * The one loop of all gradient attacks. Per restart, on the examples that are still live: start, then `steps` times
 * gradient, processing, step. An example leaves the loop as soon as it is settled or its budget is spent. The last
 * iterate is only scored, since its gradient would lead nowhere: k steps cost k gradients and k + 1 forward passes.
 */
export async function runGradientAttack(session: AttackSession, attack: GradientAttack): Promise<void> {
  for (let restart = 0; restart < attack.restarts; restart++) {
    const examples = session.liveRows();
    if (examples.length === 0) return;
    await runRestart(createLoopState(session, examples, restart), attack);
  }
}

interface Prepared {
  readonly evaluate: Evaluate;
  readonly processing: readonly Processing[];
  readonly schedule: Schedule;
  readonly step: Step;
}

async function runRestart(state: LoopState, attack: GradientAttack): Promise<void> {
  const { space, session } = state;
  attack.start(state);
  projectRows(state, state.x);
  const parts = prepare(state, attack);
  for (let iteration = 0; iteration < attack.steps; iteration++) {
    const found = await parts.evaluate(batchOf(state, state.x));
    take(state, found);
    space.retain(session.isLive);
    if (space.count === 0) return;
    parts.schedule.observe(iteration);
    direct(state, parts.processing);
    parts.step(parts.schedule.sizes, iteration);
  }
  await session.target.scores(batchOf(state, state.x));
}

function prepare(state: LoopState, attack: GradientAttack): Prepared {
  const target = gradientTarget(state.session);
  const loss = attack.loss(state.session, state.restart);
  const processing = attack.processing.map((create) => create(state));
  const ask: Evaluate = (batch) => target.gradient(batch, loss);
  return {
    evaluate: processing.reduceRight((next, part) => part.evaluate?.(next) ?? next, ask),
    processing,
    schedule: attack.schedule(state, attack.steps),
    step: attack.step(state),
  };
}

function gradientTarget({ target }: AttackSession): GradientTarget {
  if (hasGradient(target)) return target;
  throw new AppError('TEMPER_ATTACK_ACCESS', 'expected a target with gradients, got one with scores only');
}

/** Copies what the target found; a NaN or infinite component becomes 0, so that one bad row hurts nobody. */
function take(state: LoopState, { gradient, losses }: LossGradient): void {
  const { space, session } = state;
  const { count } = space;
  for (let i = 0; i < count * session.features; i++) {
    const g = gradient[i]!;
    state.gradient[i] = Number.isFinite(g) ? g : 0;
  }
  for (let i = 0; i < count; i++) {
    const value = losses[i]!;
    state.losses[i] = Number.isNaN(value) ? -Infinity : value;
  }
}

function direct(state: LoopState, processing: readonly Processing[]): void {
  state.direction.set(state.gradient.subarray(0, state.space.count * state.session.features));
  for (const part of processing) part.direct?.();
}
