import { createTask, validateDetailed, type ScheduledTask } from 'node-cron';
import type { Clock } from '../../src/domain/clock.ts';
import { AppError, toError } from '../../src/domain/errors.ts';
import type { Running } from '../../src/domain/lifecycle.ts';
import type { Logger } from '../../src/domain/logger.ts';

const MINUTE_MS = 60_000;
/** Catch-up looks back this far; an older slot is as good as missed for ever. */
const LOOK_BACK_MS = 32 * 24 * 60 * MINUTE_MS;

export interface ScheduleOptions {
  /** Five-field cron expression, read in UTC. */
  readonly expression: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** When the last scheduled run succeeded, ms since the epoch; undefined: never, and nothing is caught up. */
  lastSuccessMs(): Promise<number | undefined>;
  /** Writes the run request of a slot. Idempotent per slot. */
  onDue(slotMs: number): Promise<void>;
}

/**
 * Writes a run request at every slot of a cron expression (UTC, never overlapping), and one at start for the latest slot
 * that passed since the last success: node-cron keeps no state, so a sleeping process would lose its slots.
 *
 * @throws {AppError} TEMPER_CONFIG_INVALID with what is wrong in the expression
 */
export async function startSchedule(options: ScheduleOptions): Promise<Running<ScheduledTask>> {
  assertExpression(options.expression);
  const task = createTask(
    options.expression,
    ({ date }) => dueSafely(options, floorToMinute(date.getTime())),
    {
      timezone: 'Etc/UTC',
      noOverlap: true,
      unref: true,
      missedExecutionTolerance: 10 * MINUTE_MS,
      suppressMissedWarning: true,
    },
  );
  for (const event of ['execution:missed', 'execution:overlap', 'execution:failed'] as const) {
    task.on(event, ({ date }) =>
      options.logger.warn({ event, slot: date.toISOString() }, 'schedule_slot_lost'),
    );
  }
  const missed = missedSlot(task, await options.lastSuccessMs(), options.clock.nowMs());
  if (missed !== undefined) await dueSafely(options, missed);
  await task.start();
  return {
    value: task,
    stop: async () => {
      await task.destroy();
    },
  };
}

/** The latest slot in (since, now], or undefined. O(minutes looked back). */
export function missedSlot(
  task: Pick<ScheduledTask, 'match'>,
  sinceMs: number | undefined,
  nowMs: number,
): number | undefined {
  if (sinceMs === undefined) return undefined;
  const oldest = Math.max(sinceMs + 1, nowMs - LOOK_BACK_MS);
  for (let slot = floorToMinute(nowMs); slot >= oldest; slot -= MINUTE_MS) {
    if (task.match(new Date(slot))) return slot;
  }
  return undefined;
}

async function dueSafely(options: ScheduleOptions, slotMs: number): Promise<void> {
  try {
    await options.onDue(slotMs);
  } catch (caught) {
    options.logger.error(
      { err: toError(caught), slot: new Date(slotMs).toISOString() },
      'schedule_request_failed',
    );
  }
}

function assertExpression(expression: string): void {
  const { valid, errors } = validateDetailed(expression);
  const fields = expression.trim().split(/\s+/).length;
  if (valid && fields === 5) return;
  const reasons = errors.map((error) => error.message).join('; ') || `it has ${fields} fields`;
  throw new AppError(
    'TEMPER_CONFIG_INVALID',
    `harden.trigger.schedule: expected five cron fields (minute hour day month weekday, UTC), got "${expression}": ${reasons}`,
  );
}

function floorToMinute(ms: number): number {
  return ms - (((ms % MINUTE_MS) + MINUTE_MS) % MINUTE_MS);
}
