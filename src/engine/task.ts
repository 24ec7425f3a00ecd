import type { EngineName } from './choose.ts';

export interface TaskContext {
  readonly engine: EngineName;
  /** Tells the parent how far the task is; any structured-cloneable value. */
  progress(value: unknown): void;
}

/** Pure: the same input gives the same output, so that a task may be run again after its process died. */
export type TaskFunction<I, O> = (input: I, context: TaskContext) => Promise<O>;

declare const types: unique symbol;

/** A function that a compute worker can find: the module that exports it, and its name there. */
export interface Task<I, O> {
  readonly modulePath: string;
  readonly exportName: string;
  /** Never set; carries the types of input and output. */
  readonly [types]?: (input: I) => O;
}

/** @param modulePath `__filename` of the module that exports the function */
export function defineTask<I, O>(modulePath: string, exportName: string): Task<I, O> {
  return { modulePath, exportName };
}
