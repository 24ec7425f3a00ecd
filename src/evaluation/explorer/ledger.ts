import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Trial } from './trial.ts';

/** Trials by their identity, kept so that a search that was interrupted goes on where it was. */
export interface TrialLedger {
  get(key: string): Trial | undefined;
  put(key: string, trial: Trial): Promise<void>;
}

const line = z.strictObject({
  key: z.string(),
  success: z.array(z.number()),
  /** null stands for −Infinity, which JSON does not know. */
  margins: z.array(z.number().nullable()),
  forwardQueries: z.number(),
  gradientQueries: z.number(),
  compute: z.number(),
});

/** A ledger that ends with the process. */
export function memoryLedger(): TrialLedger {
  const trials = new Map<string, Trial>();
  return {
    get: (key) => trials.get(key),
    put: (key, trial) => {
      trials.set(key, trial);
      return Promise.resolve();
    },
  };
}

/**
 * A ledger in a file, one line of JSON for each trial. A last line that was cut off is left out: its trial runs again.
 */
export async function openLedger(path: string): Promise<TrialLedger> {
  const memory = memoryLedger();
  const text = await readFile(path, 'utf8').catch((caught: unknown) => {
    if ((caught as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw caught;
  });
  for (const each of text.split('\n')) {
    const trial = parseLine(each);
    if (trial !== undefined) await memory.put(trial.key, trial);
  }
  // A line that was cut off is ended, so that the next one stands by itself.
  if (text !== '' && !text.endsWith('\n')) await appendFile(path, '\n');
  return {
    get: (key) => memory.get(key),
    async put(key, trial) {
      const { success, margins, ...counts } = trial;
      const row = {
        key,
        success: [...success],
        margins: Array.from(margins, (margin) => (Number.isFinite(margin) ? margin : null)),
        ...counts,
      };
      await appendFile(path, `${JSON.stringify(row)}\n`);
      await memory.put(key, trial);
    },
  };
}

function parseLine(text: string): (Trial & { readonly key: string }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // cut off, or empty
  }
  const parsed = line.safeParse(value);
  if (!parsed.success) return undefined;
  const { success, margins, ...rest } = parsed.data;
  return {
    ...rest,
    success: Uint8Array.from(success),
    margins: Float64Array.from(margins, (margin) => margin ?? -Infinity),
  };
}
