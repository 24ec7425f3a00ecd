import type { CommandModule } from '../run.ts';
import { registerAttack } from './attack.ts';
import { registerConfig } from './config.ts';
import { registerDemo } from './demo.ts';
import { registerDoctor } from './doctor.ts';
import { registerEvaluate } from './evaluate.ts';
import { registerExplore } from './explore.ts';
import { registerExport } from './export.ts';
import { registerHarden } from './harden.ts';
import { registerInit } from './init.ts';
import { registerMigrate } from './migrate.ts';
import { registerModels } from './models.ts';
import { registerServe } from './serve.ts';
import { registerSidecar } from './sidecar.ts';
import { registerStore } from './store.ts';

/** Every command, in the order in which the help shows them. A new command is one import and one line here. */
export const COMMANDS: readonly CommandModule[] = [
  registerDemo,
  registerSidecar,
  registerHarden,
  registerServe,
  registerStore,
  registerEvaluate,
  registerAttack,
  registerExplore,
  registerModels,
  registerExport,
  registerInit,
  registerConfig,
  registerDoctor,
  registerMigrate,
];
