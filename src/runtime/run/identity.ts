import { nameOf, safeLabelValue } from '../pods/identity.js';
import type { RunRequest } from './request.js';
import type { RunTask } from './request-parts.js';

const MAX_NAME_LENGTH = 63;

/** Labels of the stock operator: its users' selectors, and its own search for a pod to go on with, find these pods. */
export const RUN_LABELS = {
  OPERATOR: 'kubernetes_pod_operator',
  /** On a Job of ours, not on its pods. */
  JOB_OPERATOR: 'kubernetes_job_operator',
  /** On a pod that is kept after its end: a later try must not go on with it. */
  CHECKED: 'already_checked',
} as const;

type Named = Pick<RunRequest, 'task' | 'name' | 'exactName' | 'reattach'>;

/**
 * Name of the pod of a run: the same for every repeat of the create and for every try that may go on with it, so that
 * of two workers at once only one makes a pod. At most 57 characters, a DNS label.
 * @param generation how many pods of the same run were kept before it
 * @param random for a pod of no task; the same for each repeat of the create
 */
export function runName(request: Named, generation: number, random: string): string {
  const { task, name, exactName, reattach } = request;
  if (exactName && name !== null) {
    return name.slice(0, MAX_NAME_LENGTH);
  }
  const parts = name !== null ? [name] : task === null ? [] : [task.dagId, task.taskId];
  const key =
    task === null
      ? [random]
      : [task.dagId, task.taskId, task.runId, task.mapIndex, reattach ? null : task.tryNumber, generation];
  return nameOf(parts, 'pod', key);
}

/** What a task's object is found by. @param operator label of the operator that made it */
export function taskLabels(task: RunTask, operator: string = RUN_LABELS.OPERATOR): Record<string, string> {
  return {
    ...searchLabels(task, operator),
    try_number: String(task.tryNumber),
    ...(task.airflowVersion === '' ? {} : { airflow_version: safeLabelValue(task.airflowVersion.replace('+', '-')) }),
  };
}

/** The full values that labels may have had to shorten. */
export function taskAnnotations(task: RunTask): Record<string, string> {
  return {
    dag_id: task.dagId,
    task_id: task.taskId,
    run_id: task.runId,
    ...(task.mapIndex >= 0 ? { map_index: String(task.mapIndex) } : {}),
  };
}

/** Selects what earlier tries of the task may have left behind. */
export function taskSelector(
  { task, reattach }: { readonly task: RunTask; readonly reattach: boolean },
  operator: string = RUN_LABELS.OPERATOR,
): string {
  const labels = { ...searchLabels(task, operator), ...(reattach ? {} : { try_number: String(task.tryNumber) }) };
  const wanted = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [...wanted, ...(task.mapIndex >= 0 ? [] : ['!map_index'])].join(',');
}

function searchLabels(task: RunTask, operator: string): Record<string, string> {
  return {
    dag_id: safeLabelValue(task.dagId),
    task_id: safeLabelValue(task.taskId),
    run_id: safeLabelValue(task.runId),
    ...(task.mapIndex >= 0 ? { map_index: String(task.mapIndex) } : {}),
    [operator]: 'True',
  };
}
