import { LABELS, type LaunchPolicy, TASK_CONTAINER } from '../../../constructs/contract.js';
import type { LaunchSpec } from '../link/messages.js';
import { podName, safeLabelValue } from './identity.js';
import { isPlainObject, mergePods, type PodManifest } from './merge.js';

/** A launch asks for a pod that cannot be made: bad template, bad override, foreign namespace. */
export class PodBuildError extends Error {
  override readonly name = 'PodBuildError';
  constructor(
    readonly reason: 'InvalidPodTemplate' | 'InvalidPodOverride' | 'NamespaceNotAllowed',
    message: string,
  ) {
    super(message);
  }
}

/** What every pod of this deployment has in common. */
export type PodContext = Pick<LaunchPolicy, 'deployment' | 'namespaces' | 'queues'>;

/** Name and namespace of the pod of a launch. */
export interface PodPlace {
  readonly name: string;
  readonly namespace: string;
}

/** A stock executor beside us adopts and deletes pods with its label; the others are for the launcher alone to set. */
const FORBIDDEN_LABELS: ReadonlySet<string> = new Set(['kubernetes_executor', LABELS.SETTLED, LABELS.STANDBY]);

/** Airflow's logging then writes to the container's output too. */
export const EXECUTOR_POD = { name: 'AIRFLOW_IS_K8S_EXECUTOR_POD', value: 'True' };

/**
 * Where the pod of a launch goes: what LAUNCH says, else the override's own namespace, else that of the queue, else the
 * policy's first.
 * @throws PodBuildError when the policy does not list that namespace: the launcher has no rights there.
 */
export function placePod(launch: LaunchSpec, context: PodContext): PodPlace {
  const metadata = launch.podOverride?.metadata;
  const overridden = isPlainObject(metadata) && typeof metadata.namespace === 'string' ? metadata.namespace : null;
  const { queues = {} } = context;
  const ofQueue = Object.hasOwn(queues, launch.queue) ? queues[launch.queue]?.namespace : undefined;
  const namespace = launch.namespace ?? overridden ?? ofQueue ?? context.namespaces[0] ?? '';
  if (!context.namespaces.includes(namespace)) {
    throw new PodBuildError(
      'NamespaceNotAllowed',
      `namespace '${namespace}' is not in the launch policy's 'namespaces' (${context.namespaces.join(', ')}): ` +
        `add it to the executor's namespaces or choose one of these`,
    );
  }
  return { name: podName({ deployment: context.deployment, ...launch }), namespace };
}

/**
 * The pod of a launch: template, then the task's own part (arguments, labels), then the task's `pod_override`, merged
 * as Airflow's KubernetesExecutor merges them. What identifies the launch cannot be overridden.
 */
export function buildPod(launch: LaunchSpec, template: PodManifest, context: PodContext, place: PodPlace): PodManifest {
  let pod = mergePods(template, taskLayer(launch));
  if (launch.podOverride !== null) {
    try {
      pod = mergePods(pod, launch.podOverride);
    } catch (error) {
      throw new PodBuildError('InvalidPodOverride', `pod_override: ${(error as Error).message}`);
    }
  }
  const metadata = isPlainObject(pod.metadata) ? pod.metadata : {};
  const given = Object.entries(isPlainObject(metadata.labels) ? metadata.labels : {});
  const labels = {
    ...Object.fromEntries(given.filter(([name]) => !FORBIDDEN_LABELS.has(name))),
    ...identityLabels(launch, context),
  };
  const rest: Record<string, unknown> = { ...metadata };
  delete rest.generateName;
  return {
    ...withLastLines(pod),
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...rest, name: place.name, namespace: place.namespace, labels },
  };
}

/** Has the kubelet keep the last lines of a container that fails: they tell what a pod without a log met. */
function withLastLines(pod: PodManifest): PodManifest {
  const spec = { ...(isPlainObject(pod.spec) ? pod.spec : {}) };
  for (const field of ['initContainers', 'containers']) {
    const containers: unknown = spec[field];
    if (Array.isArray(containers)) {
      spec[field] = containers.map((container: unknown) =>
        isPlainObject(container) ? { terminationMessagePolicy: 'FallbackToLogsOnError', ...container } : container,
      );
    }
  }
  return { ...pod, spec };
}

/** The full values that labels may have had to shorten. */
export function identityAnnotations({ key }: LaunchSpec): Record<string, string> {
  return {
    dag_id: key.dagId,
    task_id: key.taskId,
    run_id: key.runId,
    try_number: String(key.tryNumber),
    ...(key.mapIndex >= 0 ? { map_index: String(key.mapIndex) } : {}),
  };
}

function taskLayer(launch: LaunchSpec): PodManifest {
  return {
    metadata: { annotations: identityAnnotations(launch) },
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: TASK_CONTAINER,
          args: [...launch.args],
          env: [EXECUTOR_POD],
        },
      ],
    },
  };
}

/** What a task's pod is found and adopted by. */
export function identityLabels(launch: LaunchSpec, context: PodContext): Record<string, string> {
  const { key } = launch;
  return {
    dag_id: safeLabelValue(key.dagId),
    task_id: safeLabelValue(key.taskId),
    run_id: safeLabelValue(key.runId),
    try_number: String(key.tryNumber),
    ...(key.mapIndex >= 0 ? { map_index: String(key.mapIndex) } : {}),
    ...(launch.airflowVersion !== ''
      ? { airflow_version: safeLabelValue(launch.airflowVersion.replace('+', '-')) }
      : {}),
    [LABELS.DEPLOYMENT]: context.deployment,
    [LABELS.LAUNCH_ID]: launch.id,
    [LABELS.ATTEMPT]: String(launch.attempt),
  };
}
