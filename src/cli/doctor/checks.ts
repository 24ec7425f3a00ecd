import type { Check } from './finding.ts';
import { checkEngine } from './engine.ts';
import { checkData, checkFolders, checkStream } from './files.ts';
import { checkRecipes } from './recipes.ts';
import { checkRegistry } from './registry.ts';
import { checkServed } from './served.ts';
import { checkStore } from './store.ts';

/** Everything that the configuration names, in the order of the table. */
export const CHECKS: readonly Check[] = [
  checkEngine,
  checkStream,
  checkServed,
  checkRegistry,
  checkStore,
  checkRecipes,
  checkFolders,
  checkData,
];
