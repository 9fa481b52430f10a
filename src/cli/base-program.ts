import type { Argv } from 'yargs';
import yargs from 'yargs/yargs';
import { VERSION } from '../../constructs/version.js';
import { CliError, EXIT_CODES } from './errors.js';
import { withGlobalOptions, type GlobalArgs } from './options.js';

const EPILOGUE = [
  'A cluster is touched only if --context names it, or if "up" made it.',
  `Exit codes: ${EXIT_CODES.OK} done, ${EXIT_CODES.ERROR} unforeseen, ${EXIT_CODES.USAGE} bad arguments, ` +
    `${EXIT_CODES.CLUSTER} no cluster named or reachable, ${EXIT_CODES.REFUSED} refused by the cluster or Airflow, ` +
    `${EXIT_CODES.NOT_READY} not ready or failed, ${EXIT_CODES.NOT_FOUND} not found, ${EXIT_CODES.INTERRUPTED} interrupted.`,
].join('\n');

/** The command line without its commands. */
export function baseProgram(args: readonly string[]): Argv<GlobalArgs> {
  const cli = yargs([...args])
    .scriptName('cdk8s-airflow')
    .usage('$0 <command>\n\nApache Airflow on Kubernetes, from TypeScript constructs.')
    .parserConfiguration({ 'duplicate-arguments-array': false })
    .version(VERSION)
    .help()
    .strict()
    .demandCommand(1, 'Say what to do.')
    .epilogue(EPILOGUE)
    .wrap(100)
    // Errors are told and turned into exit codes in one place (main.ts).
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      // YError: an option's value that cannot be read, as yargs hands it on.
      if (error !== undefined && error.name !== 'YError') {
        throw error;
      }
      const why = error?.message ?? message ?? 'Bad arguments.';
      throw new CliError(EXIT_CODES.USAGE, `${why}\nSee: cdk8s-airflow --help`, { cause: error });
    });
  return withGlobalOptions(cli);
}
