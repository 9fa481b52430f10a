import { Construct } from 'constructs';
import type { Executor } from './executor.js';
import type { ExecutorBinding } from './executor-binding.js';
import { checkAlias } from './executor-names.js';
import { joinParts, type PodPart } from './pod.js';
import type { Release } from './release.js';
import { Checks } from './validation.js';

/** `core.parallelism` of Airflow where nothing says otherwise. */
const AIRFLOW_PARALLELISM = 32;

/** Objects and pod parts of all executors, and Airflow's configuration with the sections of each. */
export function bindCombined(scope: Construct, release: Release, executors: readonly Executor[]): ExecutorBinding {
  check(release, executors);
  const bindings = executors.map((executor, index) =>
    executor.bind(new Construct(scope, `executor-${index}`), release),
  );
  const config: { [section: string]: { [option: string]: string } } = {};
  for (const [section, options] of bindings.flatMap((binding) => Object.entries(binding.config))) {
    config[section] = { ...config[section], ...options };
  }
  return {
    config,
    // Airflow has one limit for all of a scheduler's executors together.
    parallelism: bindings.reduce((sum, { parallelism }) => sum + (parallelism ?? AIRFLOW_PARALLELISM), 0),
    scheduler: join(bindings.map((binding) => binding.scheduler)),
    webserver: join(bindings.map((binding) => binding.webserver)),
    taskAccounts: bindings.flatMap(({ taskAccounts }) => taskAccounts ?? []),
    runsInScheduler: bindings.some((binding) => binding.runsInScheduler),
  };
}

function check(release: Release, executors: readonly Executor[]): void {
  const checks = new Checks(release.scope);
  const names = executors.map((executor) => executor.coreExecutor());
  for (const executor of executors) checkAlias(release, executor);
  if (executors.length < 2) checks.report('executor', names, 'must combine at least two executors');
  const classes = executors.map(({ airflowClass }) => airflowClass);
  if (new Set(classes).size < classes.length) {
    checks.report('executor', names, 'must combine different executors: Airflow takes each class once');
  }
  const aliases = executors.flatMap(({ alias }) => alias ?? []);
  if (new Set(aliases).size < aliases.length) {
    checks.report('executor', aliases, 'must give each executor an alias of its own');
  }
}

/** Two executors may want the same volume in the same place. */
function join(parts: PodPart[]): PodPart {
  const joined = joinParts(...parts);
  return { ...joined, mounts: [...new Map(joined.mounts.map((mount) => [mount.mountPath, mount])).values()] };
}
