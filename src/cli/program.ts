import type { Argv } from 'yargs';
import { baseProgram } from './base-program.js';
import { dags } from './commands/dags.js';
import { deploy } from './commands/deploy.js';
import { destroy } from './commands/destroy.js';
import { down } from './commands/down.js';
import { images } from './commands/images.js';
import { importValuesCommand } from './commands/import-values.js';
import { logs } from './commands/logs.js';
import { status } from './commands/status.js';
import { ui } from './commands/ui.js';
import { up } from './commands/up.js';
import type { GlobalArgs } from './options.js';

/** The command line, ready to parse. */
export function program(args: readonly string[]): Argv<GlobalArgs> {
  return baseProgram(args)
    .command(up)
    .command(down)
    .command(deploy)
    .command(status)
    .command(logs)
    .command(dags)
    .command(ui)
    .command(destroy)
    .command(images)
    .command(importValuesCommand);
}
