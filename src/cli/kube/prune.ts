import { FIELD_MANAGER } from './apply.js';
import { KubeApiError, type KubeClient } from './client.js';
import type { KubeObject } from './objects.js';

/** Kinds that `deploy` removes when the output no longer has them. Never what holds data or keys. */
export const PRUNED_KINDS: readonly (readonly [apiVersion: string, kind: string])[] = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['batch/v1', 'CronJob'],
  ['batch/v1', 'Job'],
  ['autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'Ingress'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
  ['v1', 'Service'],
  ['v1', 'ConfigMap'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['v1', 'ServiceAccount'],
];

/** What `destroy` removes only when told so. */
export const DATA_KINDS: readonly (readonly [apiVersion: string, kind: string])[] = [
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'Secret'],
];

/**
 * Of the objects found, those to remove: applied by `deploy` (not by kubectl, Helm or a controller) and absent from
 * what it applies now, such as the launcher's Role after a switch to Executor.local().
 */
export function superseded(found: readonly KubeObject[], wanted: readonly KubeObject[]): KubeObject[] {
  const key = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
  const keep = new Set(wanted.map(key));
  return found.filter(
    (object) =>
      !keep.has(key(object)) &&
      (object.metadata.ownerReferences ?? []).length === 0 &&
      object.metadata.deletionTimestamp === undefined &&
      (object.metadata.managedFields ?? []).some(
        (fields) => fields.manager === FIELD_MANAGER && fields.operation === 'Apply',
      ),
  );
}

/** The release's objects of these kinds; kinds that the cluster lacks or does not let us list are left out. */
export async function releaseObjects(
  client: KubeClient,
  kinds: readonly (readonly [apiVersion: string, kind: string])[],
  namespace: string,
  release: string,
): Promise<KubeObject[]> {
  const found: KubeObject[] = [];
  for (const [apiVersion, kind] of kinds) {
    try {
      found.push(...(await client.list(apiVersion, kind, namespace, `release=${release}`)));
    } catch (error) {
      if (!(error instanceof KubeApiError && (error.code === 404 || error.code === 403))) {
        throw error;
      }
    }
  }
  return found;
}

/** Deletes the object with everything that its controller made; one that is gone already is fine. */
export async function remove(client: KubeClient, object: KubeObject): Promise<void> {
  const { namespace, name, uid } = object.metadata;
  try {
    await client.request('DELETE', await client.pathOf(object.apiVersion, object.kind, namespace, name), {
      body: { propagationPolicy: 'Background', ...(uid === undefined ? {} : { preconditions: { uid } }) },
    });
  } catch (error) {
    if (!(error instanceof KubeApiError && (error.code === 404 || error.code === 409))) {
      throw error;
    }
  }
}
