import { KubeConfig, type V1Pod, Watch } from '@kubernetes/client-node';

const PATIENCE_MS = 20_000;

/** When the pods of tasks were first seen, and first seen ended, by the benchmark's own watch of the namespace. */
export class PodWatch {
  readonly seen = new Set<string>();
  /** Milliseconds since the epoch, by map index. */
  readonly endedAt = new Map<number, number>();
  private abort: AbortController | undefined;
  private over = false;

  /** @param dag only pods of this DAG count */
  static async start(kubeconfig: string, namespace: string, dag: string): Promise<PodWatch> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const pods = new PodWatch();
    const follow = async (): Promise<void> => {
      pods.abort = await new Watch(config).watch(
        `/api/v1/namespaces/${namespace}/pods`,
        { labelSelector: `dag_id=${dag}` },
        (_phase, pod: V1Pod) => {
          pods.look(pod);
        },
        () => {
          if (!pods.over) {
            setTimeout(() => void follow(), 500);
          }
        },
      );
    };
    await follow();
    return pods;
  }

  /** Waits until so many pods were seen. */
  async waitFor(count: number): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS * 3;
    while (this.seen.size < count) {
      if (Date.now() > deadline) {
        throw new Error(`only ${this.seen.size} of ${count} pods came`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  stop(): void {
    this.over = true;
    this.abort?.abort();
  }

  private look({ metadata, status }: V1Pod): void {
    this.seen.add(metadata?.uid ?? '');
    const index = Number(metadata?.labels?.map_index);
    const over = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    if (over && !this.endedAt.has(index)) {
      this.endedAt.set(index, Date.now());
    }
  }
}
