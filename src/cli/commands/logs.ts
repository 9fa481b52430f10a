import { AirflowApiError, type AirflowApi, type LogEntry, type TaskInstance } from '../airflow-api.js';
import { withAirflow } from '../airflow.js';
import { defineCommand } from '../command.js';
import { CliError, EXIT_CODES } from '../errors.js';
import { followTaskLog, formatLogEntry, readTaskLog } from '../task-log.js';

interface TaskArgs {
  readonly dag: string;
  readonly task: string;
  readonly mapIndex: number;
}

/** `cdk8s-airflow logs <dag> <task>` */
export const logs = defineCommand({
  command: 'logs <dag> <task>',
  describe: "Print a task's log, from Airflow's API",
  builder: (args) =>
    args
      .positional('dag', { type: 'string', demandOption: true, describe: 'DAG id' })
      .positional('task', { type: 'string', demandOption: true, describe: 'Task id' })
      .option('run', { type: 'string', requiresArg: true, describe: 'Run id [default: the latest run]' })
      .option('try', { type: 'number', requiresArg: true, describe: 'Try number [default: the latest try]' })
      .option('map-index', { type: 'number', requiresArg: true, default: -1, describe: 'Map index; -1: not mapped' })
      .option('follow', { type: 'boolean', alias: 'f', default: false, describe: 'Go on until the task has ended' }),
  run: async (session, args) => {
    await withAirflow(session, async (api) => {
      const runId = args.run ?? (await latestRun(api, args.dag));
      const current = async (): Promise<TaskInstance> => await findTask(api, args, runId);
      const task = await current();
      const tryNumber = args.try ?? task.try_number;
      if (tryNumber < 1) {
        throw new CliError(EXIT_CODES.NOT_FOUND, `${args.dag}.${args.task} of ${runId} has not started yet.`);
      }
      if (tryNumber > task.try_number) {
        throw new CliError(
          EXIT_CODES.NOT_FOUND,
          `${args.dag}.${args.task} of ${runId} has no try ${tryNumber}; its latest is ${task.try_number}.`,
        );
      }
      if (args.follow && args.output === 'text') {
        for await (const entry of followTaskLog(api, current, tryNumber, session.signal)) {
          process.stdout.write(`${formatLogEntry(entry)}\n`);
        }
        return;
      }
      const content: LogEntry[] = [];
      if (args.follow) {
        for await (const entry of followTaskLog(api, current, tryNumber, session.signal)) {
          content.push(entry);
        }
      } else {
        content.push(...(await readTaskLog(api, task, tryNumber)));
      }
      const { dag, task: taskId, mapIndex } = args;
      const state = (await current()).state;
      session.print({ dag, task: taskId, run: runId, try: tryNumber, mapIndex, state, log: content }, () =>
        content.map(formatLogEntry).join('\n'),
      );
    });
  },
});

async function latestRun(api: AirflowApi, dag: string): Promise<string> {
  const run = await api.latestRun(dag).catch(asNotFound(`There is no DAG '${dag}'.`));
  if (run === undefined) {
    throw new CliError(EXIT_CODES.NOT_FOUND, `DAG '${dag}' never ran.`);
  }
  return run.dag_run_id;
}

async function findTask(api: AirflowApi, args: TaskArgs, runId: string): Promise<TaskInstance> {
  const tasks = await api
    .taskInstances(args.dag, runId)
    .catch(asNotFound(`There is no run '${runId}' of DAG '${args.dag}'.`));
  const found = tasks.find((task) => task.task_id === args.task && task.map_index === args.mapIndex);
  if (found === undefined) {
    const known = tasks.map((task) =>
      task.map_index < 0 ? task.task_id : `${task.task_id} --map-index ${task.map_index}`,
    );
    throw new CliError(
      EXIT_CODES.NOT_FOUND,
      `Run '${runId}' of DAG '${args.dag}' has no task '${args.task}'; it has: ${known.join(', ')}.`,
    );
  }
  return found;
}

function asNotFound(message: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof AirflowApiError && error.code === 404
      ? new CliError(EXIT_CODES.NOT_FOUND, message, { cause: error })
      : error;
  };
}
