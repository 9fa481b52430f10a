import { STACK_NAMESPACE_LABEL } from '../../../constructs/contract.js';
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
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['v1', 'ServiceAccount'],
];

/** Kinds of what `tasks.allow` makes, wherever it is: of the whole cluster, or in namespaces that nothing else names. */
const TASK_RIGHT_KINDS: readonly (readonly [apiVersion: string, kind: string])[] = [
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['v1', 'ServiceAccount'],
  // Last: a right must not outlive its limits.
  ['admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding'],
  ['admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy'],
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

/**
 * The release's objects of these kinds; kinds that the cluster lacks or does not let us list are left out, and so is
 * what `tasks.allow` makes, which a release of the same name may have in this namespace too.
 */
export async function releaseObjects(
  client: KubeClient,
  kinds: readonly (readonly [apiVersion: string, kind: string])[],
  namespace: string,
  release: string,
): Promise<KubeObject[]> {
  return await listed(client, kinds, namespace, `release=${release},!${STACK_NAMESPACE_LABEL}`);
}

/**
 * What `tasks.allow` made for a release, wherever it is. Who may not look into all namespaces and at policies finds what
 * is in the given ones.
 * @param namespace of the stack
 */
export async function taskRights(
  client: KubeClient,
  namespace: string,
  release: string,
  namespaces: Iterable<string>,
): Promise<KubeObject[]> {
  const selector = `release=${release},${STACK_NAMESPACE_LABEL}=${namespace}`;
  const found = await listed(client, TASK_RIGHT_KINDS, undefined, selector);
  if (found.length > 0) {
    return found;
  }
  const kinds = TASK_RIGHT_KINDS.filter(([, kind]) => ['RoleBinding', 'Role', 'ServiceAccount'].includes(kind));
  const here = await Promise.all([...namespaces].map((each) => listed(client, kinds, each, selector)));
  return here.flat();
}

async function listed(
  client: KubeClient,
  kinds: readonly (readonly [apiVersion: string, kind: string])[],
  namespace: string | undefined,
  selector: string,
): Promise<KubeObject[]> {
  const found: KubeObject[] = [];
  for (const [apiVersion, kind] of kinds) {
    try {
      found.push(...(await client.list(apiVersion, kind, namespace, selector)));
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
