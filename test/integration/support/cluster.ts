import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig, V1Namespace, type V1Pod, Watch } from '@kubernetes/client-node';
import { LABELS, type LaunchPolicy } from '../../../constructs/contract.js';
import { until } from './until.js';

/** The kubeconfig of the local cluster: KUBECONFIG, else where scripts/cluster keeps it. */
export function kubeconfigPath(): string {
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), '.local/state');
  const given = process.env.KUBECONFIG ?? '';
  const path = given !== '' ? given : join(state, 'cdk8s-airflow/cluster/kubeconfig');
  if (!existsSync(path)) {
    throw new Error(`no cluster: ${path} does not exist. Run scripts/cluster/cluster.sh up --kwok, or set KUBECONFIG`);
  }
  return path;
}

const FOLLOW_AGAIN_MS = 100;

/** A namespace that a test file has to itself, seen with eyes of its own and not the launcher's. */
export class TestNamespace {
  readonly kubeconfig = kubeconfigPath();
  readonly core: CoreV1Api;
  private readonly config = new KubeConfig();
  private readonly watch: Watch;
  private watching: AbortController | undefined;
  private over = false;
  /** Every pod that was ever seen, by uid: what a launcher may have made twice shows here. */
  readonly seen = new Map<string, V1Pod>();

  private constructor(readonly name: string) {
    this.config.loadFromFile(this.kubeconfig);
    this.core = this.config.makeApiClient(CoreV1Api);
    this.watch = new Watch(this.config);
  }

  static async create(purpose: string): Promise<TestNamespace> {
    const namespace = new TestNamespace(`launcher-${purpose}-${randomBytes(3).toString('hex')}`);
    await namespace.core.createNamespace({
      body: Object.assign(new V1Namespace(), { metadata: { name: namespace.name } }),
    });
    await until('service account', async () => {
      const accounts = await namespace.core.listNamespacedServiceAccount({ namespace: namespace.name });
      return accounts.items.length > 0;
    });
    await namespace.record();
    return namespace;
  }

  /** A launch policy for this namespace with no limits in the way. */
  policy(changes: Partial<LaunchPolicy> = {}): LaunchPolicy {
    return {
      deployment: this.name,
      namespaces: [this.name],
      maxInFlightCreates: 64,
      maxPendingPods: 0,
      maxPods: 0,
      keepSucceededSeconds: 0,
      keepFailedSeconds: 0,
      pendingTimeoutSeconds: 0,
      ...changes,
    };
  }

  async pods(): Promise<V1Pod[]> {
    return (await this.core.listNamespacedPod({ namespace: this.name })).items;
  }

  /** How many pods of each launch id were ever made. */
  podsPerLaunch(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const pod of this.seen.values()) {
      const id = pod.metadata?.labels?.[LABELS.LAUNCH_ID] ?? '';
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }

  /** The state that explains a failure. */
  async state(): Promise<unknown> {
    const pods = await this.pods();
    return {
      namespace: this.name,
      everSeen: this.seen.size,
      pods: pods.slice(0, 20).map(({ metadata, status }) => [metadata?.name, status?.phase, metadata?.labels]),
    };
  }

  /** Lets held pods end: kwok completes them a second later. */
  async release(pods: readonly V1Pod[]): Promise<void> {
    await Promise.all(
      pods.map((pod) =>
        this.core.patchNamespacedPod({
          name: pod.metadata?.name ?? '',
          namespace: this.name,
          body: [{ op: 'remove', path: '/metadata/labels/kwok~1hold' }],
        }),
      ),
    );
  }

  async delete(): Promise<void> {
    this.over = true;
    this.watching?.abort();
    await this.core.deleteNamespace({ name: this.name });
  }

  /**
   * Watches from before the first pod, and resumes where it was: the API server ends watches of slow readers. Where it
   * cannot resume, after an outage, it lists again.
   */
  private async record(): Promise<void> {
    const list = async (): Promise<string> => {
      const { metadata, items } = await this.core.listNamespacedPod({ namespace: this.name });
      items.forEach((pod) => this.seen.set(pod.metadata?.uid ?? '', pod));
      return metadata?.resourceVersion ?? '';
    };
    let version = await list();
    let expired = false;
    const follow = async (): Promise<void> => {
      if (expired) {
        version = await list();
        expired = false;
      }
      this.watching = await this.watch.watch(
        `/api/v1/namespaces/${this.name}/pods`,
        { resourceVersion: version, allowWatchBookmarks: true },
        (phase, pod: V1Pod) => {
          version = pod.metadata?.resourceVersion ?? version;
          expired ||= phase === 'ERROR';
          if (phase !== 'BOOKMARK' && phase !== 'ERROR') {
            this.seen.set(pod.metadata?.uid ?? '', pod);
          }
        },
        again,
      );
    };
    const again = (): void => {
      if (!this.over) {
        setTimeout(() => void follow().catch(again), FOLLOW_AGAIN_MS).unref();
      }
    };
    await follow();
  }
}
