import { ApiObject, Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { ENV, type LaunchPolicy, PATHS, PORTS } from './contract.js';
import type { KubernetesExecutorOptions, StockKubernetesExecutorOptions } from './executor.js';
import type { ExecutorBinding } from './executor-binding.js';
import { metricsObjects } from './metrics.js';
import { type EnvVar, type PodContainer, type PodPart, restricted, tokenVolume } from './pod.js';
import { ComponentRole, LAUNCHER_RULES, LOG_READER_RULES, type RoleRule, STOCK_EXECUTOR_RULES } from './rbac.js';
import type { Release } from './release.js';
import { renderResources } from './resources.js';
import { checkTaskPod, POD_TEMPLATE_DIR, renderTaskPod, type TaskPodOptions, taskServiceAccount } from './task-pod.js';
import { checkQueues, queuePolicies, queueTemplates } from './task-queues.js';
import { Checks, claimKey } from './validation.js';
import { lazy } from './lazy.js';

const TOKEN = 'kube-api-token';
const tokenMount = { name: TOKEN, mountPath: PATHS.SERVICE_ACCOUNT_DIR, readOnly: true };
const LAUNCHER = 'pod-launcher';
/** Lets the webserver show why pods failed with a task's log, and the logs of pods that the launch policy keeps. */
const POD_LOGS: EnvVar = {
  name: 'AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS',
  value: 'airflow_pod_launcher.remote_logs.LOGGING_CONFIG',
};

/** Objects and pod parts of our executor: executor ConfigMap, Roles, the launcher as a native sidecar. */
export function bindKubernetes(
  scope: Construct,
  release: Release,
  options: KubernetesExecutorOptions,
  namespaces: string[],
): ExecutorBinding {
  const checks = new Checks(release.scope, 'executor.');
  checks.integer('maxPods', options.maxPods, 1);
  checks.integer('maxPendingPods', options.maxPendingPods, 1);
  checks.integer('maxInFlightCreates', options.maxInFlightCreates, 1, 1024);
  checkStandby(checks, release, options);
  if (options.namespaces?.length === 0)
    checks.report('namespaces', options.namespaces, 'must name at least one; leave it out for the own one');
  for (const namespace of namespaces) checks.dnsLabel('namespaces', namespace);
  const elsewhere = namespaces.filter((namespace) => namespace !== release.namespace);
  if (release.isAirflow2 && elsewhere.length > 0)
    checks.report(
      'namespaces',
      elsewhere,
      "must be the stack's own with Airflow 2: its tasks use the database, whose Secret is there",
    );
  const taskPod = options.taskPod ?? {};
  checkQueues(release, taskPod, options.queues);
  taskObjects(scope, release, namespaces, taskPod);

  const name = `${release.name}-${LAUNCHER}`;
  const policy = (): string => `${JSON.stringify(launchPolicy(release, options, namespaces), null, 2)}\n`;
  new ApiObject(scope, 'executor-config', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: release.objectLabels(LAUNCHER) },
    data: lazy(() => ({
      [PATHS.POD_TEMPLATE_FILE]: renderTaskPod(release, taskPod),
      ...queueTemplates(release, taskPod, options.queues),
      [PATHS.LAUNCH_POLICY_FILE]: policy(),
    })),
  });
  roles(scope, release, namespaces, LAUNCHER_RULES);
  metricsObjects(scope, release, checks, options.metrics ?? {});

  const socket = { name: 'launcher-socket', mountPath: PATHS.SOCKET_DIR };
  const identity: EnvVar[] = [
    { name: ENV.DEPLOYMENT, value: release.name },
    { name: ENV.NAMESPACES, value: namespaces.join(',') },
  ];
  const probe = (path: string): object => ({ httpGet: { path, port: 'launcher' } });
  const launcher: PodContainer = {
    name: LAUNCHER,
    // A native sidecar: it starts before the scheduler, outlives its restarts, and ends after it.
    restartPolicy: 'Always',
    // Not `args`: the public image's entrypoint takes what it does not know for a subcommand of airflow.
    command: ['pod-launcher', 'serve'],
    env: identity,
    ports: [{ name: 'launcher', containerPort: PORTS.LAUNCHER_HEALTH }],
    startupProbe: { ...probe('/readyz'), periodSeconds: 1, failureThreshold: 120 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 10 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 6 },
    resources: renderResources({ cpu: '20m', memory: '96Mi' }),
    securityContext: restricted({ readOnlyRootFilesystem: true }),
    volumeMounts: [socket, tokenMount, { name: 'launch-config', mountPath: PATHS.LAUNCH_CONFIG_DIR, readOnly: true }],
  };
  return {
    config: {},
    parallelism: options.maxPods,
    taskAccounts: [{ name: taskServiceAccount(release, taskPod), namespaces }],
    runsInScheduler: false,
    scheduler: {
      // First, so that it starts while the database is waited for.
      initContainers: [launcher],
      env: identity,
      mounts: [socket],
      volumes: [
        { name: socket.name, emptyDir: {} },
        tokenVolume(TOKEN),
        // A folder and no checksum: the launcher reads changes live, the scheduler keeps running.
        { name: 'launch-config', configMap: { name } },
      ],
    },
    // Late: the user's configuration is not known before.
    get webserver(): PodPart {
      const own = !release.isAirflow2 && release.config.get('logging', 'logging_config_class') === '';
      return { ...logReader(), env: [...identity, ...(own ? [POD_LOGS] : [])] };
    },
  };
}

/** What the ConfigMap's `launch-policy.json` says. */
export function launchPolicy(release: Release, options: KubernetesExecutorOptions, namespaces: string[]): LaunchPolicy {
  const keepSucceeded = options.keepSucceeded ?? (release.persistentLogs ? Duration.seconds(0) : Duration.minutes(10));
  return {
    deployment: release.name,
    namespaces,
    maxInFlightCreates: options.maxInFlightCreates ?? 32,
    maxPendingPods: options.maxPendingPods ?? 0,
    maxPods: options.maxPods ?? 0,
    keepSucceededSeconds: seconds(keepSucceeded),
    keepFailedSeconds: seconds(options.keepFailed ?? Duration.hours(1)),
    pendingTimeoutSeconds: seconds(options.pendingTimeout ?? Duration.minutes(10)),
    // Whoever gives a number wants that number.
    ...(options.maxPendingPods === undefined ? { paceStarts: true } : {}),
    ...queuePolicies(options.queues),
    ...(options.standby === undefined ? {} : { standbyPods: options.standby.pods }),
  };
}

/** More of them than that is a cluster of idle pods, or a slip of the finger. */
const MAX_STANDBY_PODS = 100;

function checkStandby(checks: Checks, release: Release, { standby, maxPods }: KubernetesExecutorOptions): void {
  if (standby === undefined) return;
  const { pods } = standby;
  if (release.isAirflow2) checks.report('standby', pods, 'must be left out with Airflow 2');
  checks.integer('standby.pods', pods, 1, MAX_STANDBY_PODS);
  if (maxPods !== undefined && pods > maxPods)
    checks.report('standby.pods', pods, `must be at most 'maxPods' (${maxPods})`);
  if (release.dags.copiedAtStart)
    checks.report(
      'standby',
      standby,
      'must be left out with Dags.gitSync: the pods of tasks fetch the DAGs when they start, so that one that waited ' +
        'would run old ones; or use Dags.volume or Dags.baked',
    );
}

function seconds(duration: Duration): number {
  return Math.ceil(duration.toMilliseconds() / 1000);
}

/** Objects and pod parts of Airflow's KubernetesExecutor: it creates, watches and deletes pods in the scheduler itself. */
export function bindStockKubernetes(
  scope: Construct,
  release: Release,
  options: StockKubernetesExecutorOptions,
): ExecutorBinding {
  const checks = new Checks(release.scope, 'executor.');
  checks.integer('parallelism', options.parallelism, 1);
  checks.integer('creationBatchSize', options.creationBatchSize, 1);
  const taskPod = options.taskPod ?? {};
  taskObjects(scope, release, [release.namespace], taskPod);
  const name = `${release.name}-pod-template`;
  new ApiObject(scope, 'executor-config', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: release.objectLabels('worker') },
    data: lazy(() => ({ [PATHS.POD_TEMPLATE_FILE]: renderTaskPod(release, taskPod) })),
  });
  roles(scope, release, [release.namespace], STOCK_EXECUTOR_RULES);
  const template: PodPart = {
    volumes: [{ name: 'pod-template', configMap: { name } }],
    mounts: [{ name: 'pod-template', mountPath: POD_TEMPLATE_DIR, readOnly: true }],
  };
  return {
    config: {
      kubernetes_executor: {
        namespace: release.namespace,
        pod_template_file: `${POD_TEMPLATE_DIR}/${PATHS.POD_TEMPLATE_FILE}`,
        delete_worker_pods: 'True',
        delete_worker_pods_on_failure: 'False',
        worker_pods_creation_batch_size: String(options.creationBatchSize ?? 1),
      },
    },
    parallelism: options.parallelism,
    taskAccounts: [{ name: taskServiceAccount(release, taskPod), namespaces: [release.namespace] }],
    runsInScheduler: false,
    scheduler: {
      volumes: [tokenVolume(TOKEN), ...(template.volumes ?? [])],
      mounts: [tokenMount, ...(template.mounts ?? [])],
    },
    webserver: logReader(),
  };
}

function logReader(): PodPart {
  return { volumes: [tokenVolume(TOKEN)], mounts: [tokenMount] };
}

/** What the pods of tasks need in each namespace that they run in. */
function taskObjects(scope: Construct, release: Release, namespaces: string[], options: TaskPodOptions): void {
  checkTaskPod(release, options);
  if (options.serviceAccountName !== undefined) return;
  for (const namespace of ofFirst(release, 'task service account', namespaces)) {
    new ApiObject(scope, `task-service-account-${namespace}`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: {
        name: taskServiceAccount(release, options),
        namespace,
        labels: release.objectLabels('worker'),
        annotations: options.serviceAccountAnnotations,
      },
      automountServiceAccountToken: false,
    });
  }
}

function roles(scope: Construct, release: Release, namespaces: string[], launcherRules: RoleRule[]): void {
  for (const namespace of ofFirst(release, 'launcher role', namespaces)) {
    new ComponentRole(scope, `launcher-role-${namespace}`, {
      release,
      component: 'scheduler',
      namespace,
      roleName: `${release.name}-pod-launcher`,
      serviceAccountName: `${release.name}-airflow-scheduler`,
      rules: launcherRules,
    });
    new ComponentRole(scope, `log-reader-role-${namespace}`, {
      release,
      component: release.webComponent,
      namespace,
      roleName: `${release.name}-pod-log-reader`,
      serviceAccountName: `${release.name}-airflow-${release.webComponent}`,
      rules: LOG_READER_RULES,
    });
  }
}

/** Two executors of one stack share these objects: the namespaces in which no other one has made them. */
function ofFirst(release: Release, what: string, namespaces: string[]): string[] {
  return namespaces.filter((each) => claimKey(release, `${release.node.path}/${what}/${each}`) === undefined);
}
