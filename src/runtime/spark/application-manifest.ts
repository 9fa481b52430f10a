import { isPlainObject } from '../pods/merge.js';
import { taskAnnotations, taskLabels } from '../run/identity.js';
import { failIn, fields, type Fields, readLayer, text, textValues } from '../run/layers.js';
import { givenLabels } from '../run/manifest.js';
import { SPARK_APPLICATION } from './application.js';
import type { ApplicationRequest } from './application-request.js';

/** As the stock operator marks what it made. */
export const APPLICATION_OPERATOR = 'spark_kubernetes_operator';

/** The SparkApplication of a run, without its name and namespace, and what the layers said of these. */
export interface ApplicationManifest {
  readonly application: Fields;
  readonly name: string | null;
  readonly namespace: string | null;
}

/**
 * Merges the layers of a request, later ones over earlier ones, and adds the labels of the task to the application and
 * to the pods of its driver and executors.
 * @throws ConfigError with the layer, the line, the field and the fix
 */
export function buildApplicationManifest({ layers, task }: ApplicationRequest): ApplicationManifest {
  const merged = layers.map((layer) => readLayer(layer, SPARK_APPLICATION)).reduce(overlay, {});
  const metadata = fields(merged.metadata);
  const spec = fields(merged.spec);
  if (!isPlainObject(merged.spec)) {
    failIn(layers, 'spec', 'is missing');
  }
  if (fields(spec.restartPolicy).type === 'Always') {
    failIn(layers, 'spec.restartPolicy.type', '(Always) must be Never or OnFailure: such a run never ends');
  }
  const labels = task === null ? {} : taskLabels(task, APPLICATION_OPERATOR);
  const rest = { ...metadata };
  delete rest.generateName;
  delete rest.name;
  delete rest.namespace;
  const withLabels = (part: 'driver' | 'executor'): Fields => {
    const own = fields(spec[part]);
    return { ...own, labels: { ...textValues(own.labels, layers, `spec.${part}.labels`), ...labels } };
  };
  return {
    application: {
      ...merged,
      ...SPARK_APPLICATION,
      metadata: {
        ...rest,
        labels: { ...givenLabels(metadata.labels, layers, 'metadata.labels'), ...labels },
        annotations: {
          ...textValues(metadata.annotations, layers, 'metadata.annotations'),
          ...(task === null ? {} : taskAnnotations(task)),
        },
      },
      spec: { ...spec, driver: withLabels('driver'), executor: withLabels('executor') },
    },
    name: text(metadata.name) ?? text(metadata.generateName),
    namespace: text(metadata.namespace),
  };
}

/** Objects are merged, everything else is replaced. */
function overlay(base: Fields, later: Fields): Fields {
  const merged = { ...base };
  for (const [field, value] of Object.entries(later)) {
    const before = merged[field];
    merged[field] = isPlainObject(before) && isPlainObject(value) ? overlay(before, value) : value;
  }
  return merged;
}
