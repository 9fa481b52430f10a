import { Yaml } from 'cdk8s';
import { complete, nonEmpty } from './component.js';
import { PATHS, TASK_CONTAINER } from './contract.js';
import { AIRFLOW_UID, type EnvVar, joinParts, type PodPart, restrictedPod, sameNode, tokenVolume } from './pod.js';
import { taskExecutors } from './executor-names.js';
import type { Release } from './release.js';
import { checkResources, renderResources, type Resources } from './resources.js';
import { Checks } from './validation.js';

/** The pods that tasks run in. A DAG changes its own with `executor_config={"pod_override": …}`. */
export interface TaskPodOptions {
  /** Image of the container `base`: an Airflow of the stack's version. @default - The stack's. */
  readonly image?: string;
  /** @default - 50m CPU and 192 MiB requested, no limits. */
  readonly resources?: Resources;
  /** Environment of the container `base`; visible to every task. @default - None. */
  readonly env?: { [name: string]: string };
  /** @default - tier, component and release. */
  readonly labels?: { [key: string]: string };
  /** @default - None. */
  readonly annotations?: { [key: string]: string };
  /** @default - Any node. */
  readonly nodeSelector?: { [key: string]: string };
  /** In the API's own form. @default - None. */
  readonly tolerations?: object[];
  /** In the API's own form. @default - Pods that share a ReadWriteOnce volume share a node. */
  readonly affinity?: object;
  /** @default - The cluster's default. */
  readonly priorityClassName?: string;
  /** A service account of each launch namespace, e.g. with a cloud identity. @default - `<release>-airflow-worker`, without rights but those of `airflow.tasks.allow`. */
  readonly serviceAccountName?: string;
  /** Of `<release>-airflow-worker`, e.g. for a cloud identity; not with `serviceAccountName`, nor for a queue. @default - None. */
  readonly serviceAccountAnnotations?: { [key: string]: string };
}

/** Name of the service account of the pods of tasks. */
export function taskServiceAccount(release: Release, options: TaskPodOptions): string {
  return options.serviceAccountName ?? `${release.name}-airflow-worker`;
}

/**
 * The pod template as YAML. It holds no secret, no database URL and, unless its service account has been granted
 * something, no token; with Airflow 2, whose tasks use the
 * database themselves, references to the Secrets of its URL and of the Fernet key.
 */
export function renderTaskPod(release: Release, options: TaskPodOptions): string {
  const { isAirflow2 } = release;
  const part = joinParts(
    isAirflow2 ? release.commonPart() : release.config.part,
    release.dags.task,
    release.logs,
    tokenPart(release, options),
  );
  const env: EnvVar[] = [
    { name: 'AIRFLOW__CORE__EXECUTOR', value: taskExecutors(release.config.get('core', 'executor')) },
    { name: 'CONNECTION_CHECK_MAX_COUNT', value: '0' },
    ...(isAirflow2 ? [...release.database.env, release.keys.fernetKey] : []),
    ...Object.entries(options.env ?? {}).map(([name, value]) => ({ name, value })),
  ];
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'task',
      labels: { ...release.labels, ...options.labels, ...part.nodeLabels, ...release.selector('worker') },
      annotations: options.annotations,
    },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: taskServiceAccount(release, options),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: restrictedPod(AIRFLOW_UID, 0),
      imagePullSecrets: release.imagePullSecrets(),
      priorityClassName: options.priorityClassName,
      nodeSelector: options.nodeSelector,
      tolerations: options.tolerations,
      affinity: sameNode(part.nodeLabels, options.affinity),
      initContainers: nonEmpty(part.initContainers.map((container) => complete(container, release))),
      containers: [
        complete(
          {
            name: TASK_CONTAINER,
            ...(options.image !== undefined && { image: options.image }),
            env,
            volumeMounts: part.mounts,
            resources: renderResources({ cpu: '50m', memory: '192Mi' }, options.resources),
          },
          release,
        ),
      ],
      volumes: part.volumes,
    },
  };
  // Through JSON: YAML would write what is undefined as null.
  return Yaml.stringify(JSON.parse(JSON.stringify(pod)));
}

/** A token for the container of the task, if its service account has been granted anything. */
function tokenPart(release: Release, options: TaskPodOptions): PodPart {
  if (!release.givesToken(taskServiceAccount(release, options))) return {};
  const name = 'kube-api-token';
  return {
    volumes: [tokenVolume(name)],
    mounts: [{ name, mountPath: PATHS.SERVICE_ACCOUNT_DIR, readOnly: true }],
  };
}

/** `over` merged over `base`: maps and requests entry by entry, tolerations added, the rest replaced. */
export function mergeTaskPods(base: TaskPodOptions, over: TaskPodOptions): TaskPodOptions {
  return {
    ...base,
    ...over,
    resources: { ...base.resources, ...over.resources },
    env: { ...base.env, ...over.env },
    labels: { ...base.labels, ...over.labels },
    annotations: { ...base.annotations, ...over.annotations },
    nodeSelector: { ...base.nodeSelector, ...over.nodeSelector },
    tolerations: [...(base.tolerations ?? []), ...(over.tolerations ?? [])],
  };
}

/** Refuses what a task's pod cannot have. */
export function checkTaskPod(release: Release, options: TaskPodOptions, prefix = 'executor.taskPod.'): void {
  const checks = new Checks(release.scope, prefix);
  checks.notEmpty('image', options.image, 'the name of an image; leave it out for that of the stack');
  for (const name of Object.keys(options.env ?? {})) checks.envName('env', name);
  checks.labels('labels', options.labels);
  checkResources(checks, options.resources);
  checks.dnsName('serviceAccountName', options.serviceAccountName);
  if (options.serviceAccountName !== undefined && options.serviceAccountAnnotations !== undefined)
    checks.report(
      'serviceAccountAnnotations',
      options.serviceAccountAnnotations,
      "must be left out: the service account 'serviceAccountName' is made, and annotated, elsewhere",
    );
}

/** Folder of the pod template in the scheduler when Airflow's own executor reads it. */
export const POD_TEMPLATE_DIR = `${PATHS.AIRFLOW_HOME}/pod_templates`;
