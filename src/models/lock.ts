/**
 * An exclusive lock on a shared folder, with a fencing number.
 *
 * The lock is a folder of numbered files; the highest number is the holder, and its number is the fence. To acquire is
 * to `link()` the next number, which exactly one process can do. A holder that died or went silent is not removed but
 * overtaken, so no two contenders can both break it. The highest file is never deleted, so numbers only grow. A process
 * that linked a number below the highest (it was slow, and the files between were cleaned up) has lost and retries.
 * Whoever writes under the lock carries the fence; `assertHeld` says before a write whether a later holder exists.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import { ownProcess, processIsGone, type ProcessIdentity } from './lock-process.ts';
import { ifThere, isErrno, namesIn, replaceFile } from './registry-files.ts';

export interface LockHolder extends ProcessIdentity {
  readonly fence: number;
  /** Who, in words for people: `harden worker`. */
  readonly owner: string;
  readonly acquiredAt: string;
  readonly released: boolean;
}

export interface LockOptions {
  /** Folder shared by all contenders; made if need be. */
  readonly directory: string;
  readonly name: string;
  readonly owner: string;
  readonly clock: Clock;
  /** How long to wait for a live holder, milliseconds; default 0: refuse at once. */
  readonly waitMs?: number;
  /** A holder on another host that has not touched its file for so long is overtaken, milliseconds; default 60,000. */
  readonly expiryMs?: number;
  /** The fence is above this number, even when the lock's folder was lost. */
  readonly aboveFence?: number;
}

export interface Lock {
  readonly fence: number;
  /** @throws {AppError} TEMPER_REGISTRY_FENCED when a later holder exists */
  assertHeld(): Promise<void>;
  /** Idempotent. */
  release(): Promise<void>;
}

const DEFAULT_EXPIRY_MS = 60_000;
const RETRY_MS = 50;
const NUMBERED = /^\d{12}$/;

/**
 * Acquires the lock, waiting up to `waitMs`.
 * @throws {AppError} TEMPER_REGISTRY_LOCKED (retryable) when another process holds it
 */
export async function acquireLock(options: LockOptions): Promise<Lock> {
  const folder = join(options.directory, options.name);
  await mkdir(folder, { recursive: true });
  const giveUpAtMs = performance.now() + (options.waitMs ?? 0);
  for (;;) {
    const attempt = await tryAcquire(folder, options);
    if (typeof attempt === 'number') return holdLock(folder, attempt, options);
    if (performance.now() >= giveUpAtMs) throw lockedBy(attempt, options.name);
    await sleep(RETRY_MS);
  }
}

/** Runs `work` under the lock and releases it whatever happens. */
export async function withLock<T>(options: LockOptions, work: (lock: Lock) => Promise<T>): Promise<T> {
  const lock = await acquireLock(options);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** The last holder, released or not; undefined when nobody ever held the lock. */
export async function lastHolder(directory: string, name: string): Promise<LockHolder | undefined> {
  const folder = join(directory, name);
  const fence = await highestFence(folder);
  return fence === 0 ? undefined : readHolder(folder, fence);
}

/** The fence won, or who holds the lock. */
async function tryAcquire(folder: string, options: LockOptions): Promise<number | LockHolder> {
  const ticket = join(folder, `${randomUUID()}.ticket`);
  try {
    const highest = await highestFence(folder);
    const fence = Math.max(highest, options.aboveFence ?? 0) + 1;
    await writeFile(ticket, holderText(fence, options), { flush: true });
    if (highest > 0) {
      const holder = await readHolder(folder, highest);
      if (!(await isFree({ folder, holder, ticket, expiryMs: options.expiryMs ?? DEFAULT_EXPIRY_MS })))
        return holder;
    }
    return await linkFence(folder, ticket, fence);
  } finally {
    await rm(ticket, { force: true });
  }
}

async function linkFence(folder: string, ticket: string, fence: number): Promise<number | LockHolder> {
  const path = fencePath(folder, fence);
  try {
    await link(ticket, path);
  } catch (caught) {
    if (!isErrno(caught, 'EEXIST')) throw caught;
    return readHolder(folder, fence);
  }
  const highest = await highestFence(folder);
  if (highest > fence) {
    await rm(path, { force: true });
    return readHolder(folder, highest);
  }
  await removeBelow(folder, fence);
  return fence;
}

function holdLock(folder: string, fence: number, options: LockOptions): Lock {
  const path = fencePath(folder, fence);
  const heartbeat = setInterval(
    () => {
      const now = new Date();
      // Never rejects: a lost file is noticed by assertHeld, and a late heartbeat only makes the lock look stale.
      void utimes(path, now, now).catch(() => undefined);
    },
    (options.expiryMs ?? DEFAULT_EXPIRY_MS) / 4,
  );
  heartbeat.unref();
  let released: Promise<void> | undefined;
  return {
    fence,
    async assertHeld() {
      const highest = await highestFence(folder);
      if (highest === fence && released === undefined) return;
      throw new AppError(
        'TEMPER_REGISTRY_FENCED',
        `expected to hold lock ${options.name} with fence ${fence}, but the highest fence is ${highest}: ` +
          'a later holder has taken over, so nothing more is written. Run the command again.',
        { details: { lock: options.name, fence, highest } },
      );
    },
    release() {
      released ??= (async () => {
        clearInterval(heartbeat);
        if ((await highestFence(folder)) === fence) await replaceFile(path, holderText(fence, options, true));
      })();
      return released;
    },
  };
}

interface Candidacy {
  readonly folder: string;
  readonly holder: LockHolder;
  /** A file just written on the same volume: its time stamp is the volume's idea of now. */
  readonly ticket: string;
  readonly expiryMs: number;
}

async function isFree({ folder, holder, ticket, expiryMs }: Candidacy): Promise<boolean> {
  if (holder.released) return true;
  const gone = await processIsGone(holder);
  if (gone !== 'unknown') return gone === 'yes';
  const touched = await ifThere(stat(fencePath(folder, holder.fence)));
  const now = await stat(ticket);
  return touched === undefined || now.mtimeMs - touched.mtimeMs > expiryMs;
}

async function readHolder(folder: string, fence: number): Promise<LockHolder> {
  const unreadable = { owner: 'unknown', acquiredAt: '', released: false, pid: 0, host: '', startedAt: '' };
  const text = await ifThere(readFile(fencePath(folder, fence), 'utf8'));
  // A file that is gone was overtaken and cleaned up: whoever did that is the holder now.
  if (text === undefined) return { ...unreadable, fence: await highestFence(folder) };
  try {
    return { ...unreadable, ...(JSON.parse(text) as Partial<LockHolder>), fence };
  } catch {
    // Cut short by a power cut: no process can be checked, so it expires by its time stamp.
    return { ...unreadable, fence };
  }
}

function holderText(fence: number, { owner, clock }: LockOptions, released = false): string {
  const acquiredAt = new Date(clock.nowMs()).toISOString();
  return `${JSON.stringify({ fence, owner, acquiredAt, released, ...ownProcess() })}\n`;
}

async function highestFence(folder: string): Promise<number> {
  const names = await namesIn(folder);
  return Number(names.filter((name) => NUMBERED.test(name)).at(-1) ?? 0);
}

async function removeBelow(folder: string, fence: number): Promise<void> {
  const names = await namesIn(folder);
  const old = names.filter((name) => NUMBERED.test(name) && Number(name) < fence);
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
}

function fencePath(folder: string, fence: number): string {
  return join(folder, `${fence}`.padStart(12, '0'));
}

function lockedBy(holder: LockHolder, name: string): AppError {
  const { owner, pid, host, acquiredAt } = holder;
  return new AppError(
    'TEMPER_REGISTRY_LOCKED',
    `expected lock ${name} to be free, but ${owner} (process ${pid} on ${host}) holds it since ${acquiredAt}. ` +
      'Wait for it to finish; if that process is gone, its lock is taken over by itself.',
    { retryable: true, details: { lock: name, holder } },
  );
}
