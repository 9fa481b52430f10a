import { parse } from 'yaml';
import { ConfigError } from '../config/errors.js';
import { isPlainObject, mergePods, type PodManifest } from '../pods/merge.js';
import { RUN_LABELS, taskAnnotations, taskLabels } from './identity.js';
import type { RunLayer, RunRequest } from './request.js';
import { mount, type ResultRequest, resultVolume, SIDECAR, sidecar } from './result-sidecar.js';

type Fields = Record<string, unknown>;

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
    .map((layer): [string, PodManifest] => [layer.source, readLayer(layer)])
    .reduce<PodManifest>((base, [source, later]) => merge(renamed(base, later, request.container), later, source), {});
  const { source } = request.layers.at(-1) ?? { source: 'request' };
  const metadata = fields(merged.metadata);
  const spec = checkSpec(fields(merged.spec), request, source);
  const { task } = request;
  const labels = {
    ...givenLabels(metadata.labels, source),
    ...(task === null ? {} : taskLabels(task)),
  };
  const annotations = {
    ...textValues(metadata.annotations, source, 'metadata.annotations'),
    ...(task === null ? {} : taskAnnotations(task)),
  };
  const rest: Fields = { ...metadata };
  delete rest.generateName;
  delete rest.name;
  delete rest.namespace;
  const withResult = request.result === null ? spec : addResult(spec, request.container, request.result);
  return {
    pod: { ...merged, apiVersion: 'v1', kind: 'Pod', metadata: { ...rest, labels, annotations }, spec: withResult },
    name: text(metadata.name) ?? text(metadata.generateName),
    namespace: text(metadata.namespace),
    containers: names(spec.containers),
    initContainers: names(spec.initContainers),
  };
}

function readLayer(layer: RunLayer): PodManifest {
  let pod: unknown;
  try {
    pod = 'yaml' in layer ? parse(layer.yaml) : layer.manifest;
  } catch (error) {
    // The parser's message has line and column.
    return fail(layer.source, '', `is not YAML: ${(error as Error).message}`);
  }
  if (!isPlainObject(pod)) {
    return fail(layer.source, '', 'must hold one Pod');
  }
  if (pod.kind !== undefined && pod.kind !== 'Pod') {
    return fail(layer.source, 'kind', `(${JSON.stringify(pod.kind)}) must be Pod`);
  }
  for (const field of ['metadata', 'spec']) {
    if (pod[field] !== undefined && pod[field] !== null && !isPlainObject(pod[field])) {
      return fail(layer.source, field, 'must be an object');
    }
  }
  return pod;
}

function merge(base: PodManifest, later: PodManifest, source: string): PodManifest {
  try {
    return mergePods(base, later);
  } catch (error) {
    return fail(source, '', (error as Error).message);
  }
}

/**
 * A template whose first container has another name than the run's gives it that name when the next layer speaks of it:
 * Airflow merges containers by position.
 */
function renamed(base: PodManifest, later: PodManifest, container: string): PodManifest {
  const spec = fields(base.spec);
  const own = spec.containers;
  const speaksOfIt = names(fields(later.spec).containers).includes(container);
  if (!speaksOfIt || !Array.isArray(own) || own.length === 0 || names(own).includes(container)) {
    return base;
  }
  const [first, ...others] = own as unknown[];
  return { ...base, spec: { ...spec, containers: [{ ...fields(first), name: container }, ...others] } };
}

function checkSpec(spec: Fields, request: RunRequest, source: string): Fields {
  const { container, result } = request;
  const own = names(spec.containers);
  if (!own.includes(container)) {
    const there = own.length === 0 ? 'none' : own.join(', ');
    fail(source, 'spec.containers', `(${there}) must have a container '${container}'`);
  }
  const { restartPolicy = 'Never' } = spec;
  if (restartPolicy !== 'Never') {
    fail(
      source,
      'spec.restartPolicy',
      `(${JSON.stringify(restartPolicy)}) must be Never: Airflow retries tasks itself`,
    );
  }
  for (const { name, image } of (spec.containers as unknown[]).map(fields)) {
    if (text(image) === null) {
      fail(source, `spec.containers[${String(name)}].image`, 'is missing');
    }
  }
  if (result !== null && [...own, ...names(spec.initContainers)].includes(SIDECAR)) {
    fail(source, 'spec.containers', `must have no container '${SIDECAR}': the result needs the name`);
  }
  checkLogs(request, own, names(spec.initContainers));
  return { ...spec, restartPolicy };
}

function checkLogs({ logs }: RunRequest, containers: readonly string[], initContainers: readonly string[]): void {
  const check = (field: string, asked: 'all' | readonly string[] | null, there: readonly string[]): void => {
    const unknown = asked === null || asked === 'all' ? [] : asked.filter((name) => !there.includes(name));
    if (unknown.length > 0) {
      fail('request', field, `(${unknown.join(', ')}) are no containers of the pod; it has: ${there.join(', ')}`);
    }
  };
  check('logs.containers', logs.containers, containers);
  check('logs.initContainers', logs.initContainers, initContainers);
}

function addResult(spec: Fields, container: string, result: ResultRequest): Fields {
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

/** A manifest that was copied from a kept pod would make later tries overlook this one. */
function givenLabels(value: unknown, source: string): Record<string, string> {
  const labels = Object.entries(textValues(value, source, 'metadata.labels'));
  return Object.fromEntries(labels.filter(([name]) => name !== RUN_LABELS.CHECKED));
}

function textValues(value: unknown, source: string, field: string): Record<string, string> {
  const entries = Object.entries(fields(value));
  for (const [key, one] of entries) {
    if (typeof one !== 'string') {
      fail(source, `${field}.${key}`, `(${JSON.stringify(one)}) must be text`);
    }
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function names(containers: unknown): string[] {
  return Array.isArray(containers) ? containers.map((one: unknown) => text(fields(one).name) ?? '') : [];
}

function fields(value: unknown): Fields {
  return isPlainObject(value) ? value : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function fail(file: string, field: string, message: string): never {
  throw new ConfigError([{ file, field, message }]);
}
