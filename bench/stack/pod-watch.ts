import { CoreV1Api, KubeConfig, type V1Pod, Watch } from '@kubernetes/client-node';

const PATIENCE_MS = 60_000;
const RETRY_MS = 500;

/** When new pods of tasks were first seen ended, by the benchmark's own watch of the namespace. */
export class PodWatch {
  readonly seen = new Set<string>();
  /** Milliseconds since the epoch, by map index. */
  readonly endedAt = new Map<number, number>();
  /** The same of their container `base`, which mostly is seen ended a second before its pod. */
  readonly containerEndedAt = new Map<number, number>();
  private readonly before = new Set<string>();
  private abort: AbortController | undefined;
  private over = false;

  /** @param dag only pods of this DAG count, and none that is there already */
  static async start(kubeconfig: string, namespace: string, dag: string): Promise<PodWatch> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const pods = new PodWatch();
    const labelSelector = `dag_id=${dag}`;
    const { items } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace, labelSelector });
    for (const { metadata } of items) {
      pods.before.add(metadata?.uid ?? '');
    }
    const follow = async (): Promise<void> => {
      pods.abort = await new Watch(config).watch(
        `/api/v1/namespaces/${namespace}/pods`,
        { labelSelector },
        (_phase, pod: V1Pod) => {
          pods.look(pod);
        },
        () => {
          pods.later(follow);
        },
      );
    };
    await follow();
    return pods;
  }

  /** Waits until so many pods were seen. */
  async waitFor(count: number): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (this.seen.size < count) {
      if (Date.now() > deadline) {
        throw new Error(`only ${this.seen.size} of ${count} pods came`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** The API server may be away: the watch is opened again until it comes back. */
  private later(follow: () => Promise<void>): void {
    if (!this.over) {
      setTimeout(() => {
        follow().catch(() => {
          this.later(follow);
        });
      }, RETRY_MS);
    }
  }

  stop(): void {
    this.over = true;
    this.abort?.abort();
  }

  private look({ metadata, status }: V1Pod): void {
    const uid = metadata?.uid ?? '';
    if (this.before.has(uid)) {
      return;
    }
    this.seen.add(uid);
    const index = Number(metadata?.labels?.map_index);
    const base = status?.containerStatuses?.find(({ name }) => name === 'base');
    if (base?.state?.terminated !== undefined && !this.containerEndedAt.has(index)) {
      this.containerEndedAt.set(index, Date.now());
    }
    const over = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    if (over && !this.endedAt.has(index)) {
      this.endedAt.set(index, Date.now());
    }
  }
}
