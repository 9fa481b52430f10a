/**
 * The one place for what the constructs, the runtime and the Python package must agree on.
 * `scripts/contract.ts` generates the Python side from it; nothing here imports anything.
 */

/** Version of the frames between the executor and the launcher (docs/protocol.md). */
export const PROTOCOL_VERSION = 1;

/** Where the image puts things and what the containers share. */
export const PATHS = {
  /** Folder of the emptyDir that the scheduler and the launcher share. */
  SOCKET_DIR: '/run/pod-launcher',
  /** Unix socket (mode 0600) inside it. */
  SOCKET: '/run/pod-launcher/launcher.sock',
  /** Where the executor ConfigMap is mounted in the launcher container: a folder, so that updates arrive live. */
  LAUNCH_CONFIG_DIR: '/etc/pod-launcher',
  /** Key in the executor ConfigMap and file name: the default pod template (Airflow's name for it). */
  POD_TEMPLATE_FILE: 'pod_template_file.yaml',
  /** Key in the executor ConfigMap and file name: the launch policy, JSON, a `LaunchPolicy`. */
  LAUNCH_POLICY_FILE: 'launch-policy.json',
  /** Where every client of the Kubernetes API finds its token, CA and namespace. */
  SERVICE_ACCOUNT_DIR: '/var/run/secrets/kubernetes.io/serviceaccount',
  AIRFLOW_HOME: '/opt/airflow',
  DAGS: '/opt/airflow/dags',
  LOGS: '/opt/airflow/logs',
} as const;

export const PORTS = {
  /** HTTP of the launcher: /healthz and /readyz. */
  LAUNCHER_HEALTH: 8795,
  /** Where a standby pod waits for its task. */
  STANDBY: 8796,
  /** `airflow api-server` or `airflow webserver`. */
  API_SERVER: 8080,
  /** The scheduler's own health check server. */
  SCHEDULER_HEALTH: 8974,
  POSTGRES: 5432,
} as const;

/** Environment variables that are ours; Airflow's own keep Airflow's names. */
export const ENV = {
  SOCKET: 'POD_LAUNCHER_SOCKET',
  CONFIG_DIR: 'POD_LAUNCHER_CONFIG_DIR',
  /** Identity of the deployment: the value of the deployment label. Scheduler, launcher and webserver carry it. */
  DEPLOYMENT: 'POD_LAUNCHER_DEPLOYMENT',
  /** Namespaces that tasks are launched in, comma-separated; the webserver reads logs there. */
  NAMESPACES: 'POD_LAUNCHER_NAMESPACES',
  LOG_LEVEL: 'POD_LAUNCHER_LOG_LEVEL',
  /** Seconds without a byte on a pod watch after which it counts as dead. */
  WATCH_SILENCE: 'POD_LAUNCHER_WATCH_SILENCE_SECONDS',
  /** In a standby pod: what it shares with the launchers, hex; worth nothing once the pod has its task. */
  STANDBY_SECRET: 'POD_LAUNCHER_STANDBY_SECRET',
  /** In a standby pod: the address that it listens on, the pod's own. */
  STANDBY_ADDRESS: 'POD_LAUNCHER_STANDBY_ADDRESS',
} as const;

/** Labels on task pods. The stock executor's (dag_id, task_id, run_id, try_number, map_index) stand beside them. */
export const LABELS = {
  DEPLOYMENT: 'airflow-pod-launcher/deployment',
  LAUNCH_ID: 'airflow-pod-launcher/launch-id',
  ATTEMPT: 'airflow-pod-launcher/attempt',
  /** On a finished pod that is kept: Airflow has settled the task, the launcher deletes the pod when its time is up. */
  SETTLED: 'airflow-pod-launcher/settled',
  /** On a standby pod: `idle` while no launch has it, then `claimed`. */
  STANDBY: 'airflow-pod-launcher/standby',
} as const;

/** On objects that a stack has outside of its own namespace: that namespace. With `release` it says whose they are. */
export const STACK_NAMESPACE_LABEL = 'cdk8s-airflow/stack-namespace';

/** Annotations on standby pods. */
export const STANDBY_ANNOTATIONS = {
  /** The launcher that keeps it: the name of the scheduler's pod. */
  OWNER: 'airflow-pod-launcher/standby-owner',
  /** Hash of what the pod was made of: with another one it is replaced. */
  TEMPLATE: 'airflow-pod-launcher/standby-template',
} as const;

/** Exit code of a standby pod that ends without ever having had a task. */
export const STANDBY_UNUSED = 84;

/** A standby pod that nobody gave a task for so long ends itself. */
export const STANDBY_MAX_AGE_SECONDS = 3600;

/** Name of the container that runs the task, in the pod template and wherever its log or exit code is read. */
export const TASK_CONTAINER = 'base';

/** Exit codes of the `pod-launcher` binary. */
export const EXIT_CODES = {
  OK: 0,
  /** Anything unforeseen. */
  ERROR: 1,
  /** Bad arguments, launch policy or pod template. */
  CONFIG: 2,
  /** The service account lacks a right that the launch policy needs. */
  PERMISSION: 3,
  /** `run-pod --json`: the pod failed. */
  POD_FAILED: 10,
  /** `run-pod --json`: the run was told to end. */
  KILLED: 11,
  /** `run-pod --json`: nobody listens any more; the pod lives on. */
  DETACHED: 12,
  /** `run-pod --json`: the API server was away for too long; the pod, if any, lives on. */
  UNREACHABLE: 13,
} as const;

/** What the launcher does with the tasks of one of Airflow's queues. */
export interface QueuePolicy {
  /** File of the pod template, a key of the executor ConfigMap. @default - The default template. */
  readonly template?: string;
  /** One of `namespaces`. @default - The first of them. */
  readonly namespace?: string;
}

/** What `launch-policy.json` holds. The pod templates are files of their own beside it. */
export interface LaunchPolicy {
  /** Value of the deployment label; at most 63 characters, a valid label value. */
  readonly deployment: string;
  /** Namespaces that it may launch in; the first is the default. */
  readonly namespaces: readonly string[];
  /** At most this many creates under way at once. */
  readonly maxInFlightCreates: number;
  /** At most this many pods that exist and are not Running yet; more wait in the launcher. 0: no limit. */
  readonly maxPendingPods: number;
  /** At most this many pods that have not ended; more wait in the launcher. 0: no limit. */
  readonly maxPods: number;
  /** Seconds that a settled pod is kept. 0: deleted at once. */
  readonly keepSucceededSeconds: number;
  /** Seconds that a settled pod is kept. 0: deleted at once. */
  readonly keepFailedSeconds: number;
  /** Seconds that a pod may stay Pending before the launcher fails it with its reason. 0: no limit. */
  readonly pendingTimeoutSeconds: number;
  /** By the name of the queue. @default - All queues have the default template and namespace. */
  readonly queues?: { readonly [queue: string]: QueuePolicy };
  /** Follow how soon nodes start pods with the number of pods on their way. Default: false. */
  readonly paceStarts?: boolean;
  /** So many started pods wait for a task, for each scheduler. Default: 0. */
  readonly standbyPods?: number;
}
