import { LABELS, TASK_CONTAINER } from '../../../constructs/contract.js';
import type { TaskKey } from '../link/messages.js';

/** The parts of a pod that are looked at. All of them may be missing in what the API server sends. */
export interface RawPod {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly resourceVersion?: string;
  };
  readonly spec?: {
    readonly nodeName?: string;
    readonly restartPolicy?: string;
    readonly initContainers?: readonly { readonly name?: string; readonly restartPolicy?: string }[];
    readonly containers?: readonly {
      readonly name?: string;
      readonly env?: readonly { readonly name?: string; readonly value?: string }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly RawCondition[];
    readonly containerStatuses?: readonly RawContainerStatus[];
    readonly initContainerStatuses?: readonly RawContainerStatus[];
  };
}

interface RawCondition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

interface RawContainerStatus {
  readonly name?: string;
  /** Its startup probe, if any, has succeeded. */
  readonly started?: boolean;
  /** Empty until it is created. */
  readonly containerID?: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: {
      readonly exitCode?: number;
      readonly reason?: string;
      readonly message?: string;
      readonly finishedAt?: string;
    };
  };
}

export type PodPhase = 'pending' | 'running' | 'succeeded' | 'failed';

/** What a pod says about the task in it. */
export interface Observation {
  readonly phase: PodPhase;
  /** Short: `OOMKilled`, `Evicted`, `ImagePullBackOff`, `Unschedulable`. */
  readonly reason: string | null;
  /** A sentence for people. */
  readonly message: string | null;
  /** The last lines that a failed container wrote; null when it wrote none, or has not failed. */
  readonly output: string | null;
  /** Of the container `base`. */
  readonly exitCode: number | null;
  /** Did the container `base` ever run. */
  readonly started: boolean;
  readonly node: string | null;
}

/** A pod that Kubernetes takes away because its node is lost; nobody may be left there to confirm its end. */
export interface Condemned {
  /** When its grace period is over, milliseconds since the epoch. */
  readonly at: number;
  readonly reason: string;
  readonly message: string;
}

/** One of our pods: identity from its labels, and what it says. The raw pod is not kept: there may be 10,000. */
export interface PodView {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly id: string;
  readonly attempt: number;
  readonly key: TaskKey;
  readonly createdAt: number;
  readonly deleting: boolean;
  readonly condemned: Condemned | null;
  /** Milliseconds since the epoch when Airflow settled it; null while it has not. */
  readonly settledAt: number | null;
  readonly endedAt: number | null;
  /** A standby pod, claimed for the launch. */
  readonly claimed: boolean;
  readonly observation: Observation;
}

/** The view of a pod, or null when it does not carry our labels. */
export function viewPod(pod: RawPod): PodView | null {
  const { metadata } = pod;
  const labels = metadata?.labels ?? {};
  const id = labels[LABELS.LAUNCH_ID];
  const attempt = Number(labels[LABELS.ATTEMPT]);
  if (metadata?.name === undefined || metadata.uid === undefined || id === undefined || !Number.isInteger(attempt)) {
    return null;
  }
  const settled = labels[LABELS.SETTLED];
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid,
    id,
    attempt,
    key: keyOf(metadata.annotations ?? {}),
    createdAt: time(metadata.creationTimestamp) ?? 0,
    deleting: metadata.deletionTimestamp !== undefined,
    condemned: condemned(pod),
    settledAt: settled === undefined ? null : Number.isFinite(Number(settled)) ? Number(settled) * 1000 : 0,
    endedAt: endedAt(pod),
    claimed: labels[LABELS.STANDBY] !== undefined,
    observation: observe(pod),
  };
}

function keyOf(annotations: Readonly<Record<string, string>>): TaskKey {
  return {
    dagId: annotations.dag_id ?? '',
    taskId: annotations.task_id ?? '',
    runId: annotations.run_id ?? '',
    tryNumber: Number(annotations.try_number ?? 0),
    mapIndex: Number(annotations.map_index ?? -1),
  };
}

/** What the pod says about the task in it; pure. @param container that runs the task */
export function observe(pod: RawPod, container: string = TASK_CONTAINER): Observation {
  const status = pod.status?.containerStatuses?.find(({ name }) => name === container);
  const base = status?.state;
  const terminated = base?.terminated;
  const common = {
    node: pod.spec?.nodeName ?? null,
    exitCode: terminated?.exitCode ?? null,
    started: base?.running !== undefined || (terminated !== undefined && status !== undefined && !neverRan(status)),
  };
  switch (pod.status?.phase) {
    case 'Succeeded':
      return { ...common, phase: 'succeeded', reason: null, message: null, output: null };
    case 'Failed':
      return { ...common, phase: 'failed', ...whyFailed(pod, container), output: lastLines(pod, container) };
    default:
      if (base?.running !== undefined || terminated !== undefined) {
        return { ...common, phase: 'running', reason: null, message: null, output: lastLines(pod, container) };
      }
      return { ...common, phase: 'pending', ...whyPending(pod), output: lastLines(pod, container) };
  }
}

/** The runtime could not start the process; the kubelet reports it as terminated all the same. */
const NEVER_RAN = new Set(['StartError', 'ContainerCannotRun', 'CreateContainerError', 'CreateContainerConfigError']);

/** What the kubelet says of a container that it does not find when the pod ends, be it lost or never created. */
const UNKNOWN = 'ContainerStatusUnknown';

function neverRan({ state, containerID = '', restartCount = 0 }: RawContainerStatus): boolean {
  const reason = state?.terminated?.reason ?? '';
  return NEVER_RAN.has(reason) || (reason === UNKNOWN && containerID === '' && restartCount === 0);
}

/** Reasons of DisruptionTarget as users know them. */
const DISRUPTIONS: Readonly<Record<string, string>> = {
  PreemptionByScheduler: 'Preempted',
  PreemptionByKubeScheduler: 'Preempted',
  EvictionByEvictionAPI: 'Evicted',
  DeletionByTaintManager: 'NodeLost',
  DeletionByPodGC: 'NodeLost',
};

interface Why {
  readonly reason: string | null;
  readonly message: string | null;
}

/** Why somebody takes the pod away, from its DisruptionTarget condition; null when nobody says so. */
function disruption(pod: RawPod): Why | null {
  const condition = pod.status?.conditions?.find((one) => one.type === 'DisruptionTarget' && one.status === 'True');
  if (condition === undefined) {
    return null;
  }
  const said = condition.reason ?? 'Disrupted';
  const reason = DISRUPTIONS[said] ?? said;
  const message = condition.message ?? `the pod was disrupted: ${said}`;
  const node = pod.spec?.nodeName;
  // Kubernetes leaves out which one.
  return { reason, message: reason === 'NodeLost' && node !== undefined ? `lost node ${node}: ${message}` : message };
}

function condemned(pod: RawPod): Condemned | null {
  const at = time(pod.metadata?.deletionTimestamp);
  const why = at === null ? null : disruption(pod);
  return at === null || why?.reason !== 'NodeLost' ? null : { at, reason: why.reason, message: why.message ?? '' };
}

function whyFailed(pod: RawPod, container: string): Why {
  const status = pod.status ?? {};
  if (status.reason !== undefined && status.reason !== '') {
    return { reason: status.reason, message: status.message ?? `the pod failed: ${status.reason}` };
  }
  const disrupted = disruption(pod);
  if (disrupted !== null) {
    return disrupted;
  }
  const failed =
    firstFailed(status.containerStatuses, container) ?? firstFailed(status.initContainerStatuses, container);
  const terminated = failed?.state?.terminated;
  if (failed === undefined || terminated === undefined) {
    return { reason: 'Failed', message: status.message ?? 'the pod failed and does not say why' };
  }
  const code = terminated.exitCode ?? 0;
  const reason = terminated.reason ?? 'Error';
  // Of a process that never ran the message says why; of one that did it is what it wrote.
  const said = NEVER_RAN.has(reason) && terminated.message !== undefined ? `: ${terminated.message}` : '';
  return { reason, message: `container '${failed.name ?? ''}' ended with exit code ${code} (${reason})${said}` };
}

/** What the failed container wrote last: the kubelet keeps it where `terminationMessagePolicy` asks for it. */
function lastLines({ status }: RawPod, container: string): string | null {
  const failed =
    firstFailed(status?.containerStatuses, container) ?? firstFailed(status?.initContainerStatuses, container);
  const { message = '', reason = '' } = failed?.state?.terminated ?? {};
  // Of these the message is the kubelet's.
  const wrote = !NEVER_RAN.has(reason) && reason !== UNKNOWN;
  return message.trim() === '' || !wrote ? null : message.trimEnd();
}

/** The task's own container first: a sidecar that failed with it is not the reason. */
function firstFailed(statuses: readonly RawContainerStatus[] = [], container: string): RawContainerStatus | undefined {
  const failed = statuses.filter((status) => (status.state?.terminated?.exitCode ?? 0) !== 0);
  return failed.find((status) => status.name === container) ?? failed[0];
}

/** A container that waits for these is on its way. */
const ON_ITS_WAY = new Set(['ContainerCreating', 'PodInitializing', '']);

function whyPending(pod: RawPod): Why {
  const status = pod.status ?? {};
  const waiting = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].find(
    ({ state }) => state?.waiting !== undefined && !ON_ITS_WAY.has(state.waiting.reason ?? ''),
  );
  if (waiting?.state?.waiting !== undefined) {
    const { reason, message } = waiting.state.waiting;
    return { reason: reason ?? null, message: message ?? `container '${waiting.name ?? ''}' waits: ${reason ?? ''}` };
  }
  const unscheduled = status.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False');
  if (unscheduled !== undefined) {
    return { reason: unscheduled.reason ?? 'Unschedulable', message: unscheduled.message ?? null };
  }
  return { reason: null, message: null };
}

/** Why a pod that is gone before it ended is gone: what it said last, or that somebody deleted it. */
export function whyGone(
  pod: RawPod,
  container: string = TASK_CONTAINER,
): { readonly reason: string; readonly message: string } {
  const disrupted = disruption(pod);
  if (disrupted?.reason != null) {
    return { reason: disrupted.reason, message: disrupted.message ?? 'the pod was disrupted' };
  }
  if (pod.status?.reason !== undefined && pod.status.reason !== '') {
    return { reason: pod.status.reason, message: pod.status.message ?? `the pod was removed: ${pod.status.reason}` };
  }
  const waitedFor = observe(pod, container).phase === 'pending' ? whyPending(pod).message : null;
  const when = waitedFor === null ? 'before it ended' : `while it was Pending: ${waitedFor}`;
  return { reason: 'Deleted', message: `the pod was deleted ${when}` };
}

function endedAt(pod: RawPod): number | null {
  const phase = pod.status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') {
    return null;
  }
  const times = (pod.status?.containerStatuses ?? [])
    .map(({ state }) => time(state?.terminated?.finishedAt))
    .filter((at) => at !== null);
  return times.length > 0 ? Math.max(...times) : null;
}

function time(text: string | undefined): number | null {
  const at = text === undefined ? NaN : Date.parse(text);
  return Number.isFinite(at) ? at : null;
}
