import { join } from 'node:path';
import type { Login } from '../airflow-api.js';
import { firstUserLogin, withAirflow } from '../airflow.js';
import { defineCommand } from '../command.js';
import { deploySteps, newDeployContext, type DeployContext } from '../deploy.js';
import { pushDags, waitParsed } from '../dags/push.js';
import { CliError, EXIT_CODES } from '../errors.js';
import { runDags, runsText, type RunReport } from '../example-runs.js';
import { clusterScript, exposeUi, loadImages, requireLocal, restartStale } from '../local.js';
import { packageRoot } from '../package-root.js';
import { steps, type Step } from '../progress.js';
import type { Session } from '../session.js';
import { synthOutput } from '../synth.js';

/** Seconds: on two cores every Airflow process imports for a while at its first start. */
const DEPLOY_TIMEOUT = 15 * 60;
const PARSE_TIMEOUT_MS = 3 * 60_000;
const RUN_TIMEOUT_MS = 10 * 60_000;

interface UpContext extends DeployContext {
  dags: readonly string[];
  runs: readonly RunReport[];
  address: string;
  login?: Login;
}

/** `cdk8s-airflow up` */
export const up = defineCommand({
  command: 'up',
  describe: 'Start the local cluster with the default stack, run the example DAGs, print the address of the UI',
  builder: (args) =>
    args.option('examples', { type: 'boolean', default: true, describe: 'Push and run the example DAGs' }),
  run: async (session, args) => {
    requireLocal('up', args.context);
    const context: UpContext = { ...newDeployContext(), dags: [], runs: [], address: '' };
    await steps(upSteps(session, args.examples)).run(context);
    const { address, login, runs } = context;
    session.print({ address, ...login, runs }, () =>
      [
        ...(runs.length > 0 ? [runsText(runs), ''] : []),
        `Airflow   ${address}`,
        `User      ${login?.username ?? ''}`,
        `Password  ${login?.password ?? ''}`,
      ].join('\n'),
    );
    const surprising = runs.filter(({ asExpected }) => !asExpected);
    if (surprising.length > 0) {
      throw new CliError(
        EXIT_CODES.NOT_READY,
        surprising.map(({ dag, state }) => `The example DAG ${dag} should not have ended as '${state}'.`).join('\n'),
      );
    }
  },
});

function upSteps(session: Session, examples: boolean): Step<UpContext>[] {
  const { signal } = session;
  const root = packageRoot();
  const deploying = deploySteps(session, {
    projectFolder: root,
    appOutput: synthOutput(root) ?? 'dist/k8s',
    synth: true,
    createNamespace: true,
    prune: true,
    wait: true,
    timeout: DEPLOY_TIMEOUT,
  }) as Step<UpContext>[];
  return [
    {
      title: 'Cluster',
      task: async (_, task) => {
        await clusterScript('up', signal, (line) => (task.output = line));
      },
    },
    {
      title: 'Images',
      task: async (_, task) => {
        const loaded = await loadImages(signal, (line) => (task.output = line));
        const restarted = await restartStale(session, loaded);
        if (restarted.length > 0) {
          task.title = `Images: ${restarted.join(', ')} restarted`;
        }
      },
    },
    ...deploying,
    {
      title: 'Address of the UI',
      task: async (context) => {
        context.address = await exposeUi(session.client, session.namespace, session.release);
        context.login = await firstUserLogin(session.client, session.namespace, session.release);
      },
    },
    {
      title: 'Push the example DAGs',
      enabled: () => examples,
      task: async (context, task) => {
        const pushed = await pushDags(session, join(root, 'examples', 'dags', 'basic'), false);
        const deadline = Date.now() + PARSE_TIMEOUT_MS;
        const state = await withAirflow(session, (api) =>
          waitParsed(api, pushed, deadline, signal, ({ waiting }) => {
            if (waiting.length > 0) {
              task.output = `waiting for Airflow to parse ${waiting.join(', ')}`;
            }
          }),
        );
        const broken = state.errors.map(({ filename, stack_trace }) => `${filename}:\n${stack_trace}`);
        if (broken.length > 0 || state.waiting.length > 0) {
          throw new CliError(
            EXIT_CODES.NOT_READY,
            [...broken, ...state.waiting.map((file) => `${file} was not parsed in time`)].join('\n'),
          );
        }
        context.dags = state.dags.map(({ dag_id }) => dag_id).sort();
        task.title = `Push the example DAGs: ${context.dags.join(', ')}`;
      },
    },
    {
      title: 'Run the example DAGs',
      enabled: () => examples,
      task: async (context, task) => {
        context.runs = await withAirflow(session, (api) =>
          runDags(session, api, context.dags, Date.now() + RUN_TIMEOUT_MS, (line) => (task.output = line)),
        );
      },
    },
  ];
}
