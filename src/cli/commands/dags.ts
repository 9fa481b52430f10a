import type { CommandModule } from 'yargs';
import { withAirflow } from '../airflow.js';
import { defineCommand } from '../command.js';
import { pushDags, waitParsed } from '../dags/push.js';
import { CliError, EXIT_CODES } from '../errors.js';
import { parseSeconds, type GlobalArgs } from '../options.js';
import { note } from '../progress.js';

const push = defineCommand({
  command: 'push <folder>',
  describe: "Copy a folder's files into the stack's DAG volume and wait until Airflow has parsed them",
  builder: (args) =>
    args
      .positional('folder', { type: 'string', demandOption: true, describe: 'Folder with DAG files' })
      .option('delete', { type: 'boolean', default: false, describe: 'Delete there what the folder does not have' })
      .option('wait', { type: 'boolean', default: true, describe: 'Wait until Airflow lists the DAGs' })
      .option('timeout', {
        type: 'string',
        requiresArg: true,
        default: '2m',
        coerce: parseSeconds,
        describe: 'How long to wait (90s, 2m)',
      }),
  run: async (session, args) => {
    const pushed = await pushDags(session, args.folder, args.delete);
    const { written, unchanged, deleted } = pushed;
    note(`${written.length} files written, ${unchanged.length} unchanged, ${deleted.length} deleted`);
    if (!args.wait) {
      session.print({ written, unchanged, deleted }, () => '');
      return;
    }
    const deadline = Date.now() + args.timeout * 1000;
    let told = '';
    const state = await withAirflow(session, (api) =>
      waitParsed(api, pushed, deadline, session.signal, ({ waiting }) => {
        const line = `waiting for Airflow to parse: ${waiting.join(', ')}`;
        if (waiting.length > 0 && line !== told) {
          note((told = line));
        }
      }),
    );
    const dags = state.dags.map(({ dag_id }) => dag_id).sort();
    const errors = state.errors.map(({ filename, stack_trace }) => ({ file: filename, error: stack_trace }));
    session.print({ written, unchanged, deleted, dags, errors, waiting: state.waiting }, () =>
      [...dags, ...errors.map(({ file, error }) => `${file}:\n${error}`)].join('\n'),
    );
    if (errors.length > 0) {
      throw new CliError(EXIT_CODES.NOT_READY, `${errors.length} of the files pushed cannot be imported.`);
    }
    if (state.waiting.length > 0) {
      throw new CliError(
        EXIT_CODES.NOT_READY,
        `Airflow has not parsed ${state.waiting.join(', ')} in time; the log of the DAG processor may say why.`,
      );
    }
  },
});

/** `cdk8s-airflow dags …` */
export const dags: CommandModule<GlobalArgs, GlobalArgs> = {
  command: 'dags',
  describe: 'Deliver DAGs',
  builder: (args) => args.command(push).demandCommand(1, 'Say what to do with DAGs: push <folder>.'),
  handler: () => undefined,
};
