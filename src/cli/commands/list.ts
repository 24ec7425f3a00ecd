import type { CommandModule } from '../run.ts';
import { registerConfig } from './config.ts';
import { registerDoctor } from './doctor.ts';
import { registerInit } from './init.ts';
import { registerModels } from './models.ts';
import { registerServe } from './serve.ts';

/** Every command, in the order in which the help shows them. A new command is one import and one line here. */
export const COMMANDS: readonly CommandModule[] = [
  registerServe,
  registerModels,
  registerInit,
  registerConfig,
  registerDoctor,
];
