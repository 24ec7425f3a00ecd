import type { ScoreLoss } from '../../domain/target.ts';
import type { AttackSession } from '../attack.ts';
import { createThreatBall } from '../constraints/threat-ball.ts';
import type { Evaluate, GradientAttack, Phase, Processing, Schedule, Start, Step } from './parts.ts';
import { batchOf, createLoopState, gradientTarget, projectRows, type LoopState } from './state.ts';
import { take, takeLosses } from './take.ts';

/**
 * The one loop of all gradient attacks. Per restart, on the examples that are still live: start, then `steps` times
 * gradient, processing, step. An example leaves the loop as soon as it is settled or its budget is spent. The last
 * iterate is only scored, since its gradient would lead nowhere: k steps cost k gradients and k + 1 forward passes.
 */
export async function runGradientAttack(session: AttackSession, attack: GradientAttack): Promise<void> {
  const phases = attack.phases ?? [{ radius: 1, steps: attack.steps }];
  for (let restart = 0; restart < attack.restarts; restart++) {
    let { start } = attack;
    for (const phase of phases) {
      const examples = session.liveRows();
      if (examples.length === 0) return;
      const state = createLoopState(inBall(session, phase), examples, restart);
      const schedule = await runPhase(state, { ...attack, start, steps: phase.steps });
      if (schedule.best !== undefined) start = startAt(state, schedule.best);
    }
  }
}

/** The session as a phase sees it: only its ball is wider, what counts as success is not. */
function inBall(session: AttackSession, { radius }: Phase): AttackSession {
  if (radius === 1) return session;
  const threat = { ...session.threat, epsilon: radius * session.threat.epsilon };
  return { ...session, ball: createThreatBall(threat, session), threat };
}

/** Begins where another phase has ended. */
function startAt({ space, session: { features } }: LoopState, points: Float32Array): Start {
  const found = new Map<number, Float32Array>();
  for (let i = 0; i < space.count; i++)
    found.set(space.rows[i]!, points.slice(i * features, (i + 1) * features));
  return (state) => {
    for (let i = 0; i < state.space.count; i++) state.x.set(found.get(state.space.rows[i]!)!, i * features);
  };
}

interface Prepared {
  readonly loss: ScoreLoss;
  readonly evaluate: Evaluate;
  readonly processing: readonly Processing[];
  readonly schedule: Schedule;
  readonly step: Step;
}

async function runPhase(state: LoopState, attack: GradientAttack): Promise<Schedule> {
  const { space, session } = state;
  await attack.start(state);
  space.retain(session.isLive);
  projectRows(state, state.x);
  const parts = prepare(state, attack);
  for (let iteration = 0; iteration < attack.steps && space.count > 0; iteration++) {
    const found = await parts.evaluate(batchOf(state, state.x));
    take(state, found);
    space.retain(session.isLive);
    if (space.count === 0) break;
    parts.schedule.observe(iteration);
    direct(state, parts.processing);
    parts.step(iteration);
  }
  if (space.count > 0) await scoreLast(state, parts, attack.steps);
  return parts.schedule;
}

async function scoreLast(state: LoopState, { schedule, loss }: Prepared, steps: number): Promise<void> {
  const { space, session } = state;
  const batch = batchOf(state, state.x);
  const scores = await session.target.scores(batch);
  if (schedule.best === undefined) return;
  takeLosses(state, loss(scores, batch).values);
  space.retain(session.isLive);
  schedule.observe(steps);
}

function prepare(state: LoopState, attack: GradientAttack): Prepared {
  const target = gradientTarget(state.session);
  const loss = attack.loss(state.session, state.restart);
  const processing = attack.processing.map((create) => create(state, attack.steps));
  const ask: Evaluate = (batch) => target.gradient(batch, loss);
  const schedule = attack.schedule(state, attack.steps);
  return {
    loss,
    evaluate: processing.reduceRight((next, part) => part.evaluate?.(next) ?? next, ask),
    processing,
    schedule,
    step: attack.step(state, schedule),
  };
}

function direct(state: LoopState, processing: readonly Processing[]): void {
  state.direction.set(state.gradient.subarray(0, state.space.count * state.session.features));
  for (const part of processing) part.direct?.();
}
