import { isAirflow2, isSupported, SUPPORTED_AIRFLOW } from '../../../../constructs/airflow-version.js';
import { DEFAULT_AIRFLOW_VERSION } from '../../../../constructs/version.js';
import type { Target } from '../expression.js';
import type { Values } from '../values.js';
import type { Stack } from './mapping.js';

/** What the chart takes for an executor; ours are some of them. */
const EXECUTORS = [
  ...['LocalExecutor', 'CeleryExecutor', 'KubernetesExecutor', 'LocalKubernetesExecutor', 'CeleryKubernetesExecutor'],
  'airflow.providers.amazon.aws.executors.batch.AwsBatchExecutor',
  'airflow.providers.amazon.aws.executors.batch.batch_executor.AwsBatchExecutor',
  'airflow.providers.amazon.aws.executors.ecs.AwsEcsExecutor',
  'airflow.providers.amazon.aws.executors.ecs.ecs_executor.AwsEcsExecutor',
  'airflow.providers.edge3.executors.EdgeExecutor',
];

/** What the mappings have to know beforehand. */
export function stackOf(values: Values): Stack {
  const airflowVersion = versionOf(values);
  const airflow2 = isAirflow2(airflowVersion);
  const executors = executorsOf(values);
  const dagProcessor = !airflow2 || values.peek('dagProcessor.enabled') === true;
  const firstUser =
    values.peek('createUserJob.enabled') !== false &&
    values.peek('createUserJob.defaultUser.enabled') !== false &&
    values.peek('webserver.defaultUser.enabled') !== false;
  const targets: Target[] = [
    ...(['scheduler', 'webserver'] as const),
    ...(dagProcessor ? (['dagProcessor'] as const) : []),
    ...(['triggerer', 'migrations'] as const),
    ...(firstUser ? (['firstUser'] as const) : []),
    ...(values.peek('databaseCleanup.enabled') === true ? (['databaseCleanup'] as const) : []),
  ];
  return {
    airflowVersion,
    isAirflow2: airflow2,
    server: airflow2 ? 'webserver' : 'apiServer',
    executors,
    tasksInPods: executors.length === 0 || executors.some((name) => name !== 'LocalExecutor'),
    targets,
  };
}

/** By `airflowVersion`, or else the beginning of the image's tag. */
function versionOf(values: Values): string {
  const given = values.text('airflowVersion');
  const key =
    given !== undefined
      ? 'airflowVersion'
      : values.has('images.airflow.tag')
        ? 'images.airflow.tag'
        : 'defaultAirflowTag';
  const version = given ?? /^\d+\.\d+\.\d+/.exec(values.text(key) ?? '')?.[0];
  if (version === undefined) return DEFAULT_AIRFLOW_VERSION;
  if (!isSupported(version)) {
    values.refuse(key, `Airflow ${version}: ${SUPPORTED_AIRFLOW}; upgrade with the chart first`);
    return DEFAULT_AIRFLOW_VERSION;
  }
  return version;
}

function executorsOf(values: Values): string[] {
  const given = values.text('executor');
  if (given === undefined) return ['CeleryExecutor'];
  const names = given.split(',').map((name) => name.trim().split(':').at(-1) ?? '');
  const wrong = names.filter((name) => !EXECUTORS.includes(name));
  for (const name of wrong)
    values.refuse('executor', `there is no executor '${name}'; the chart knows ${EXECUTORS.slice(0, 5).join(', ')}`);
  return names.filter((name) => !wrong.includes(name));
}
