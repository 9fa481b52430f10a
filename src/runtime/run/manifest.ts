import { mergePods, type PodManifest } from '../pods/merge.js';
import { RUN_LABELS, taskAnnotations, taskLabels } from './identity.js';
import { failIn, fields, type Fields, names, readLayer, text, textValues } from './layers.js';
import type { RunLayer, RunRequest } from './request.js';
import { mount, type ResultRequest, resultVolume, SIDECAR, sidecar } from './result-sidecar.js';

const KIND = { kind: 'Pod', apiVersion: 'v1' };

/** The pod of a run, without its name and namespace, and what the layers said of these. */
export interface RunManifest {
  readonly pod: PodManifest;
  readonly name: string | null;
  readonly namespace: string | null;
  readonly containers: readonly string[];
  readonly initContainers: readonly string[];
}

/**
 * Merges the layers of a request, and adds what a run needs: labels of the task, the sidecar of the result.
 * @throws ConfigError with the layer, the field and the fix
 */
export function buildRunManifest(request: RunRequest): RunManifest {
  const merged = request.layers
    .map((layer): [RunLayer, PodManifest] => [layer, readLayer(layer, KIND)])
    .reduce<PodManifest>((base, [layer, later]) => merge(renamed(base, later, request.container), later, layer), {});
  const metadata = fields(merged.metadata);
  const spec = checkSpec(fields(merged.spec), request);
  const { task, layers } = request;
  const labels = {
    ...givenLabels(metadata.labels, layers, 'metadata.labels'),
    ...(task === null ? {} : taskLabels(task)),
  };
  const annotations = {
    ...textValues(metadata.annotations, layers, 'metadata.annotations'),
    ...(task === null ? {} : taskAnnotations(task)),
  };
  const rest: Fields = { ...metadata };
  delete rest.generateName;
  delete rest.name;
  delete rest.namespace;
  const withResult = request.result === null ? spec : addResult(spec, request.container, request.result);
  return {
    pod: { ...merged, ...KIND, metadata: { ...rest, labels, annotations }, spec: withResult },
    name: text(metadata.name) ?? text(metadata.generateName),
    namespace: text(metadata.namespace),
    containers: names(spec.containers),
    initContainers: names(spec.initContainers),
  };
}

function merge(base: PodManifest, later: PodManifest, layer: RunLayer): PodManifest {
  try {
    return mergePods(base, later);
  } catch (error) {
    return failIn([layer], '', (error as Error).message);
  }
}

/**
 * A template whose first container has another name than the run's gives it that name when the next layer speaks of it:
 * Airflow merges containers by position.
 */
export function renamed(base: PodManifest, later: PodManifest, container: string): PodManifest {
  const spec = fields(base.spec);
  const own = spec.containers;
  const speaksOfIt = names(fields(later.spec).containers).includes(container);
  if (!speaksOfIt || !Array.isArray(own) || own.length === 0 || names(own).includes(container)) {
    return base;
  }
  const [first, ...others] = own as unknown[];
  return { ...base, spec: { ...spec, containers: [{ ...fields(first), name: container }, ...others] } };
}

/** What is asked of the pods of a run. */
type Asked = Pick<RunRequest, 'layers' | 'logs' | 'result'> & { readonly container: string };

/**
 * Checks the spec of a pod, and fills in that it does not restart.
 * @param at where it stands in its manifest
 * @param policies that it may have for restarts
 * @throws ConfigError
 */
export function checkSpec(
  spec: Fields,
  { container, layers, logs, result }: Asked,
  at = 'spec',
  policies: readonly string[] = ['Never'],
): Fields {
  const own = names(spec.containers);
  if (!own.includes(container)) {
    const there = own.length === 0 ? 'none' : own.join(', ');
    failIn(layers, `${at}.containers`, `(${there}) must have a container '${container}'`);
  }
  const { restartPolicy = 'Never' } = spec;
  if (!policies.includes(restartPolicy as string)) {
    const wrong = `(${JSON.stringify(restartPolicy)}) must be ${policies.join(' or ')}`;
    failIn(layers, `${at}.restartPolicy`, `${wrong}: Airflow retries tasks itself`);
  }
  for (const { name, image } of (spec.containers as unknown[]).map(fields)) {
    if (text(image) === null) {
      failIn(layers, `${at}.containers[${String(name)}].image`, 'is missing');
    }
  }
  if (result !== null && [...own, ...names(spec.initContainers)].includes(SIDECAR)) {
    failIn(layers, `${at}.containers`, `must have no container '${SIDECAR}': the result needs the name`);
  }
  checkLogs(logs, own, names(spec.initContainers));
  return { ...spec, restartPolicy };
}

function checkLogs(logs: RunRequest['logs'], containers: readonly string[], initContainers: readonly string[]): void {
  const check = (field: string, asked: 'all' | readonly string[] | null, there: readonly string[]): void => {
    const unknown = asked === null || asked === 'all' ? [] : asked.filter((name) => !there.includes(name));
    if (unknown.length > 0) {
      const has = `are no containers of the pod; it has: ${there.join(', ')}`;
      failIn([], field, `(${unknown.join(', ')}) ${has}`);
    }
  };
  check('logs.containers', logs.containers, containers);
  check('logs.initContainers', logs.initContainers, initContainers);
}

/** The spec of a pod with the sidecar of a result, and the folder that it shares with the container. */
export function addResult(spec: Fields, container: string, result: ResultRequest): Fields {
  const shared = mount(result);
  const withMount = (spec.containers as unknown[]).map(fields).map((one) => {
    const mounts = Array.isArray(one.volumeMounts) ? (one.volumeMounts as unknown[]) : [];
    const has = mounts.some((other) => fields(other).mountPath === shared.mountPath);
    return one.name === container && !has ? { ...one, volumeMounts: [...mounts, shared] } : one;
  });
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
  return {
    ...spec,
    containers: withMount,
    initContainers: [...list(spec.initContainers), sidecar(result)],
    volumes: [...list(spec.volumes), resultVolume()],
  };
}

/** A manifest that was copied from a kept object would make later tries overlook this one. @throws ConfigError */
export function givenLabels(value: unknown, layers: readonly RunLayer[], field: string): Record<string, string> {
  const labels = Object.entries(textValues(value, layers, field));
  return Object.fromEntries(labels.filter(([name]) => name !== RUN_LABELS.CHECKED));
}
