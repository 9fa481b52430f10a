import { TASK_CONTAINER } from '../../../constructs/contract.js';
import type { ObjectApi } from '../api/object-api.js';
import type { EventSink, RunSink } from '../run/events.js';
import { LogFollower } from '../run/log-follower.js';
import { ObjectWatch } from '../run/object-watch.js';
import { endOf, endOfGone, type RunEnd } from '../run/outcome.js';
import { podsOf, type RunPod, viewPod } from '../run/pod-view.js';
import type { ApplyEvent } from './events.js';
import type { Written } from './write.js';

export interface PodLogsOptions {
  readonly api: ObjectApi;
  readonly sink: EventSink<ApplyEvent>;
  readonly signal: AbortSignal;
  readonly patienceMs: number;
}

/** Why a followed pod is a failure. */
export interface PodFailure {
  readonly reason: string;
  readonly message: string;
}

/** Tells the logs of the Pods among the objects until they have ended. */
export class PodLogs {
  /** Of the first Pod that has ended and has one. */
  exitCode: number | null = null;

  constructor(private readonly options: PodLogsOptions) {}

  /** @returns why one of them failed; null when none did, or the signal was aborted */
  async follow(written: readonly Written[]): Promise<PodFailure | null> {
    const pods = written.filter(({ target: { document } }) => document.kind === 'Pod' && document.apiVersion === 'v1');
    const ends = await Promise.all(pods.map((one) => this.followOne(one)));
    const failed = ends.find((end) => end?.outcome === 'failed');
    this.exitCode = (failed ?? ends.find((end) => end !== null))?.exitCode ?? null;
    return failed === undefined || failed === null
      ? null
      : { reason: failed.reason ?? 'Failed', message: failed.message ?? 'the pod failed' };
  }

  private async followOne({ object, resourceVersion, target, uid }: Written): Promise<RunEnd | null> {
    const { api, patienceMs, signal } = this.options;
    const name = target.document.name;
    const namespace = target.where.namespace ?? '';
    const container = mainContainer(target.document.body);
    const over = new AbortController();
    const followers = new Map<string, { follower: LogFollower; done: Promise<void> }>();
    const found: { end: RunEnd | null } = { end: null };
    const finish = (end: RunEnd): void => {
      found.end = end;
      over.abort();
    };
    const onPod = (pod: RunPod): void => {
      const view = viewPod(pod, container);
      for (const one of view.started) {
        const known = followers.get(one) ?? this.start(namespace, name, one);
        followers.set(one, known);
        if (view.stopped.has(one)) {
          known.follower.containerEnded();
        }
      }
      if (view.terminal) {
        finish(endOf(pod, container));
      }
    };
    if (object !== null) {
      onPod(object);
    }
    const watch = new ObjectWatch<RunPod>({
      api,
      where: podsOf(namespace),
      name,
      uid,
      resourceVersion,
      patienceMs,
      signal: AbortSignal.any([signal, over.signal]),
      onObject: onPod,
      onGone: (last) => {
        finish(endOfGone(last, container));
      },
    });
    await watch.run();
    for (const { follower } of followers.values()) {
      follower.containerEnded();
    }
    await Promise.all([...followers.values()].map(({ done }) => done));
    return found.end;
  }

  private start(namespace: string, pod: string, container: string): { follower: LogFollower; done: Promise<void> } {
    const { api, patienceMs, signal, sink } = this.options;
    // A follower tells nothing else.
    const lines: RunSink = {
      tell: (event) => (event.type === 'log' || event.type === 'warning' ? sink.tell(event) : true),
      ready: () => sink.ready(),
    };
    const follower = new LogFollower({ api, namespace, pod, container, sink: lines, signal, patienceMs });
    return { follower, done: follower.run() };
  }
}

/** `base`, else the first. */
function mainContainer(pod: Readonly<Record<string, unknown>>): string {
  const { containers = [] } = (pod.spec ?? {}) as { containers?: { name: string }[] };
  return (containers.find(({ name }) => name === TASK_CONTAINER) ?? containers[0])?.name ?? TASK_CONTAINER;
}
