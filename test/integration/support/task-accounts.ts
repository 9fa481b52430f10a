import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { Chart, Testing } from 'cdk8s';
import { Airflow, type AirflowProps } from '../../../constructs/index.js';
import { STACK_NAMESPACE_LABEL } from '../../../constructs/contract.js';
import { KubeApiError, KubeClient } from '../../../src/cli/kube/client.js';
import type { KubeObject } from '../../../src/cli/kube/objects.js';
import type { TestNamespace } from './cluster.js';

/** Service accounts of tasks with all that `tasks.allow` makes for them, of a stack of which nothing else is there. */
export class TaskAccounts {
  /** Who may do everything. */
  readonly admin: KubeClient;
  private readonly kubeconfigs = new Map<string, string>();
  private rights: KubeObject[] = [];

  constructor(private readonly namespace: TestNamespace) {
    this.admin = new KubeClient(configOf(namespace.kubeconfig));
  }

  /** @param allow called with a stack in the namespace of the test */
  async create(props: AirflowProps, allow: (airflow: Airflow) => void): Promise<void> {
    const chart = new Chart(Testing.app(), 'airflow', { namespace: this.namespace.name });
    allow(new Airflow(chart, 'airflow', props));
    const manifests = chart.toJson() as KubeObject[];
    const accounts = manifests.filter(
      ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.labels?.component === 'worker',
    );
    this.rights = manifests.filter(({ metadata }) => metadata.labels?.[STACK_NAMESPACE_LABEL] !== undefined);
    for (const object of [...accounts, ...this.rights]) {
      await this.admin.request('POST', await pathOf(this.admin, object), { body: object });
    }
    for (const { metadata } of accounts) {
      this.kubeconfigs.set(metadata.name, await this.newKubeconfig(metadata.name));
    }
  }

  /** File of a kube config with a token of that service account. */
  kubeconfig(account: string): string {
    return this.kubeconfigs.get(account) ?? '';
  }

  /** What the API server answers to that service account: 'taken', or why not. Nothing is changed. */
  async attempt(account: string, method: string, object: KubeObject, body: object = object): Promise<string> {
    const client = new KubeClient(configOf(this.kubeconfig(account)));
    const { name } = object.metadata;
    const path = await pathOf(this.admin, object, method === 'POST' ? undefined : name);
    try {
      await client.request(method, path, {
        query: method === 'GET' ? {} : { dryRun: 'All' },
        ...(method === 'PATCH' ? { body, contentType: 'application/strategic-merge-patch+json' } : {}),
        ...(method === 'POST' ? { body } : {}),
      });
      return 'taken';
    } catch (error) {
      if (!(error instanceof KubeApiError)) {
        throw error;
      }
      return `${error.code} ${error.message}`;
    }
  }

  /** Deletes what is not in the namespace and would stay when that goes. */
  async delete(): Promise<void> {
    for (const object of this.rights.filter(({ metadata }) => metadata.namespace === undefined)) {
      await this.admin.request('DELETE', await pathOf(this.admin, object, object.metadata.name));
    }
  }

  private async newKubeconfig(name: string): Promise<string> {
    const path = `/api/v1/namespaces/${this.namespace.name}/serviceaccounts/${name}/token`;
    const { status } = await this.admin.request<{ status: { token: string } }>('POST', path, {
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    });
    const cluster = this.admin.config.getCurrentCluster();
    if (cluster === null) {
      throw new Error('the kubeconfig names no cluster');
    }
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster, { name, token: status.token });
    const file = join(mkdtempSync(join(tmpdir(), 'task-account-')), 'kubeconfig');
    writeFileSync(file, config.exportConfig(), { mode: 0o600 });
    return file;
  }
}

function pathOf(client: KubeClient, { apiVersion, kind, metadata }: KubeObject, name?: string): Promise<string> {
  return client.pathOf(apiVersion, kind, metadata.namespace, name);
}

function configOf(file: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config;
}
