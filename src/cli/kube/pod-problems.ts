import type { ContainerStatus, KubeEvent, Pod, Workload } from './objects.js';

/** Why a pod is not ready, as far as the API server knows. */
export interface Problem {
  /** Pod, or the workload if it cannot even make one. */
  readonly object: string;
  readonly container?: string;
  /** The field's word: `ImagePullBackOff`, `Unschedulable`, `OOMKilled`. */
  readonly reason: string;
  readonly message: string;
  /** Waiting does not help: the image cannot be had, or its name is wrong. */
  readonly lasting: boolean;
  /** The container ran: its log has more. */
  readonly hasLog: boolean;
}

/** Waiting reasons of a start that goes as it should. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);
const IMAGE_REASONS = new Set(['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']);
/** Event reasons that explain a pod stuck in ContainerCreating, or without a pod. */
const START_EVENTS = new Set([
  'FailedMount',
  'FailedAttachVolume',
  'FailedCreatePodSandBox',
  'FailedCreatePodContainer',
  'FailedCreate',
  'NetworkNotReady',
]);

/** What keeps the pod from being ready. Empty: nothing that is known, it may just be starting. */
export function podProblems(pod: Pod, events: readonly KubeEvent[] = []): Problem[] {
  const { status = {}, metadata } = pod;
  const base = { object: metadata.name, lasting: false, hasLog: false };
  if (metadata.deletionTimestamp !== undefined || status.phase === 'Succeeded') {
    return [];
  }
  if (status.phase === 'Failed' && status.reason !== undefined) {
    return [{ ...base, reason: status.reason, message: status.message ?? 'the pod failed' }];
  }
  const unscheduled = status.conditions?.find((entry) => entry.type === 'PodScheduled' && entry.status === 'False');
  if (unscheduled !== undefined) {
    return [{ ...base, reason: unscheduled.reason ?? 'Unschedulable', message: unscheduled.message ?? '' }];
  }
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const problems = statuses.flatMap((container) => {
    const found = containerProblem(container);
    return found === undefined ? [] : [{ ...base, container: container.name, ...found }];
  });
  if (problems.length > 0) {
    return problems;
  }
  const starting = statuses.length === 0 || statuses.some((entry) => STARTING.has(entry.state?.waiting?.reason ?? ''));
  const telling = starting ? newestEvent(pod, events, START_EVENTS) : newestEvent(pod, events, new Set(['Unhealthy']));
  if (telling === undefined || isReady(pod)) {
    return [];
  }
  return [{ ...base, reason: telling.reason ?? 'Warning', message: telling.message ?? '', hasLog: !starting }];
}

/** Why the workload's controller cannot make a pod (quota, Pod Security, a webhook). */
export function workloadProblems(workload: Workload, events: readonly KubeEvent[] = []): Problem[] {
  const base = { object: workload.metadata.name, lasting: false, hasLog: false };
  const failure = workload.status?.conditions?.find(
    (entry) => entry.type === 'ReplicaFailure' && entry.status === 'True',
  );
  if (failure !== undefined) {
    return [{ ...base, reason: failure.reason ?? 'FailedCreate', message: failure.message ?? '' }];
  }
  // A Deployment's ReplicaSet says so itself, by the condition above.
  const made = (workload.status?.replicas ?? 0) + (workload.status?.active ?? 0) + (workload.status?.succeeded ?? 0);
  const event = made > 0 ? undefined : newestEvent(workload, events, new Set(['FailedCreate']));
  return event === undefined ? [] : [{ ...base, reason: 'FailedCreate', message: event.message ?? '' }];
}

/** One line for people. */
export function describeProblem(problem: Problem): string {
  const where = problem.container === undefined ? problem.object : `${problem.object} (${problem.container})`;
  return `${where}: ${problem.reason}${problem.message === '' ? '' : `: ${problem.message}`}`;
}

type ContainerProblem = Pick<Problem, 'reason' | 'message' | 'lasting' | 'hasLog'>;

function containerProblem(status: ContainerStatus): ContainerProblem | undefined {
  const { waiting, terminated } = status.state ?? {};
  const ended = terminated ?? status.lastState?.terminated;
  const exit =
    ended === undefined
      ? ''
      : `exit code ${ended.exitCode}${ended.reason === undefined || ended.reason === 'Error' ? '' : ` (${ended.reason})`}`;
  if (waiting?.reason !== undefined && !STARTING.has(waiting.reason)) {
    const crashed = waiting.reason === 'CrashLoopBackOff';
    return {
      reason: waiting.reason,
      message: crashed && exit !== '' ? `${exit}, restarted ${status.restartCount} times` : (waiting.message ?? ''),
      lasting: IMAGE_REASONS.has(waiting.reason),
      hasLog: crashed,
    };
  }
  if (terminated !== undefined && terminated.exitCode !== 0) {
    return { reason: terminated.reason ?? 'Error', message: terminated.message ?? exit, lasting: false, hasLog: true };
  }
  return undefined;
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True') ?? false;
}

function newestEvent(
  object: Pod | Workload,
  events: readonly KubeEvent[],
  reasons: ReadonlySet<string>,
): KubeEvent | undefined {
  return events
    .filter((event) => event.involvedObject.uid === object.metadata.uid && reasons.has(event.reason ?? ''))
    .sort((a, b) => eventTime(a).localeCompare(eventTime(b)))
    .at(-1);
}

function eventTime(event: KubeEvent): string {
  return event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';
}
