import { environmentOf } from '../environment.js';
import { compact, type DataMap, type Statement, type Target } from '../expression.js';
import { isPlainMap, type Values } from '../values.js';
import { escapesOf, volumes } from './escapes.js';
import type { Carried, Mapping, Stack } from './mapping.js';
import { globalPlacement, placementOf, resourcesOf } from './pods.js';

/** What every component takes, and what is added to it. */
export function componentOptions(values: Values, target: Target): { options: DataMap; statements: Statement[] } {
  const env = environmentOf(values, 'env');
  const isJob = ['migrations', 'firstUser'].includes(target);
  const options = {
    replicas: isJob || target === 'databaseCleanup' ? undefined : values.number('replicas'),
    resources: resourcesOf(values),
    env: compact(env.literals),
    podLabels: values.texts('labels'),
    podAnnotations: compact({ ...(isJob ? values.texts('annotations') : {}), ...values.texts('podAnnotations') }),
    serviceAccountAnnotations: values.texts('serviceAccount.annotations'),
    ...placementOf(values),
    topologySpreadConstraints: values.list('topologySpreadConstraints') as DataMap[] | undefined,
    disruptionBudget: isJob ? undefined : disruptionBudget(values),
  };
  const statements = [
    ...env.references.map((variable): Statement => ({ targets: [target], method: 'addEnvVar', args: [variable] })),
    ...escapesOf(values, [target]),
  ];
  return { options, statements };
}

function disruptionBudget(values: Values): DataMap | undefined {
  const budget = values.at('podDisruptionBudget');
  if (budget.flag('enabled') !== true) return undefined;
  const found: Record<string, number | undefined> = {};
  for (const key of ['minAvailable', 'maxUnavailable']) {
    if (typeof budget.peek(`config.${key}`) === 'string')
      budget.leave(`config.${key}`, 'a budget is a number of pods, not a share of them');
    else found[key] = budget.number(`config.${key}`);
  }
  return compact(found) ?? {};
}

/** Scheduler, webserver, DAG processor and triggerer. */
export const components: Mapping = (values, stack) => {
  const sections: [string, Target][] = [
    ['scheduler', 'scheduler'],
    ['dagProcessor', 'dagProcessor'],
    ['triggerer', 'triggerer'],
  ];
  const props: Record<string, DataMap | undefined> = {};
  const statements: Statement[] = [];
  for (const [section, target] of sections) {
    if (!stack.targets.includes(target)) {
      // The scheduler parses the DAGs.
      for (const key of values.keys(section).filter((each) => each !== 'enabled'))
        values.leave(`${section}.${key}`, `there is none unless '${section}.enabled' says so`);
      continue;
    }
    const found = componentOptions(values.at(section), target);
    props[target] = compact(found.options);
    statements.push(...found.statements);
  }
  if (values.at('triggerer').flag('enabled') === false)
    values.remark('triggerer.enabled', 'there is always a triggerer; deferrable operators need it');
  const asked = values.at('dagProcessor').flag('enabled');
  if (stack.isAirflow2 && asked === true) props.dagProcessor ??= {};
  if (!stack.isAirflow2 && asked === false)
    values.remark('dagProcessor.enabled', 'Airflow 3 always has a DAG processor');
  return { props, statements };
};

/** What holds for every pod: labels, placement, environment, volumes. */
export const everywhere: Mapping = (values, stack) => {
  const env = globalEnvironment(values);
  const placement = globalPlacement(values);
  const apart = overridden(values, stack) ? placement.nodeSelector : undefined;
  const common = compact({
    env: compact(env.literals),
    podAnnotations: values.texts('airflowPodAnnotations'),
    ...placement,
    nodeSelector: apart === undefined ? placement.nodeSelector : undefined,
  });
  if (apart !== undefined)
    values.remark('nodeSelector', "is written for each component: where the chart replaces it, 'components' merges");
  const each = Object.fromEntries(
    stack.targets
      .filter((target) => apart !== undefined && !values.has(`${sectionOf(target, stack)}.nodeSelector`))
      .map((target) => [target, { nodeSelector: apart }]),
  );
  const { targets } = stack;
  const references = [...env.references, ...secretVariables(values)];
  const statements = [
    ...references.map((variable): Statement => ({ targets, method: 'addEnvVar', args: [variable] })),
    ...volumes(values, 'volumes', 'volumeMounts', targets),
  ];
  if (stack.tasksInPods) listWhatTasksLack(values);
  return { props: { labels: values.texts('labels'), components: common, ...each }, statements };
};

function listWhatTasksLack(values: Values): void {
  const refers = (key: string): boolean =>
    ['env', 'extraEnv'].includes(key) ? environmentOf(values, key).references.length > 0 : values.has(key);
  for (const key of ['env', 'extraEnv', 'secret', 'volumes', 'volumeMounts'].filter(refers))
    values.leave(
      key,
      'is carried over for the components; pods of tasks have plain variables, and none from Secrets nor volumes: let the DAG say them by pod_override',
    );
}

/** Variables of every container, by `env` and `extraEnv`. */
export function globalEnvironment(values: Values): ReturnType<typeof environmentOf> {
  const [env, extra] = [environmentOf(values, 'env'), environmentOf(values, 'extraEnv')];
  return { literals: { ...env.literals, ...extra.literals }, references: [...env.references, ...extra.references] };
}

function secretVariables(values: Values): DataMap[] {
  return (values.list('secret') ?? []).flatMap((each) => {
    if (isPlainMap(each) && typeof each.envName === 'string' && typeof each.secretName === 'string') {
      const key = typeof each.secretKey === 'string' ? each.secretKey : 'value';
      return [{ name: each.envName, valueFrom: { secretKeyRef: { name: each.secretName, key } } }];
    }
    values.refuse('secret', "must hold objects with 'envName', 'secretName' and 'secretKey'");
    return [];
  });
}

function overridden(values: Values, stack: Stack): boolean {
  return stack.targets.some((target) => values.keys(`${sectionOf(target, stack)}.nodeSelector`).length > 0);
}

function sectionOf(target: Target, stack: Stack): string {
  if (target === 'webserver') return stack.server;
  return { migrations: 'migrateDatabaseJob', firstUser: 'createUserJob' }[target as string] ?? target;
}

/** Parts of the same stack as one. */
export function joinCarried(parts: readonly Carried[]): Required<Carried> {
  const merge = (into: DataMap, from: DataMap): DataMap => {
    const merged: Record<string, DataMap[string]> = { ...into };
    for (const [key, value] of Object.entries(from)) {
      if (value === undefined) continue;
      const before = merged[key];
      merged[key] = plain(before) && plain(value) ? merge(before, value) : value;
    }
    return merged;
  };
  return {
    props: parts.reduce<DataMap>((props, part) => merge(props, part.props ?? {}), {}),
    statements: parts.flatMap((part) => part.statements ?? []),
  };
}

function plain(value: unknown): value is DataMap {
  return isPlainMap(value) && Object.getPrototypeOf(value) === Object.prototype;
}
