import util from 'node:util';

/**
 * tfjs-node 4.22 calls two functions that Node 23 removed, through `require('util')` at call time. Loaded before it.
 * Import this module first: imports run in order.
 */
interface RemovedFunctions {
  isNullOrUndefined?: (value: unknown) => boolean;
  isArray?: (value: unknown) => boolean;
}

const removed = util as unknown as RemovedFunctions; // the types no longer name what newer versions lack
removed.isNullOrUndefined ??= (value) => value === null || value === undefined;
removed.isArray ??= Array.isArray;
