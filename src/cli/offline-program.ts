import type { Argv } from 'yargs';
import { baseProgram } from './base-program.js';
import { importValuesCommand } from './commands/import-values.js';
import type { GlobalArgs } from './options.js';

/** Commands that need no cluster, whose client alone takes half a second to load. */
export const OFFLINE_COMMANDS = ['import-values'];

/** The command line with those commands alone. */
export function offlineProgram(args: readonly string[]): Argv<GlobalArgs> {
  return baseProgram(args).command(importValuesCommand);
}
