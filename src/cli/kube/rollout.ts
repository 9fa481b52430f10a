import type { Condition, Workload } from './objects.js';

/** How far a Deployment, StatefulSet or Job is. */
export interface RolloutState {
  readonly done: boolean;
  /** In words: `1/2 ready`. */
  readonly summary: string;
  /** Why it will not get there by waiting. */
  readonly failure?: string;
}

export function rolloutState(workload: Workload): RolloutState {
  switch (workload.kind) {
    case 'Job':
      return jobState(workload);
    case 'StatefulSet':
      return statefulSetState(workload);
    default:
      return deploymentState(workload);
  }
}

function deploymentState({ metadata, spec, status = {} }: Workload): RolloutState {
  const wanted = spec.replicas ?? 1;
  const updated = status.updatedReplicas ?? 0;
  const available = status.availableReplicas ?? 0;
  const observed = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const old = (status.replicas ?? 0) - updated;
  const progressing = condition(status.conditions, 'Progressing');
  const stuck = observed && progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded';
  return {
    done: observed && updated >= wanted && available >= wanted && old <= 0,
    summary: `${Math.min(available, updated)}/${wanted} ready${old > 0 ? `, ${old} old` : ''}`,
    ...(stuck ? { failure: progressing.message ?? 'ProgressDeadlineExceeded' } : {}),
  };
}

function statefulSetState({ metadata, spec, status = {} }: Workload): RolloutState {
  const wanted = spec.replicas ?? 1;
  const ready = status.readyReplicas ?? 0;
  const observed = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const updated = status.currentRevision === status.updateRevision || (status.updatedReplicas ?? 0) >= wanted;
  return { done: observed && updated && ready >= wanted, summary: `${ready}/${wanted} ready` };
}

function jobState({ status = {} }: Workload): RolloutState {
  if (condition(status.conditions, 'Complete')?.status === 'True') {
    return { done: true, summary: 'complete' };
  }
  const failed = condition(status.conditions, 'Failed');
  if (failed?.status === 'True') {
    const failure = [failed.reason, failed.message].filter((part) => part !== undefined).join(': ');
    return { done: false, summary: 'failed', failure };
  }
  const retries = status.failed ?? 0;
  return {
    done: false,
    summary: `${(status.active ?? 0) > 0 ? 'running' : 'waiting'}${retries > 0 ? `, ${retries} failed` : ''}`,
  };
}

function condition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((entry) => entry.type === type);
}
