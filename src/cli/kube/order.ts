import type { KubeObject } from './objects.js';

/**
 * Kinds in the order of need: what an object refers to comes before it, so that no pod waits for a back-off
 * because its service account, ConfigMap or claim came a second later.
 */
const ORDER: readonly (readonly string[])[] = [
  ['Namespace', 'CustomResourceDefinition', 'StorageClass', 'PriorityClass', 'RuntimeClass'],
  // Limits before the rights that they limit.
  ['ResourceQuota', 'LimitRange', 'NetworkPolicy', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
  ['ServiceAccount', 'Role', 'ClusterRole'],
  ['RoleBinding', 'ClusterRoleBinding'],
  ['ConfigMap', 'Secret'],
  ['PersistentVolume', 'PersistentVolumeClaim'],
  ['Service', 'Endpoints', 'EndpointSlice'],
  ['Job'],
  ['StatefulSet', 'Deployment', 'DaemonSet', 'ReplicaSet', 'Pod', 'CronJob'],
];
/** Kinds that nothing waits for (budgets, autoscalers, ingresses, custom resources) come last. */
const LAST = ORDER.length;

function rank(object: KubeObject): number {
  const found = ORDER.findIndex((kinds) => kinds.includes(object.kind));
  return found === -1 ? LAST : found;
}

/** The objects in the order in which they are applied; equals keep the order they came in. */
export function inApplyOrder<T extends KubeObject>(objects: readonly T[]): T[] {
  return [...objects].sort((a, b) => rank(a) - rank(b));
}
