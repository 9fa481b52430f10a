// What stands in Airflow's `core.executor`: `[alias:]class[,[alias:]class…]`, the first one being the default.
import type { Executor } from './executor.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** Names that Airflow knows without a module. */
const CORE_EXECUTORS = ['LocalExecutor', 'CeleryExecutor', 'KubernetesExecutor'];

/** Refuses an alias that Airflow would misread. */
export function checkAlias(release: Release, { alias }: Executor): void {
  const checks = new Checks(release.scope, 'executor.');
  if (alias === undefined) return;
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(alias)) {
    checks.report('alias', alias, "must consist of letters, digits, '-' and '_', and begin with a letter");
  } else if (CORE_EXECUTORS.includes(alias)) {
    checks.report('alias', alias, "must not be the name of one of Airflow's own executors");
  }
}

/** Value of the label `executor`: the names of the classes. */
export function executorLabel(coreExecutor: string): string {
  const classes = coreExecutor.split(',').map((name) => name.split(/[.:]/).at(-1));
  return classes.join('-').slice(0, 63);
}

/**
 * `core.executor` in the pod of a task: the first one must not be the executor that launched it, because the task's
 * process may load that; the others only have to be known, because a DAG that names another one is refused.
 */
export function taskExecutors(coreExecutor: string): string {
  const isLocal = (name: string): boolean => /(^|:)LocalExecutor$/.test(name);
  const names = coreExecutor.split(',');
  return [names.find(isLocal) ?? 'LocalExecutor', ...names.filter((name) => !isLocal(name))].join(',');
}
