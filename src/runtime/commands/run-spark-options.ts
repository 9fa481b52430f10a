import { parseArgs } from 'node:util';
import { RUN_PROTOCOL } from '../run/request-parts.js';

export const RUN_SPARK_HELP = `pod-launcher run-spark: runs a Spark application on Kubernetes

Usage:
  pod-launcher run-spark --image IMAGE [options] APPLICATION [ARGUMENT…]
      Create the driver's pod, in which spark-submit runs APPLICATION (a path in the image, or a URL that Spark
      fetches), follow its log, and delete it at its end; its executors go with it. Ctrl-C deletes it, too.
      --image               of driver and executors
      --service-account     of the driver: it creates and deletes the pods of its executors
      -n, --namespace       where (default: that of the context)
      --keep                do not delete the driver's pod at its end
      --kubeconfig          which cluster (default: KUBECONFIG, else the pod's service account, else ~/.kube/config)
      --context             a context of the kubeconfig
      --deploy-mode cluster have the spark-submit of this machine create the pod
      As spark-submit has them: --name, --class, --conf NAME=VALUE, --py-files, --jars, --files, --archives,
      --packages, --exclude-packages, --repositories, --driver-class-path, --driver-memory, --driver-cores,
      --num-executors, --executor-cores, --executor-memory, --properties-file, --proxy-user, --verbose
  pod-launcher run-spark --json [--attached]
      Read a request from the first line of standard input and write events to standard output (docs/operators.md).

Exit codes: as pod-launcher run-pod has them.
`;

const FLAGS = {
  json: { type: 'boolean' },
  attached: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  image: { type: 'string' },
  'service-account': { type: 'string' },
  namespace: { type: 'string', short: 'n' },
  keep: { type: 'boolean' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  'deploy-mode': { type: 'string' },
  name: { type: 'string' },
  class: { type: 'string' },
  conf: { type: 'string', multiple: true },
  'py-files': { type: 'string' },
  jars: { type: 'string' },
  files: { type: 'string' },
  archives: { type: 'string' },
  packages: { type: 'string' },
  'exclude-packages': { type: 'string' },
  repositories: { type: 'string' },
  'driver-class-path': { type: 'string' },
  'driver-memory': { type: 'string' },
  'driver-cores': { type: 'string' },
  'num-executors': { type: 'string' },
  'executor-cores': { type: 'string' },
  'executor-memory': { type: 'string' },
  'properties-file': { type: 'string' },
  'proxy-user': { type: 'string' },
  verbose: { type: 'boolean' },
} as const;

/** What a command line asks for. */
export type SparkArguments =
  | { readonly mode: 'help' }
  | { readonly mode: 'program'; readonly attached: boolean }
  | { readonly mode: 'person'; readonly request: object };

/** Reads the arguments of `run-spark`; pure. @throws Error when they make no sense */
export function readSparkArguments(args: readonly string[]): SparkArguments {
  const own = args.slice(0, beginOfApplication(args));
  const [application, ...rest] = args.slice(own.length);
  const { values } = parseArgs({ args: [...own], options: FLAGS });
  if (values.help === true) {
    return { mode: 'help' };
  }
  if (values.json === true) {
    if (application !== undefined) {
      throw new Error(`run-spark --json takes no argument: '${application}'`);
    }
    return { mode: 'program', attached: values.attached === true };
  }
  if (application === undefined) {
    throw new Error('run-spark needs an APPLICATION, or --json');
  }
  const { kubeconfig, context } = values;
  const list = (text: string | undefined): string[] | undefined => text?.split(',').filter((part) => part !== '');
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  const spark = {
    application,
    args: rest,
    image: values.image,
    serviceAccount: values['service-account'],
    deployMode: values['deploy-mode'],
    name: values.name,
    javaClass: values.class,
    conf: Object.fromEntries((values.conf ?? []).map(property)),
    pyFiles: list(values['py-files']),
    jars: list(values.jars),
    files: list(values.files),
    archives: list(values.archives),
    packages: list(values.packages),
    excludePackages: list(values['exclude-packages']),
    repositories: list(values.repositories),
    driverClassPath: values['driver-class-path'],
    driverMemory: values['driver-memory'],
    driverCores: number(values['driver-cores']),
    executors: number(values['num-executors']),
    executorCores: number(values['executor-cores']),
    executorMemory: values['executor-memory'],
    propertiesFile: values['properties-file'],
    proxyUser: values['proxy-user'],
    verbose: values.verbose,
  };
  const request = {
    protocol: RUN_PROTOCOL,
    spark: Object.fromEntries(Object.entries(spark).filter(([, value]) => value !== undefined)),
    namespace: values.namespace ?? null,
    name: values.name ?? 'spark',
    onFinish: values.keep === true ? 'keep_pod' : 'delete_pod',
    // People see what a pod waits for, and can end it.
    startupTimeoutSeconds: null,
    cluster: {
      ...(kubeconfig === undefined ? {} : { configFile: kubeconfig }),
      ...(context === undefined ? {} : { context }),
    },
  };
  return { mode: 'person', request };
}

/** What follows the application is the application's, be it an option or not. */
function beginOfApplication(args: readonly string[]): number {
  const { tokens } = parseArgs({
    args: [...args],
    options: FLAGS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.find(({ kind }) => kind === 'positional' || kind === 'option-terminator')?.index ?? args.length;
}

function property(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at === -1) {
    throw new Error(`--conf (${text}) must be NAME=VALUE`);
  }
  return [text.slice(0, at), text.slice(at + 1)];
}
