import { EventEmitter, once } from 'node:events';
import type { KubeClient } from './client.js';
import { LiveList } from './live-list.js';
import type { KubeEvent, Pod, Workload } from './objects.js';
import { podProblems, workloadProblems, type Problem } from './pod-problems.js';

const WORKLOAD_KINDS = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['batch/v1', 'Job'],
] as const;

/** The workloads, pods and events of a namespace as they are now, by watching. */
export class ReleaseView {
  private readonly changes = new EventEmitter();
  private readonly workloads: ReadonlyMap<string, LiveList<Workload>>;
  private readonly pods: LiveList<Pod>;
  private readonly events: LiveList<KubeEvent>;
  private failure: Error | undefined;

  constructor(
    client: KubeClient,
    namespace: string,
    private readonly signal: AbortSignal,
  ) {
    this.changes.setMaxListeners(0);
    const onChange = (): void => void this.changes.emit('change');
    const options = { namespace, signal, onChange };
    this.workloads = new Map(
      WORKLOAD_KINDS.map(([apiVersion, kind]) => [kind, new LiveList(client, { ...options, apiVersion, kind })]),
    );
    this.pods = new LiveList(client, { ...options, apiVersion: 'v1', kind: 'Pod' });
    this.events = new LiveList(client, { ...options, apiVersion: 'v1', kind: 'Event' });
    for (const list of [...this.workloads.values(), this.pods, this.events]) {
      list.run().catch((error: unknown) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
        onChange();
      });
    }
  }

  workload(kind: string, name: string): Workload | undefined {
    return this.workloads.get(kind)?.get(name);
  }

  podsOf(workload: Workload): Pod[] {
    const labels = Object.entries(workload.spec.selector?.matchLabels ?? {});
    return this.pods.items.filter(({ metadata }) =>
      labels.every(([label, value]) => metadata.labels?.[label] === value),
    );
  }

  /** Everything that keeps the workload from being ready, as far as is known. */
  problemsOf(workload: Workload): Problem[] {
    return [
      ...workloadProblems(workload, this.events.items),
      ...this.podsOf(workload).flatMap((pod) => podProblems(pod, this.events.items)),
    ];
  }

  /**
   * Waits until `check` answers with something, looking again at every change.
   * @throws the signal's reason when it aborts
   */
  async until<R>(check: () => R | undefined): Promise<R> {
    for (;;) {
      if (this.failure !== undefined) {
        throw this.failure;
      }
      this.signal.throwIfAborted();
      const lists = [...this.workloads.values(), this.pods];
      const result = lists.every((list) => list.synced) ? check() : undefined;
      if (result !== undefined) {
        return result;
      }
      await once(this.changes, 'change', { signal: this.signal }).catch(() => undefined);
    }
  }

  /** Makes waiting callers look again, for what time alone decides. */
  poke(): void {
    this.changes.emit('change');
  }
}
