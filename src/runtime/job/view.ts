import type { Collection, KubeObject, ObjectMeta } from '../api/object-api.js';
import type { RunPod } from '../run/pod-view.js';

/** The parts of a Job that are looked at. All of them may be missing in what the API server sends. */
export interface RunJob extends KubeObject {
  readonly metadata?: ObjectMeta;
  readonly spec?: {
    readonly completions?: number | null;
    readonly parallelism?: number | null;
    readonly completionMode?: string;
    readonly suspend?: boolean;
  };
  readonly status?: {
    readonly active?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly failedIndexes?: string;
    readonly conditions?: readonly {
      readonly type?: string;
      readonly status?: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export function jobsOf(namespace: string): Collection<RunJob> & { readonly namespace: string } {
  return { apiVersion: 'batch/v1', plural: 'jobs', namespace };
}

/** How many pods of a Job are where. */
export interface JobCounts {
  readonly active: number;
  readonly succeeded: number;
  readonly failed: number;
  /** How many have to succeed; null: the Job does not say (a work queue). */
  readonly completions: number | null;
}

/** What matters of a Job to a run. */
export interface JobView extends JobCounts {
  readonly stage: 'suspended' | 'running' | 'ended';
  /** null until the end is known. */
  readonly outcome: 'succeeded' | 'failed' | null;
  /** Of a failure: `BackoffLimitExceeded`, `DeadlineExceeded`, `PodFailurePolicy`, `FailedIndexes`. */
  readonly reason: string | null;
  readonly message: string | null;
  readonly failedIndexes: string | null;
}

/** The view of a Job; pure. The Job has ended when Kubernetes says so of it, not when its pods have. */
export function viewJob(job: RunJob): JobView {
  const { status = {}, spec = {} } = job;
  const counts = {
    active: status.active ?? 0,
    succeeded: status.succeeded ?? 0,
    failed: status.failed ?? 0,
    completions: spec.completions ?? null,
    failedIndexes: (status.failedIndexes ?? '') === '' ? null : (status.failedIndexes ?? null),
  };
  const holds = (type: string) => status.conditions?.find((one) => one.type === type && one.status === 'True');
  if (holds('Complete') !== undefined) {
    return { ...counts, stage: 'ended', outcome: 'succeeded', reason: null, message: null };
  }
  const failed = holds('Failed');
  if (failed !== undefined) {
    const { reason = 'Failed', message = 'the Job failed' } = failed;
    return { ...counts, stage: 'ended', outcome: 'failed', reason, message };
  }
  if (spec.suspend === true) {
    const message = 'spec.suspend is true: the Job starts when somebody, such as a queue, sets it to false';
    return { ...counts, stage: 'suspended', outcome: null, reason: 'Suspended', message };
  }
  return { ...counts, stage: 'running', outcome: null, reason: null, message: null };
}

/** As Kubernetes labels the pods of a Job, since 1.27. */
const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const INDEX = 'batch.kubernetes.io/job-completion-index';
/** What Kubernetes adds to the name of a Job for that of its pod, without the dash. */
const SUFFIX_LENGTH = 5;

/** Selects the pods of one Job, and not those of another one of the same name. */
export function podsSelector(jobUid: string): string {
  return `${UID_LABEL}=${jobUid}`;
}

/** The completion index of a pod; null in a Job that has none. */
export function indexOf({ metadata }: RunPod): number | null {
  const text = metadata?.annotations?.[INDEX] ?? metadata?.labels?.[INDEX];
  return text === undefined ? null : Number(text);
}

/** May pods of the Job run side by side? */
export function isParallel({ spec = {} }: Pick<RunJob, 'spec'>): boolean {
  return (spec.completions ?? 1) > 1 || (spec.parallelism ?? 1) > 1;
}

/**
 * What tells a pod apart from the others of its Job: its completion index, or else the end of its name. null where one
 * pod runs at a time.
 */
export function labelOf(pod: RunPod, parallel: boolean): string | null {
  const index = indexOf(pod);
  return index !== null ? String(index) : parallel ? (pod.metadata?.name ?? '').slice(-SUFFIX_LENGTH) : null;
}
