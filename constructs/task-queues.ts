import { type LaunchPolicy, PATHS, type QueuePolicy } from './contract.js';
import type { Release } from './release.js';
import { checkTaskPod, mergeTaskPods, renderTaskPod, type TaskPodOptions } from './task-pod.js';
import { Checks } from './validation.js';

/** What is particular to the tasks of one of Airflow's queues: `queue='gpu'` of a task, or of `default_args` of a DAG. */
export interface QueueOptions {
  /** Merged over the executor's `taskPod`: maps and requests entry by entry, tolerations added, the rest replaced. @default - As other tasks. */
  readonly taskPod?: TaskPodOptions;
  /** Where the pods run; added to the executor's `namespaces`. @default - The first of those. */
  readonly namespace?: string;
}

/** Queues by their names in Airflow. */
export interface Queues {
  readonly [queue: string]: QueueOptions;
}

/** Namespaces of tasks, the default one first. */
export function taskNamespaces(own: string, namespaces: string[] = [], queues: Queues = {}): string[] {
  const ofQueues = Object.values(queues).flatMap(({ namespace }) => namespace ?? []);
  return [...new Set([...(namespaces.length > 0 ? namespaces : [own]), ...ofQueues])];
}

/** Refuses what a queue cannot have. */
export function checkQueues(release: Release, taskPod: TaskPodOptions, queues: Queues = {}): void {
  const checks = new Checks(release.scope, 'executor.queues.');
  for (const [queue, options] of Object.entries(queues)) {
    if (!/^[-._a-zA-Z0-9]{1,200}$/.test(queue)) {
      checks.report(
        JSON.stringify(queue),
        queue,
        "must be a queue of letters, digits, '-', '_' and '.', at most 200: its template is a key of a ConfigMap",
      );
    }
    checks.dnsLabel(`${queue}.namespace`, options.namespace);
    if (options.taskPod) {
      const { serviceAccountAnnotations, ...own } = options.taskPod;
      if (serviceAccountAnnotations !== undefined)
        checks.report(
          `${queue}.taskPod.serviceAccountAnnotations`,
          serviceAccountAnnotations,
          "must be left out: give the queue a service account of its own by 'airflow.tasks.serviceAccount'",
        );
      const merged = { ...mergeTaskPods(taskPod, own), serviceAccountAnnotations: undefined };
      checkTaskPod(release, merged, `executor.queues.${queue}.taskPod.`);
    }
  }
}

/** `queues` of the launch policy, or nothing when there are none. */
export function queuePolicies(queues: Queues = {}): Pick<LaunchPolicy, 'queues'> {
  const policies = Object.entries(queues).map(([queue, { taskPod, namespace }]): [string, QueuePolicy] => [
    queue,
    { ...(taskPod && { template: templateFile(queue) }), ...(namespace !== undefined && { namespace }) },
  ]);
  return policies.length > 0 ? { queues: Object.fromEntries(policies) } : {};
}

/** Keys of the executor ConfigMap with the pod templates of the queues that have one. */
export function queueTemplates(
  release: Release,
  taskPod: TaskPodOptions,
  queues: Queues = {},
): { [key: string]: string } {
  const templates = Object.entries(queues).flatMap(([queue, options]): [string, string][] =>
    options.taskPod ? [[templateFile(queue), renderTaskPod(release, mergeTaskPods(taskPod, options.taskPod))]] : [],
  );
  return Object.fromEntries(templates);
}

function templateFile(queue: string): string {
  return PATHS.POD_TEMPLATE_FILE.replace('.yaml', `.${queue}.yaml`);
}
