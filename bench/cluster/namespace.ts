import { randomBytes } from 'node:crypto';
import { ApiException, CoreV1Api, KubeConfig, V1Namespace, Watch } from '@kubernetes/client-node';
import { until } from '../../test/integration/support/until.js';
import { Connection } from './connection.js';

const HOLD_LABEL = 'kwok/hold';
const RELEASES_IN_FLIGHT = 32;

/** A namespace that one measurement has to itself, and that is gone after it. */
export class BenchNamespace {
  private static readonly open = new Set<BenchNamespace>();

  private constructor(
    readonly name: string,
    readonly kubeconfig: string,
    private readonly core: CoreV1Api,
  ) {}

  static async create(kubeconfig: string, purpose: string): Promise<BenchNamespace> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const core = config.makeApiClient(CoreV1Api);
    const name = `bench-${purpose}-${randomBytes(3).toString('hex')}`;
    const namespace = new BenchNamespace(name, kubeconfig, core);
    await namespace.core.createNamespace({
      body: Object.assign(new V1Namespace(), { metadata: { name: namespace.name } }),
    });
    BenchNamespace.open.add(namespace);
    await until('the default service account', async () => {
      return (await core.listNamespacedServiceAccount({ namespace: name })).items.length > 0;
    });
    return namespace;
  }

  /** Has those that are still there deleted, without waiting for it: the bench was interrupted. */
  static async abandonAll(): Promise<void> {
    await Promise.allSettled([...BenchNamespace.open].map(({ core, name }) => core.deleteNamespace({ name })));
  }

  /** Names of ten nodes at most that kwok plays. @throws Error when there are none */
  static async kwokNodes(kubeconfig: string): Promise<string[]> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const { items } = await config.makeApiClient(CoreV1Api).listNode({ labelSelector: 'type=kwok' });
    if (items.length === 0) {
      throw new Error('the cluster has no kwok nodes: scripts/cluster/cluster.sh up --kwok');
    }
    return items.map((node) => node.metadata?.name ?? '');
  }

  /** How many pods there are; one small request, however many. */
  async podCount(): Promise<number> {
    const list = await this.core.listNamespacedPod({ namespace: this.name, limit: 1 });
    return list.items.length + (list.metadata?.remainingItemCount ?? 0);
  }

  async waitForPods(count: number, timeoutMs: number): Promise<void> {
    await until(`${count} pods in ${this.name}`, async () => (await this.podCount()) === count, {
      timeoutMs,
      everyMs: 200,
      state: () => this.podCount(),
    });
  }

  /** Waits until every pod is of this phase. */
  async waitForPhase(phase: 'Running' | 'Succeeded', timeoutMs: number): Promise<void> {
    const fieldSelector = `status.phase!=${phase}`;
    const others = async (): Promise<number> =>
      (await this.core.listNamespacedPod({ namespace: this.name, fieldSelector, limit: 1 })).items.length;
    await until(`all pods of ${this.name} to be ${phase}`, async () => (await others()) === 0, {
      timeoutMs,
      everyMs: 500,
    });
  }

  /** Waits until no pod has changed for so long: after a burst the controllers write to them for a while yet. */
  async waitForQuiet(ms: number, timeoutMs: number): Promise<void> {
    const { metadata } = await this.core.listNamespacedPod({ namespace: this.name, limit: 1 });
    const config = new KubeConfig();
    config.loadFromFile(this.kubeconfig);
    let heardAt = Date.now();
    const watch = await new Watch(config).watch(
      `/api/v1/namespaces/${this.name}/pods`,
      { resourceVersion: metadata?.resourceVersion },
      () => (heardAt = Date.now()),
      () => undefined,
    );
    try {
      await until(`pods of ${this.name} to rest`, () => Date.now() - heardAt > ms, { timeoutMs });
    } finally {
      watch.abort();
    }
  }

  /** Lets held pods end: kwok completes them a second later. */
  async release(): Promise<void> {
    const { items } = await this.core.listNamespacedPod({ namespace: this.name, labelSelector: HOLD_LABEL });
    const connection = await Connection.open(this.kubeconfig);
    try {
      await connection.callAll(
        items.map((pod) => ({
          method: 'PATCH',
          path: `/api/v1/namespaces/${this.name}/pods/${pod.metadata?.name ?? ''}`,
          contentType: 'application/merge-patch+json',
          body: JSON.stringify({ metadata: { labels: { [HOLD_LABEL]: null } } }),
        })),
        RELEASES_IN_FLIGHT,
      );
    } finally {
      connection.close();
    }
  }

  /** Deletes it and waits until nothing of it is left to disturb the next measurement. */
  async delete(timeoutMs: number): Promise<void> {
    await this.core.deleteNamespace({ name: this.name });
    BenchNamespace.open.delete(this);
    await until(`${this.name} to be gone`, () => this.isGone(), { timeoutMs, everyMs: 250 });
  }

  private async isGone(): Promise<boolean> {
    try {
      await this.core.readNamespace({ name: this.name });
      return false;
    } catch (error) {
      if (error instanceof ApiException && error.code === 404) {
        return true;
      }
      throw error;
    }
  }
}
