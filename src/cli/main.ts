#!/usr/bin/env node
import { CliError, errorMessage, EXIT_CODES } from './errors.js';

/** What @kubernetes/client-node and its HTTP library need. */
const NODE_FLOOR = [22, 19] as const;

async function main(): Promise<void> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor < NODE_FLOOR[1])) {
    throw new CliError(
      EXIT_CODES.USAGE,
      `cdk8s-airflow needs Node ${NODE_FLOOR.join('.')} or newer; this is ${process.versions.node}. ` +
        'In a project, "npm install --save-dev node@24" gives its npm scripts and npx a newer one.',
    );
  }
  // Only now: what the commands import does not load in an older Node.
  const args = process.argv.slice(2);
  const { OFFLINE_COMMANDS, offlineProgram } = await import('./offline-program.js');
  if (OFFLINE_COMMANDS.includes(args[0] ?? '')) {
    await offlineProgram(args).parseAsync();
    return;
  }
  const { program } = await import('./program.js');
  await program(args).parseAsync();
}

main().catch((error: unknown) => {
  if (error instanceof CliError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    const stack = process.env.CDK8S_AIRFLOW_DEBUG !== undefined && error instanceof Error ? error.stack : undefined;
    process.stderr.write(`${stack ?? errorMessage(error)}\n`);
    process.exitCode = EXIT_CODES.ERROR;
  }
});
