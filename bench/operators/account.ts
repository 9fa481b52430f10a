import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AuthenticationV1TokenRequest,
  CoreV1Api,
  KubeConfig,
  RbacAuthorizationV1Api,
  V1Role,
  V1RoleBinding,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import type { BenchNamespace } from '../cluster/namespace.js';
import { scratchFolder } from '../scratch.js';

const NAME = 'operators';
const TOKEN_SECONDS = 4 * 3600;
const RULES = [
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['pods/log', 'pods/exec', 'events'], verbs: ['get', 'list', 'watch', 'create'] },
];

/** A service account for the operators that are measured: the audit log tells who asked for what by its name. */
export interface Account {
  readonly user: string;
  readonly kubeconfig: string;
}

/** Makes it, with the rights that both operators need. */
export async function createAccount({ name: namespace, kubeconfig }: BenchNamespace): Promise<Account> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const metadata = { name: NAME };
  await core.createNamespacedServiceAccount({ namespace, body: Object.assign(new V1ServiceAccount(), { metadata }) });
  await rbac.createNamespacedRole({ namespace, body: Object.assign(new V1Role(), { metadata, rules: RULES }) });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: NAME };
  const subjects = [{ kind: 'ServiceAccount', name: NAME, namespace }];
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: Object.assign(new V1RoleBinding(), { metadata, roleRef, subjects }),
  });
  const spec = { audiences: [], expirationSeconds: TOKEN_SECONDS };
  const body = Object.assign(new AuthenticationV1TokenRequest(), { spec });
  const { status } = await core.createNamespacedServiceAccountToken({ namespace, name: NAME, body });
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error(`${kubeconfig} names no cluster`);
  }
  const own = new KubeConfig();
  own.loadFromClusterAndUser(cluster, { name: NAME, token: status?.token });
  const file = join(scratchFolder('account'), 'kubeconfig');
  writeFileSync(file, own.exportConfig());
  return { user: `system:serviceaccount:${namespace}:${NAME}`, kubeconfig: file };
}
