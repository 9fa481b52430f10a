import { ConfigError, type ConfigProblem } from '../config/errors.js';
import type { SparkPart } from './part.js';

/** An application with its properties put together. */
export interface SparkSettings extends SparkPart {
  readonly image: string;
  /** What the properties say; null: nothing. */
  readonly namespace: string | null;
  /** Every property that the application gets, those of the other fields among them. */
  readonly conf: Readonly<Record<string, string>>;
}

/** Properties that the run decides, with what to use instead. */
const DECIDED: Readonly<Record<string, string>> = {
  'spark.master': 'the cluster of the request',
  'spark.submit.deployMode': 'deployMode',
  'spark.kubernetes.driver.pod.name': 'name of the request: the rest of the name is computed',
  'spark.kubernetes.driver.podTemplateFile': 'layers',
  'spark.kubernetes.driver.podTemplateContainerName': 'container of the request',
  'spark.kubernetes.submission.waitAppCompletion': 'until of the request',
};

/** What spark-submit makes of these when it creates the pod, layers do when the launcher does. */
const OF_CLUSTER_MODE = ['spark.kubernetes.driver.volumes.', 'spark.kubernetes.driver.resource.'];

/**
 * Puts fields and properties together; pure.
 * @throws ConfigError with every property that cannot be
 */
export function settingsOf(spark: SparkPart, file: string): SparkSettings {
  const { conf } = spark;
  const problems = Object.keys(conf).flatMap((key) => problemOf(key, spark));
  const image =
    spark.image ?? conf['spark.kubernetes.driver.container.image'] ?? conf['spark.kubernetes.container.image'];
  if (image === undefined) {
    problems.push({ field: 'spark.image', message: 'is missing' });
  }
  if (problems.length > 0 || image === undefined) {
    throw new ConfigError(problems.map((problem) => ({ file, ...problem })));
  }
  const given: Readonly<Record<string, string | number | null>> = {
    'spark.kubernetes.container.image': spark.image,
    'spark.kubernetes.authenticate.driver.serviceAccountName': spark.serviceAccount,
    'spark.executor.instances': spark.executors,
    'spark.executor.cores': spark.executorCores,
    'spark.executor.memory': spark.executorMemory,
    'spark.driver.cores': spark.driverCores,
    'spark.driver.memory': spark.driverMemory,
    'spark.driver.extraClassPath': spark.driverClassPath,
  };
  const set = Object.entries(given).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)] as const]));
  return {
    ...spark,
    image,
    namespace: conf['spark.kubernetes.namespace'] ?? null,
    serviceAccount: spark.serviceAccount ?? conf['spark.kubernetes.authenticate.driver.serviceAccountName'] ?? null,
    // Spark looks into the spec of a template without asking whether there is one.
    executorTemplate:
      spark.executorTemplate === null ? null : { apiVersion: 'v1', kind: 'Pod', spec: {}, ...spark.executorTemplate },
    conf: { ...conf, ...Object.fromEntries(set) },
  };
}

function problemOf(key: string, { deployMode }: SparkPart): Omit<ConfigProblem, 'file'>[] {
  const field = `spark.conf.${key}`;
  if (!key.startsWith('spark.')) {
    return [{ field, message: `must begin with 'spark.': Spark ignores every other property` }];
  }
  const instead = DECIDED[key];
  if (instead !== undefined) {
    return [{ field, message: `cannot be given: use ${instead}` }];
  }
  if (deployMode === 'client' && OF_CLUSTER_MODE.some((prefix) => key.startsWith(prefix))) {
    return [{ field, message: `is for spark-submit's own pods: use layers, or deployMode 'cluster'` }];
  }
  return [];
}

/** Properties that begin so, without their begin. */
export function under(conf: Readonly<Record<string, string>>, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(conf)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}
