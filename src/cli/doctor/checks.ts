import { checkEngine } from './engine.ts';
import { checkData, checkFolders, checkStream } from './files.ts';
import type { Check, MachineCheck } from './finding.ts';
import { checkMachine } from './machine.ts';
import { checkRecipes } from './recipes.ts';
import { checkRegistry } from './registry.ts';
import { checkServed } from './served.ts';
import { checkStore } from './store.ts';

/** What can be told without a configuration. */
export const MACHINE_CHECKS: readonly MachineCheck[] = [checkMachine, checkEngine];

/** Everything that the configuration names, in the order of the table. */
export const CHECKS: readonly Check[] = [
  checkStream,
  checkServed,
  checkRegistry,
  checkStore,
  checkRecipes,
  checkFolders,
  checkData,
];
