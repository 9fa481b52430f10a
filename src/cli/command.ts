import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { CliError, EXIT_CODES } from './errors.js';
import type { GlobalArgs } from './options.js';
import { Session } from './session.js';

export interface CommandDefinition<A extends GlobalArgs> {
  /** As yargs reads it: `logs <dag> <task>`. */
  readonly command: string;
  readonly describe: string;
  readonly builder: (args: Argv<GlobalArgs>) => Argv<A>;
  readonly run: (session: Session, args: ArgumentsCamelCase<A>) => Promise<void>;
}

/** A yargs command whose `run` gets a session, and whose signal aborts at Ctrl-C. */
export function defineCommand<A extends GlobalArgs>(definition: CommandDefinition<A>): CommandModule<GlobalArgs, A> {
  const { command, describe, builder, run } = definition;
  return {
    command,
    describe,
    builder,
    handler: async (args) => {
      const interrupted = new AbortController();
      const stop = (): void => {
        interrupted.abort(new CliError(EXIT_CODES.INTERRUPTED, 'Interrupted.'));
      };
      process.once('SIGINT', stop).once('SIGTERM', stop);
      try {
        await run(new Session(args, interrupted.signal), args);
      } catch (error) {
        // What was under way fails in its own words when it is stopped.
        throw interrupted.signal.aborted ? interrupted.signal.reason : error;
      } finally {
        process.off('SIGINT', stop).off('SIGTERM', stop);
      }
    },
  };
}
