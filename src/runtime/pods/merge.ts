/**
 * Merging of pod manifests with the semantics of Airflow's KubernetesExecutor (`PodGenerator.reconcile_pods` of
 * apache-airflow-providers-cncf-kubernetes): the later pod wins field by field, lists of mounts, variables, ports and
 * volumes grow, labels and annotations are merged, everything deeper is replaced as a whole.
 *
 * Differences, on purpose: containers are matched by name before they are matched by position, `false` and 0 of the
 * later pod count as given, and a volume or mount of the later pod replaces the one of the same name or path (the API
 * server refuses duplicates).
 */

/** A pod as plain JSON. */
export type PodManifest = Record<string, unknown>;

type Fields = Record<string, unknown>;

export function isPlainObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `later` merged over `base`; neither is changed.
 * @throws Error when a field that must be a list or an object is something else.
 */
export function mergePods(base: PodManifest, later: PodManifest): PodManifest {
  return {
    ...overlay(base, later),
    metadata: mergeMetadata(fields(base, 'metadata'), fields(later, 'metadata')),
    spec: mergeSpec(fields(base, 'spec'), fields(later, 'spec')),
  };
}

function mergeMetadata(base: Fields, later: Fields): Fields {
  const merged = overlay(base, later);
  for (const field of ['labels', 'annotations']) {
    keep(merged, field, { ...fields(base, field), ...fields(later, field) });
  }
  for (const field of ['finalizers', 'ownerReferences']) {
    keep(merged, field, [...list(base, field), ...list(later, field)]);
  }
  return merged;
}

function mergeSpec(base: Fields, later: Fields): Fields {
  const merged = overlay(base, later);
  keep(merged, 'containers', mergeContainers(list(base, 'containers'), list(later, 'containers'), true));
  keep(merged, 'initContainers', mergeContainers(list(base, 'initContainers'), list(later, 'initContainers'), false));
  keep(merged, 'volumes', replaceBy('name', list(base, 'volumes'), list(later, 'volumes')));
  return merged;
}

/** Containers without a name (Airflow allows it in an override) take the place of the one at their position. */
function mergeContainers(base: readonly Fields[], later: readonly Fields[], byPosition: boolean): Fields[] {
  const merged = [...base];
  later.forEach((container, position) => {
    const named = typeof container.name === 'string' && container.name !== '';
    const at = named ? base.findIndex((other) => other.name === container.name) : byPosition ? position : -1;
    const target = merged[at];
    if (target === undefined) {
      merged.push(container);
    } else {
      merged[at] = mergeContainer(target, container);
    }
  });
  return merged;
}

function mergeContainer(base: Fields, later: Fields): Fields {
  const merged = overlay(base, later);
  // For a variable that is named twice Kubernetes takes the last: the order carries the meaning.
  for (const field of ['env', 'envFrom', 'ports', 'volumeDevices']) {
    keep(merged, field, [...list(base, field), ...list(later, field)]);
  }
  keep(merged, 'volumeMounts', replaceBy('mountPath', list(base, 'volumeMounts'), list(later, 'volumeMounts')));
  return merged;
}

function replaceBy(identity: string, base: readonly Fields[], later: readonly Fields[]): Fields[] {
  const replaced = new Set(later.map((item) => item[identity]));
  return [...base.filter((item) => !replaced.has(item[identity])), ...later];
}

function overlay(base: Fields, later: Fields): Fields {
  const merged: Fields = { ...base };
  for (const [field, value] of Object.entries(later)) {
    if (!isUnset(value)) {
      merged[field] = value;
    }
  }
  return merged;
}

/** What Airflow's merge reads as "not given". */
function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === '') {
    return true;
  }
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function keep(target: Fields, field: string, value: Fields | Fields[]): void {
  if (Object.keys(value).length > 0) {
    target[field] = value;
  }
}

function fields(from: Fields, field: string): Fields {
  const value = from[field];
  if (value === undefined || value === null) {
    return {};
  }
  if (!isPlainObject(value)) {
    throw new Error(`'${field}' must be an object`);
  }
  return value;
}

function list(from: Fields, field: string): Fields[] {
  const value = from[field];
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value) || !value.every((item) => isPlainObject(item) || field === 'finalizers')) {
    throw new Error(`'${field}' must be a list of objects`);
  }
  return value as Fields[];
}
