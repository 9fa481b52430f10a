import { parseArgs } from 'node:util';
import { ENV, EXIT_CODES, PATHS, PORTS } from '../../constructs/contract.js';
import { APPLY_FLAGS, APPLY_HELP, type ApplyOptions } from './commands/apply-options.js';
import { RUN_JOB_HELP } from './commands/run-job-help.js';
import { RUN_POD_FLAGS, RUN_POD_HELP, type RunPodOptions, type RunPodValues } from './commands/run-pod-options.js';
import { RUN_SPARK_APPLICATION_HELP } from './commands/run-spark-application-help.js';
import { VERSION } from './version.js';

const HELP = `pod-launcher ${VERSION}: launches one pod per Airflow task

Usage:
  pod-launcher serve [--socket PATH] [--config-dir FOLDER] [--health-port PORT]
      Serve the executor of a scheduler until SIGTERM.
      --socket       Unix socket to listen on (${ENV.SOCKET}, default ${PATHS.SOCKET})
      --config-dir   folder of the executor ConfigMap (${ENV.CONFIG_DIR}, default ${PATHS.LAUNCH_CONFIG_DIR})
      --health-port  HTTP port of /healthz, /readyz and /metrics (default ${PORTS.LAUNCHER_HEALTH}; 0: any free one)
  pod-launcher create-secrets --spec FILE
      Create the Secrets of FILE that do not exist yet; those that do are never changed.
  pod-launcher run-pod FILE [--follow] [--result] [--keep] [--namespace NAME] [--kubeconfig FILE] [--context NAME]
      Run the pod of a manifest to its end: pod-launcher run-pod --help
  pod-launcher run-job FILE [--follow] …
      Run the Job of a manifest to its end: pod-launcher run-job --help
  pod-launcher run-spark --image IMAGE [options] APPLICATION [ARGUMENT…]
      Run a Spark application to its end: pod-launcher run-spark --help
  pod-launcher run-spark-application FILE [--follow] …
      Run a SparkApplication to its end: pod-launcher run-spark-application --help
  pod-launcher watch-pods
      Follow many pods with one watch; for the triggerer (docs/operators.md)
  pod-launcher apply FILE… [--wait CONDITION]… [--follow] [--delete] [--namespace NAME] …
      Apply any manifests, wait for them, delete them: pod-launcher apply --help
  pod-launcher --version
  pod-launcher --help

Kubernetes is reached by KUBECONFIG, else by the pod's service account. Log level: ${ENV.LOG_LEVEL}.
Exit codes: ${EXIT_CODES.OK} done, ${EXIT_CODES.ERROR} unforeseen, ${EXIT_CODES.CONFIG} arguments or configuration, ${EXIT_CODES.PERMISSION} missing rights.
`;

/** Help of commands that have their own. */
const HELP_OF: Readonly<Record<string, string>> = {
  'run-pod': RUN_POD_HELP,
  'run-job': RUN_JOB_HELP,
  'run-spark-application': RUN_SPARK_APPLICATION_HELP,
  apply: APPLY_HELP,
};

/** How many files commands take. */
const FILES: Readonly<Record<string, number>> = {
  'run-pod': 1,
  'run-job': 1,
  'run-spark-application': 1,
  apply: Infinity,
};

/** Arguments that make no sense. */
class UsageError extends Error {}

async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // What follows the application is the application's.
  if (args[0] === 'run-spark') {
    const { runSpark } = await import('./commands/run-spark.js');
    return runSpark(args.slice(1), env);
  }
  const { values, positionals } = parse(args);
  if (values.help === true) {
    process.stdout.write(HELP_OF[positionals[0] ?? ''] ?? HELP);
    return EXIT_CODES.OK;
  }
  if (values.version === true) {
    process.stdout.write(`${VERSION}\n`);
    return EXIT_CODES.OK;
  }
  const [command, ...rest] = positionals;
  if (rest.length > (FILES[command ?? ''] ?? 0)) {
    throw new UsageError(`unexpected argument '${rest.join(' ')}'`);
  }
  // Each command is loaded on its own: --help and create-secrets need little of the launcher.
  switch (command) {
    case 'serve': {
      const { serve, serveOptions } = await import('./commands/serve.js');
      const healthPort = values['health-port'] === undefined ? undefined : Number(values['health-port']);
      if (healthPort !== undefined && !(Number.isInteger(healthPort) && healthPort >= 0 && healthPort < 65536)) {
        throw new UsageError(`--health-port (${values['health-port'] ?? ''}) must be a port number`);
      }
      return serve(serveOptions({ socket: values.socket, configDir: values['config-dir'], healthPort }, env), env);
    }
    case 'create-secrets': {
      if (values.spec === undefined) {
        throw new UsageError('create-secrets needs --spec FILE');
      }
      const { createSecrets } = await import('./commands/create-secrets.js');
      return createSecrets(values.spec, env);
    }
    case 'run-pod': {
      const { runPod } = await import('./commands/run-pod.js');
      return runPod(runOptions(command, rest[0], values), env);
    }
    case 'run-job': {
      const { runJob } = await import('./commands/run-job.js');
      return runJob(runOptions(command, rest[0], values), env);
    }
    case 'run-spark-application': {
      const { runSparkApplication } = await import('./commands/run-spark-application.js');
      return runSparkApplication(runOptions(command, rest[0], values), env);
    }
    case 'watch-pods': {
      const { watchPods } = await import('./commands/watch-pods.js');
      return watchPods(env);
    }
    case 'apply': {
      const { apply } = await import('./commands/apply.js');
      return apply(applyOptions(rest, values), env);
    }
    case 'helm': {
      if (values.json !== true) {
        throw new UsageError('helm is for operators and needs --json: people have helm itself');
      }
      const { helm } = await import('./commands/helm.js');
      return helm(values.attached ?? false, env);
    }
    case undefined:
      throw new UsageError('a command is needed');
    default:
      throw new UsageError(`unknown command '${command}'`);
  }
}

function runOptions(command: string, file: string | undefined, values: RunPodValues): RunPodOptions {
  const { json = false, attached = false, follow = false, result = false, keep = false } = values;
  if (json === (file !== undefined)) {
    throw new UsageError(`${command} needs either FILE or --json`);
  }
  const { namespace, kubeconfig, context, container } = values;
  return { file, json, attached, follow, result, keep, namespace, kubeconfig, context, container };
}

function applyOptions(files: readonly string[], values: ReturnType<typeof parse>['values']): ApplyOptions {
  const { json = false, attached = false, follow = false, create = false, rm = false, force = false } = values;
  if (json === files.length > 0) {
    throw new UsageError('apply needs either FILE or --json');
  }
  if (create && values.delete === true) {
    throw new UsageError('apply needs either --create or --delete');
  }
  const { 'fail-on': failOn = [], namespace, kubeconfig, context, wait = [] } = values;
  const timeout = values.timeout === undefined ? undefined : Number(values.timeout);
  if (timeout !== undefined && !(timeout >= 0)) {
    throw new UsageError(`--timeout (${values.timeout ?? ''}) must be seconds`);
  }
  const flags = { json, attached, follow, create, delete: values.delete === true, rm, force };
  return { files, ...flags, wait, failOn, timeout, namespace, kubeconfig, context };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        socket: { type: 'string' },
        'config-dir': { type: 'string' },
        'health-port': { type: 'string' },
        spec: { type: 'string' },
        ...RUN_POD_FLAGS,
        ...APPLY_FLAGS,
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

main(process.argv.slice(2), process.env)
  .then((code) => {
    process.exitCode = code;
    // Sessions to the API server that still drain must not hold the process.
    setImmediate(() => process.exit());
  })
  .catch((error: unknown) => {
    const usage = error instanceof UsageError;
    process.stderr.write(usage ? `pod-launcher: ${error.message}\n\n${HELP}` : `${String((error as Error).stack)}\n`);
    process.exit(usage ? EXIT_CODES.CONFIG : EXIT_CODES.ERROR);
  });
