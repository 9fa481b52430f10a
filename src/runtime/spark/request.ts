import { ConfigError } from '../config/errors.js';
import { isPlainObject } from '../pods/merge.js';
import { parseRunRequest, type RunRequest } from '../run/request.js';
import { driverLayer } from './driver-pod.js';
import { sparkPart } from './part.js';
import { settingsOf, type SparkSettings } from './settings.js';

/** The name that Spark itself gives the driver's container. */
export const DRIVER_CONTAINER = 'spark-kubernetes-driver';

/** What a request comes to: the run of the driver's pod, and what is to run in it. */
export interface SparkRequest {
  readonly run: RunRequest;
  readonly settings: SparkSettings;
}

/**
 * Reads the request of a run of Spark: that of a pod, and `spark`. The layers, if there are any, are laid over the
 * driver's pod.
 * @throws ConfigError with every field that is wrong
 */
export function parseSparkRequest(value: unknown, file = 'request'): SparkRequest {
  if (!isPlainObject(value)) {
    throw new ConfigError([{ file, field: '', message: 'must be an object' }]);
  }
  const { spark: given, layers = [], container = DRIVER_CONTAINER, namespace, ...rest } = value;
  const parsed = sparkPart.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(({ path, message }) => ({
        file,
        field: ['spark', ...path].map(String).join('.'),
        message,
      })),
    );
  }
  const settings = settingsOf(parsed.data, file);
  const own = { source: 'spark', manifest: driverLayer(settings, String(container), file) };
  const run = parseRunRequest(
    {
      ...rest,
      container,
      namespace: namespace ?? settings.namespace,
      layers: Array.isArray(layers) ? [own, ...(layers as unknown[])] : layers,
    },
    file,
  );
  return { run, settings };
}
