import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AuthenticationV1TokenRequest,
  KubeConfig,
  RbacAuthorizationV1Api,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import type { TestNamespace } from './cluster.js';

/** A service account with these verbs on pods and other rights, and a kubeconfig that uses it. */
export class TestServiceAccount {
  readonly tokenFile: string;
  readonly kubeconfig: string;
  private readonly config = new KubeConfig();

  private constructor(
    private readonly namespace: TestNamespace,
    readonly name: string,
  ) {
    const folder = mkdtempSync(join(tmpdir(), 'service-account-'));
    this.tokenFile = join(folder, 'token');
    this.kubeconfig = join(folder, 'kubeconfig');
    this.config.loadFromFile(namespace.kubeconfig);
    const authProvider = { name: 'tokenFile', config: { tokenFile: this.tokenFile } };
    const config = new KubeConfig();
    config.loadFromClusterAndUser(this.cluster(), { name, authProvider });
    // client-node writes no auth provider.
    const exported = JSON.parse(config.exportConfig()) as object;
    const users = [{ name, user: { 'auth-provider': authProvider } }];
    writeFileSync(this.kubeconfig, JSON.stringify({ ...exported, users }));
  }

  static async create(
    namespace: TestNamespace,
    name: string,
    verbs: readonly string[],
    more: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[] = [],
  ): Promise<TestServiceAccount> {
    const account = new TestServiceAccount(namespace, name);
    const metadata = { name };
    const where = { namespace: namespace.name };
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: [...verbs] }, ...more];
    const subjects = [{ kind: 'ServiceAccount', name, namespace: namespace.name }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
    const rbac = account.config.makeApiClient(RbacAuthorizationV1Api);
    await namespace.core.createNamespacedServiceAccount({
      ...where,
      body: Object.assign(new V1ServiceAccount(), { metadata }),
    });
    await rbac.createNamespacedRole({ ...where, body: Object.assign(new V1Role(), { metadata, rules }) });
    await rbac.createNamespacedRoleBinding({
      ...where,
      body: Object.assign(new V1RoleBinding(), { metadata, roleRef, subjects }),
    });
    return account;
  }

  /** Makes a token that is good while a Secret of that name exists, and puts it into the token file. */
  async useToken(secretName: string): Promise<string> {
    const where = { namespace: this.namespace.name };
    const secret = await this.namespace.core.createNamespacedSecret({
      ...where,
      body: Object.assign(new V1Secret(), { metadata: { name: secretName } }),
    });
    const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name: secretName, uid: secret.metadata?.uid };
    const { status } = await this.namespace.core.createNamespacedServiceAccountToken({
      ...where,
      name: this.name,
      body: Object.assign(new AuthenticationV1TokenRequest(), { spec: { audiences: [], boundObjectRef } }),
    });
    const token = status?.token ?? '';
    writeFileSync(this.tokenFile, token);
    return token;
  }

  async revokeToken(secretName: string): Promise<void> {
    await this.namespace.core.deleteNamespacedSecret({ namespace: this.namespace.name, name: secretName });
  }

  /** Does the API server refuse the token? It remembers a good one for some seconds. */
  async isRefused(token: string): Promise<boolean> {
    const config = new KubeConfig();
    config.loadFromClusterAndUser(this.cluster(), { name: this.name, token });
    try {
      await config.makeApiClient(RbacAuthorizationV1Api).getAPIResources();
      return false;
    } catch (error) {
      return (error as { code?: number }).code === 401;
    }
  }

  private cluster(): NonNullable<ReturnType<KubeConfig['getCurrentCluster']>> {
    const cluster = this.config.getCurrentCluster();
    if (cluster === null) {
      throw new Error('the kubeconfig names no cluster');
    }
    return cluster;
  }
}
