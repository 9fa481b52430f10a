import type { ObjectApi } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { type Deadline, DeadlineKeeper } from '../run/deadline.js';
import type { JobSink } from './events.js';
import type { JobManifest } from './manifest.js';
import type { SeenPod } from './outcome.js';
import type { JobRequest } from './request.js';
import { labelOf } from './view.js';
import { LogFollower } from '../run/log-follower.js';
import { isHopeless, type PodView, type RunPod, viewPod } from '../run/pod-view.js';

export interface JobPodsOptions {
  readonly api: ObjectApi;
  readonly request: JobRequest;
  readonly manifest: Pick<JobManifest, 'container' | 'containers' | 'initContainers'>;
  readonly namespace: string;
  /** May pods run side by side? */
  readonly parallel: boolean;
  readonly sink: JobSink;
  /** Ends the reading of logs. */
  readonly reading: AbortSignal;
  readonly patienceMs: number;
}

/** Why a Job is given up though it has not ended. */
export interface GivenUp {
  readonly reason: string;
  readonly message: string;
}

interface Followed {
  pod: RunPod;
  view: PodView;
  gone: boolean;
  told: string;
  readonly deadlines: DeadlineKeeper;
  readonly followers: Map<string, { readonly follower: LogFollower; readonly done: Promise<void> }>;
}

/** The pods of a Job: what they say, their logs, and until when they may be where they are. */
export class JobPods {
  private readonly pods = new Map<string, Followed>();
  private readonly logs: ReadonlySet<string>;
  private placed = false;

  constructor(private readonly options: JobPodsOptions) {
    const { request, manifest } = options;
    const pick = (asked: 'all' | readonly string[] | null, there: readonly string[]): readonly string[] =>
      asked === 'all' ? there : (asked ?? [manifest.container]);
    this.logs = new Set([
      ...pick(request.logs.initContainers, manifest.initContainers),
      ...pick(request.logs.containers, manifest.containers),
    ]);
  }

  seen(): SeenPod[] {
    return [...this.pods.values()];
  }

  /** How many have ended, or are gone. */
  ended(): number {
    return [...this.pods.values()].filter(({ view, gone }) => view.terminal || gone).length;
  }

  /** @returns why the Job is to be given up; null: it is not */
  observe(pod: RunPod): GivenUp | null {
    const view = viewPod(pod, this.options.manifest.container);
    const followed = this.followed(pod, view);
    followed.pod = pod;
    followed.view = view;
    this.placed ||= view.stage !== 'pending';
    this.tellState(followed);
    this.followLogs(followed);
    const name = pod.metadata?.name ?? '';
    return isHopeless(view)
      ? { reason: view.reason ?? '', message: `pod ${name} cannot start: ${view.message ?? ''}` }
      : null;
  }

  /** @param last null: nobody saw how it went */
  gone(uid: string, last: RunPod | null): void {
    if (last !== null) {
      this.observe(last);
    }
    const followed = this.pods.get(uid);
    if (followed !== undefined) {
      followed.gone = true;
      this.containersEnded(followed);
    }
  }

  /** The first time after which one of the pods has waited for too long. */
  deadline(now: number): (Deadline & { readonly pod: string }) | null {
    const all = [...this.pods.values()]
      .filter(({ view, gone }) => !view.terminal && !gone && !view.deleting)
      // Of many pods not all need to find room at once.
      .filter(({ view }) => view.stage !== 'pending' || !this.placed)
      .map(({ pod, view, deadlines }) => ({ pod: pod.metadata?.name ?? '', found: deadlines.of(view, now) }))
      .flatMap(({ pod, found }) => (found === null ? [] : [{ ...found, pod }]));
    return all.sort((one, other) => one.at - other.at)[0] ?? null;
  }

  /** Reads to their ends the logs of all pods. */
  async readLogs(): Promise<void> {
    for (const followed of this.pods.values()) {
      this.startLate(followed);
      this.containersEnded(followed);
    }
    const all = [...this.pods.values()].flatMap(({ followers }) => [...followers.values()]);
    await Promise.all(all.map(({ done }) => done));
  }

  private followed(pod: RunPod, view: PodView): Followed {
    const uid = pod.metadata?.uid ?? '';
    let followed = this.pods.get(uid);
    if (followed === undefined) {
      const { scheduleTimeoutSeconds, startupTimeoutSeconds } = this.options.request;
      const timeouts = { scheduleTimeoutSeconds, startupTimeoutSeconds, result: null };
      const deadlines = new DeadlineKeeper(timeouts, steadyNow());
      followed = { pod, view, gone: false, told: '', deadlines, followers: new Map() };
      this.pods.set(uid, followed);
    }
    return followed;
  }

  private tellState(followed: Followed): void {
    const { stage, node, reason, message } = followed.view;
    const now = JSON.stringify([stage, reason, message]);
    if (now !== followed.told) {
      followed.told = now;
      this.options.sink.tell({ type: 'pod', ...this.nameOf(followed), state: stage, node, reason, message });
    }
  }

  private nameOf({ pod }: Followed): { readonly name: string; readonly label: string | null } {
    return { name: pod.metadata?.name ?? '', label: labelOf(pod, this.options.parallel) };
  }

  private followLogs(followed: Followed): void {
    const { view } = followed;
    for (const container of view.started) {
      const stopped = this.hasStopped(followed, container);
      if (this.logs.has(container) && (stopped || this.options.request.tail?.onlyAtEnd !== true)) {
        this.follow(followed, container);
      }
      if (stopped) {
        followed.followers.get(container)?.follower.containerEnded();
      }
    }
  }

  /** A container that may be started again writes on: its log ends with the pod. */
  private hasStopped({ pod, view }: Followed, container: string): boolean {
    return view.terminal || (view.stopped.has(container) && pod.spec?.restartPolicy === 'Never');
  }

  /** What was not to be told before the end. */
  private startLate(followed: Followed): void {
    for (const container of followed.view.started) {
      if (this.logs.has(container) && !followed.gone) {
        this.follow(followed, container);
      }
    }
  }

  private containersEnded({ followers }: Followed): void {
    for (const { follower } of followers.values()) {
      follower.containerEnded();
    }
  }

  private follow(followed: Followed, container: string): void {
    if (followed.followers.has(container)) {
      return;
    }
    const { api, namespace, sink, reading, patienceMs } = this.options;
    const { name: pod, label } = this.nameOf(followed);
    const follower = new LogFollower({
      api,
      namespace,
      pod,
      container,
      sink: {
        tell: (event) =>
          event.type === 'log'
            ? sink.tell({ ...event, pod, label })
            : sink.tell({ ...event, message: `pod ${pod}: ${event.message}` }),
        ready: () => sink.ready(),
      },
      signal: reading,
      patienceMs,
    });
    if (this.hasStopped(followed, container)) {
      follower.containerEnded();
    }
    followed.followers.set(container, { follower, done: follower.run() });
  }
}
