import type { EngineName } from './choose.ts';

/** What parent and compute worker say to each other. One question at a time; each has one answer, tasks also progress. */
export type ToWorker =
  | { readonly kind: 'start'; readonly engine: EngineName }
  | {
      readonly kind: 'task';
      readonly modulePath: string;
      readonly exportName: string;
      readonly input: unknown;
    };

export type FromWorker = Answer | { readonly kind: 'progress'; readonly value: unknown };

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly output: unknown; readonly residentBytes: number }
  | { readonly kind: 'failed'; readonly error: TransportedError; readonly residentBytes: number };

/** An error as plain data. */
export interface TransportedError {
  readonly message: string;
  readonly stack: string | undefined;
  /** Of an error of ours, or of the system (`ENOENT`). */
  readonly code: string | undefined;
  readonly retryable: boolean;
}
