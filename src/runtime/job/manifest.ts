import { isPlainObject, mergePods } from '../pods/merge.js';
import { RUN_LABELS, taskAnnotations, taskLabels } from '../run/identity.js';
import type { JobRequest } from './request.js';
import { failIn, fields, type Fields, names, readLayer, text, textValues } from '../run/layers.js';
import { addResult, checkSpec, givenLabels, renamed } from '../run/manifest.js';
import type { RunLayer } from '../run/request.js';

/** The Job of a run, without its name and namespace, and what the layers said of these. */
export interface JobManifest {
  readonly job: Fields;
  readonly name: string | null;
  /** Is that the name, and not only its begin? */
  readonly isNamed: boolean;
  readonly namespace: string | null;
  /** Whose exit code counts. */
  readonly container: string;
  readonly containers: readonly string[];
  readonly initContainers: readonly string[];
}

const KIND = { kind: 'Job', apiVersion: 'batch/v1' };
const MAIN = 'base';

/**
 * Merges the layers of a request, and adds what a run needs: labels of the task, the sidecar of the result.
 * @throws ConfigError with the layer, the line, the field and the fix
 */
export function buildJobManifest(request: JobRequest): JobManifest {
  const { layers, task } = request;
  const merged = layers
    .map((layer): [RunLayer, Fields] => [layer, readLayer(layer, KIND)])
    .reduce<Fields>((base, [layer, later]) => mergeJobs(base, later, layer, request.container ?? MAIN), {});
  const metadata = fields(merged.metadata);
  const spec = fields(merged.spec);
  if (!isPlainObject(spec.template)) {
    failIn(layers, 'spec.template', 'is missing: it is the pod that the Job runs');
  }
  const template = fields(spec.template);
  const own = names(fields(template.spec).containers);
  const container = request.container ?? (own.includes(MAIN) ? MAIN : (own[0] ?? MAIN));
  const asked = { ...request, container };
  const podSpec = checkSpec(fields(template.spec), asked, 'spec.template.spec', ['Never', 'OnFailure']);
  const identity = task === null ? {} : taskLabels(task, RUN_LABELS.JOB_OPERATOR);
  // Pods are found by their Job; what finds the Job must not find them.
  const podIdentity = Object.fromEntries(Object.entries(identity).filter(([name]) => name !== RUN_LABELS.JOB_OPERATOR));
  return {
    job: {
      ...merged,
      ...KIND,
      metadata: withIdentity(metadata, identity, request, 'metadata'),
      spec: {
        ...spec,
        template: {
          ...template,
          metadata: withIdentity(fields(template.metadata), podIdentity, request, 'spec.template.metadata'),
          spec: request.result === null ? podSpec : addResult(podSpec, container, request.result),
        },
      },
    },
    name: text(metadata.name) ?? text(metadata.generateName),
    isNamed: text(metadata.name) !== null,
    namespace: text(metadata.namespace),
    container,
    containers: own,
    initContainers: names(podSpec.initContainers),
  };
}

function withIdentity(
  metadata: Fields,
  labels: Readonly<Record<string, string>>,
  { layers, task }: JobRequest,
  at: string,
): Fields {
  const rest = { ...metadata };
  delete rest.generateName;
  delete rest.name;
  delete rest.namespace;
  return {
    ...rest,
    labels: { ...givenLabels(metadata.labels, layers, `${at}.labels`), ...labels },
    annotations: {
      ...textValues(metadata.annotations, layers, `${at}.annotations`),
      ...(task === null ? {} : taskAnnotations(task)),
    },
  };
}

/** Pods as Airflow merges them; of the Job's own fields the later one wins. */
function mergeJobs(base: Fields, later: Fields, layer: RunLayer, container: string): Fields {
  const template = (job: Fields): Fields => fields(fields(job.spec).template);
  const given = Object.entries(fields(later.spec)).filter(([, value]) => value !== null);
  try {
    const { metadata } = mergePods({ metadata: base.metadata }, { metadata: later.metadata });
    const pod = mergePods(renamed(template(base), template(later), container), template(later));
    const has = [template(base), template(later)].some((one) => Object.keys(one).length > 0);
    const spec = { ...fields(base.spec), ...Object.fromEntries(given), ...(has ? { template: pod } : {}) };
    return { ...base, ...later, metadata, spec };
  } catch (error) {
    return failIn([layer], 'spec.template', (error as Error).message);
  }
}
