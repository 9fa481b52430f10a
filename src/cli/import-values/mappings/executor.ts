import { Call, compact, type DataMap } from '../expression.js';
import type { Values } from '../values.js';
import { environmentOf } from '../environment.js';
import { globalEnvironment } from './components.js';
import { imageOf } from './images.js';
import type { Carried, Mapping } from './mapping.js';
import { globalPlacement, placementOf, resourcesOf } from './pods.js';

/** `core.parallelism` of Airflow where nothing says otherwise. */
const AIRFLOW_PARALLELISM = 32;

/** The executors, and the pods of tasks with them. */
export const executor: Mapping = (values, stack) => {
  const kinds = new Set(stack.executors.flatMap((name) => kindsOf(values, name)));
  // Nothing of it is left to run tasks: the one that moves the least.
  if (kinds.size === 0) kinds.add('kubernetes');
  const options = compact({
    namespaces: namespaces(values),
    taskPod: kinds.has('kubernetes') ? taskPod(values) : undefined,
  });
  if (stack.executors.length > 1)
    values.remark('executor', "tasks that name executor='KubernetesExecutor' must name 'PodLauncherExecutor' instead");
  const calls = [...kinds].map((kind) =>
    kind === 'local'
      ? new Call('Executor', 'local', { parallelism: AIRFLOW_PARALLELISM })
      : new Call('Executor', 'kubernetes', ...(options === undefined ? [] : [options])),
  );
  const [only] = calls;
  const isDefault = calls.length === 1 && kinds.has('kubernetes') && options === undefined;
  const chosen = calls.length > 1 ? new Call('Executor', 'combine', ...calls) : only;
  return {
    props: { executor: isDefault ? undefined : chosen },
    statements: launching(values, kinds),
  };
};

/** What an executor of the chart becomes; what is not offered is listed. */
function kindsOf(values: Values, name: string): ('kubernetes' | 'local')[] {
  const instead = 'Executor.kubernetes runs its tasks, each in a pod of its own';
  switch (name) {
    case 'KubernetesExecutor':
      return ['kubernetes'];
    case 'LocalExecutor':
      return ['local'];
    case 'LocalKubernetesExecutor':
      values.remark('executor', "a task chooses by executor='PodLauncherExecutor', not by the queue 'kubernetes'");
      return ['local', 'kubernetes'];
    default: {
      const what = name.startsWith('Celery') ? 'Celery workers are' : `${name.split('.').at(-1) ?? name} is`;
      const default_ = values.has('executor') ? '' : " (the chart's default)";
      values.remark('executor', `${what} not offered yet${default_}; ${instead}`);
      return ['kubernetes'];
    }
  }
}

/** Of `workers`, and over it `workers.kubernetes`. */
function taskPod(values: Values): DataMap | undefined {
  const all = values.at('workers');
  const own = values.at('workers.kubernetes');
  const either = <T>(read: (workers: Values) => T | undefined): T | undefined => {
    const [general, special] = [read(all), read(own)];
    return special ?? general;
  };
  const env = [globalEnvironment(values), environmentOf(all, 'env'), environmentOf(own, 'env')];
  for (const [index, workers] of [all, own].entries()) {
    if ((env[index + 1]?.references.length ?? 0) > 0)
      workers.remark('env', 'the variables that come from Secrets and the like: pods of tasks take plain ones only');
  }
  const global = globalPlacement(values);
  const placement = { ...placementOf(all), ...compact(placementOf(own)) };
  const annotations = either((workers) => workers.texts('serviceAccount.annotations'));
  const named = either((workers) => workers.text('serviceAccount.name'));
  const created = either((workers) => workers.flag('serviceAccount.create')) ?? true;
  const made = created && named === undefined;
  if (created && named !== undefined)
    all.remark(
      'serviceAccount.name',
      `'${named}' is not made by the stack: make it, with its annotations, where tasks run`,
    );
  if (!created && annotations !== undefined)
    all.remark('serviceAccount.annotations', "the service account is not the stack's: annotate it where it is made");
  return compact({
    image: imageOf(values, 'images.pod_template'),
    resources: compact({ ...resourcesOf(all), ...resourcesOf(own) }),
    env: compact({ ...env[0]?.literals, ...env[1]?.literals, ...env[2]?.literals }),
    labels: compact({ ...all.texts('labels'), ...own.texts('labels') }),
    annotations: compact({
      ...values.texts('airflowPodAnnotations'),
      ...all.texts('podAnnotations'),
      ...own.texts('podAnnotations'),
    }),
    nodeSelector: placement.nodeSelector ?? global.nodeSelector,
    tolerations: placement.tolerations ?? global.tolerations,
    affinity: placement.affinity ?? global.affinity,
    priorityClassName: placement.priorityClassName,
    serviceAccountName: named ?? (created ? undefined : 'default'),
    serviceAccountAnnotations: made ? annotations : undefined,
  });
}

/** Where tasks run besides the namespace of the stack. */
function namespaces(values: Values): string[] | undefined {
  const config = values.at('config.kubernetes_executor');
  const listed = config.text('multi_namespace_mode_namespace_list')?.split(/\s*,\s*/);
  const one = config.text('namespace');
  const mode = values.flag('multiNamespaceMode');
  if (listed?.some((each) => each !== values.namespace)) return listed;
  if (mode === true)
    values.remark(
      'multiNamespaceMode',
      "name the namespaces in 'namespaces' of Executor.kubernetes: there is a Role in each and no ClusterRole",
    );
  return one === undefined || one === values.namespace ? undefined : [one];
}

/** Tasks that launch pods themselves, by KubernetesPodOperator. */
function launching(values: Values, kinds: ReadonlySet<string>): Required<Carried>['statements'] {
  const allowed = values.flag('allowPodLaunching');
  if (allowed === undefined) return [];
  if (!allowed) {
    if (kinds.has('kubernetes'))
      values.remark(
        'allowPodLaunching',
        'the launcher beside the scheduler creates the pods of tasks; tasks themselves may not',
      );
    return [];
  }
  if (!kinds.has('kubernetes')) {
    values.remark('allowPodLaunching', 'tasks of LocalExecutor run in the scheduler and can be granted nothing');
    return [];
  }
  return [{ targets: ['tasks'], method: 'allow', args: [{ pods: true }] }];
}
