import type { ObjectApi } from '../api/object-api.js';
import { steadyNow } from '../clock.js';
import { describeEvents } from '../pods/events.js';
import { type Deadline, DeadlineKeeper } from './deadline.js';
import type { RunEvent, RunSink } from './events.js';
import { RUN_LABELS } from './identity.js';
import { type CreatePod, launch, type Launched } from './launch.js';
import { LogFollower } from './log-follower.js';
import { buildRunManifest, type RunManifest } from './manifest.js';
import { ObjectWatch } from './object-watch.js';
import { cleanupOf, endOf, endOfGone, failure, type RunEnd } from './outcome.js';
import { patiently } from './patience.js';
import { isHopeless, isOver, podsOf, type PodView, type RunPod, viewPod } from './pod-view.js';
import { readResult } from './read-result.js';
import type { RunRequest } from './request.js';

export interface PodRunOptions {
  readonly api: ObjectApi;
  readonly request: RunRequest;
  /** Where no layer and no request says it. */
  readonly defaultNamespace: string;
  /** Part of the name of a pod of no task. */
  readonly random: string;
  readonly sink: RunSink;
  /** Ends the run and, if the request says so, the pod. */
  readonly kill: AbortSignal;
  /** Ends the run; the pod lives on. Without effect once the run is killed. */
  readonly detach: AbortSignal;
  readonly create?: CreatePod;
}

/** How a run was left: at the pod's end, right after its creation, or with the pod still there. */
export type RunLeft = RunEnd | 'created' | 'detached';

/** Of a pod whose end is known nobody waits longer for the API server. */
const CLEANUP_PATIENCE_MS = 30_000;
const EVENTS_PATIENCE_MS = 5000;

type Follower = LogFollower & { done?: Promise<void> };

/** One run: makes or finds the pod, follows it and its logs, reads its result, cleans up. */
export class PodRun {
  private readonly manifest: RunManifest;
  private readonly followers = new Map<string, Follower>();
  private readonly watching = new AbortController();
  private readonly reading = new AbortController();
  private readonly logs: ReadonlySet<string>;
  private readonly patienceMs: number;
  private deadlines: DeadlineKeeper;
  private timer: NodeJS.Timeout | undefined;
  private last: RunPod | null = null;
  private isGone = false;
  private told = '';
  private end: RunEnd | 'detached' | null = null;

  /** @throws ConfigError when the request makes no pod */
  constructor(private readonly options: PodRunOptions) {
    const { request } = options;
    this.manifest = buildRunManifest(request);
    this.logs = new Set(logsAsked(request, this.manifest));
    this.patienceMs = request.patienceSeconds * 1000;
    this.deadlines = new DeadlineKeeper(request, steadyNow());
  }

  /** @throws RunError */
  async run(): Promise<RunLeft> {
    const { api, create, request, detach, kill, random, sink } = this.options;
    const namespace = this.manifest.namespace ?? request.namespace ?? this.options.defaultNamespace;
    const signal = AbortSignal.any([kill, detach]);
    const launched = await launch({ api, request, manifest: this.manifest, namespace, random, sink, signal, create });
    const { how, name, uid } = launched;
    this.tell({ type: how, name, namespace, uid });
    if (request.until === 'created' && !kill.aborted) {
      return 'created';
    }
    await this.follow(launched);
    clearTimeout(this.timer);
    if (this.end === 'detached') {
      this.reading.abort();
      return 'detached';
    }
    return this.conclude(launched, this.end ?? failure('Deleted', 'the pod is gone', null, request.container));
  }

  private async follow(launched: Launched): Promise<void> {
    const { api, request, detach, kill } = this.options;
    const { name, namespace, uid, resourceVersion } = launched;
    this.deadlines = new DeadlineKeeper(request, steadyNow());
    const onKill = (): void => {
      const message = 'the run was told to end';
      this.finish({ ...failure('Killed', message, this.last, request.container), outcome: 'killed' });
      this.reading.abort();
    };
    const onDetach = (): void => {
      this.finish('detached');
    };
    kill.addEventListener('abort', onKill);
    detach.addEventListener('abort', onDetach);
    if (kill.aborted) {
      onKill();
    } else if (detach.aborted) {
      onDetach();
    }
    const onPod = (pod: RunPod): void => {
      this.observe(pod, launched);
    };
    if (launched.pod !== null && this.end === null) {
      onPod(launched.pod);
    }
    const watch = new ObjectWatch({
      api,
      where: podsOf(namespace),
      name,
      uid,
      resourceVersion,
      patienceMs: this.patienceMs,
      signal: this.watching.signal,
      onObject: onPod,
      onGone: (last) => {
        this.isGone = true;
        this.finish(endOfGone(last ?? this.last, request.container));
      },
    });
    try {
      await watch.run();
    } catch (error) {
      this.reading.abort();
      throw error;
    } finally {
      clearTimeout(this.timer);
      detach.removeEventListener('abort', onDetach);
    }
  }

  private observe(pod: RunPod, launched: Launched): void {
    if (this.end !== null) {
      return;
    }
    const { request } = this.options;
    this.last = pod;
    const view = viewPod(pod, request.container);
    this.tellState(view);
    this.followLogs(view, launched);
    if (isOver(view, this.logs, request.result !== null)) {
      this.finish(endOf(pod, request.container));
    } else if (isHopeless(view)) {
      this.finish(failure(view.reason ?? '', `the pod cannot start: ${view.message ?? ''}`, pod, request.container));
    } else {
      this.arm(this.deadlines.of(view, steadyNow()));
    }
  }

  private finish(end: RunEnd | 'detached'): void {
    const killed = end !== 'detached' && end.outcome === 'killed';
    if (this.end === null || killed) {
      this.end = end;
      this.watching.abort();
    }
  }

  private arm(deadline: Deadline | null): void {
    clearTimeout(this.timer);
    if (deadline !== null) {
      const { at, reason, message } = deadline;
      this.timer = setTimeout(
        () => {
          this.finish(failure(reason, message, this.last, this.options.request.container));
        },
        Math.max(0, at - steadyNow()),
      );
    }
  }

  private tellState({ stage, node, reason, message }: PodView): void {
    const now = JSON.stringify([stage, reason, message]);
    if (now !== this.told) {
      this.told = now;
      this.tell({ type: 'state', state: stage, node, reason, message });
    }
  }

  private followLogs(view: PodView, { name, namespace }: Launched): void {
    const { api, sink } = this.options;
    for (const container of view.started) {
      if (!this.logs.has(container)) {
        continue;
      }
      let follower = this.followers.get(container);
      if (follower === undefined) {
        follower = new LogFollower({
          api,
          namespace,
          pod: name,
          container,
          sink,
          signal: this.reading.signal,
          patienceMs: this.patienceMs,
        });
        this.followers.set(container, follower);
        if (view.stopped.has(container)) {
          follower.containerEnded();
        }
        follower.done = follower.run();
      } else if (view.stopped.has(container)) {
        follower.containerEnded();
      }
    }
  }

  /** Everything that is to be read is read before anything is deleted. */
  private async conclude(launched: Launched, end: RunEnd): Promise<RunEnd> {
    const { api, request } = this.options;
    for (const follower of this.followers.values()) {
      follower.containerEnded();
    }
    const [result, podEvents] = await Promise.all([
      end.outcome === 'succeeded' && request.result !== null && !this.isGone
        ? readResult(request.result, { ...this.place(launched), patienceMs: this.patienceMs })
        : null,
      end.outcome === 'failed' ? this.readEvents(launched) : [],
      ...[...this.followers.values()].map(({ done }) => done),
    ]);
    // Killed while its log was read.
    const after = this.end !== null && this.end !== 'detached' && this.end.outcome === 'killed' ? this.end : end;
    const final = withResult(after, result, request.result !== null);
    if (result !== null && 'json' in result && final.outcome === 'succeeded') {
      this.tell({ type: 'result', json: result.json });
    }
    const pod = await this.cleanUp(launched, final);
    this.tell({ type: 'ended', ...final, podEvents, pod, requests: api.requests() });
    return final;
  }

  private place({ name, namespace }: Launched): {
    api: ObjectApi;
    namespace: string;
    pod: string;
    signal: AbortSignal;
  } {
    return { api: this.options.api, namespace, pod: name, signal: this.reading.signal };
  }

  private async readEvents({ namespace, uid }: Launched): Promise<string[]> {
    const { api } = this.options;
    const patience = { patienceMs: EVENTS_PATIENCE_MS, signal: this.reading.signal };
    try {
      return describeEvents(await patiently('list events', patience, () => api.events(namespace, uid)));
    } catch (error) {
      // They explain a failure; without them it is one all the same.
      this.tell({ type: 'warning', message: `the pod's events cannot be read: ${(error as Error).message}` });
      return [];
    }
  }

  private async cleanUp({ name, namespace, uid }: Launched, end: RunEnd): Promise<'deleted' | 'kept' | 'gone'> {
    const { api, request } = this.options;
    if (this.isGone) {
      return 'gone';
    }
    const killed = end.outcome === 'killed';
    const active = this.last === null || !viewPod(this.last, request.container).terminal;
    const action = killed
      ? request.onKill === 'delete_pod'
        ? 'delete'
        : 'keep'
      : cleanupOf(request.onFinish, end.outcome, active);
    const patience = { patienceMs: CLEANUP_PATIENCE_MS, signal: new AbortController().signal };
    try {
      if (!this.isOurs()) {
        this.tell({ type: 'warning', message: `pod ${name} belongs to a later try by now and is left alone` });
      } else if (action === 'delete') {
        await patiently(`delete the pod`, patience, () =>
          api.delete(podsOf(namespace), name, uid, killed || active ? request.graceSeconds : null),
        );
        return 'deleted';
      } else if (!killed && request.task !== null) {
        const change = { metadata: { uid, labels: { [RUN_LABELS.CHECKED]: 'True' } } };
        await patiently('label the pod', patience, () => api.patch(podsOf(namespace), name, change));
      }
    } catch (error) {
      this.tell({ type: 'warning', message: `pod ${name} is left behind: ${(error as Error).message}` });
    }
    return 'kept';
  }

  /** A later try that took the pod over has written its number on it. */
  private isOurs(): boolean {
    const { task } = this.options.request;
    const label = Number(this.last?.metadata?.labels?.try_number ?? NaN);
    return task === null || !(label > task.tryNumber);
  }

  private tell(event: RunEvent): void {
    this.options.sink.tell(event);
  }
}

function logsAsked({ logs, container }: RunRequest, { containers, initContainers }: RunManifest): string[] {
  const pick = (asked: 'all' | readonly string[] | null, there: readonly string[]): readonly string[] =>
    asked === 'all' ? there : (asked ?? [container]);
  return [...pick(logs.initContainers, initContainers), ...pick(logs.containers, containers)];
}

function withResult(end: RunEnd, result: Awaited<ReturnType<typeof readResult>> | null, wanted: boolean): RunEnd {
  if (end.outcome !== 'succeeded' || !wanted) {
    return end;
  }
  if (result === null) {
    const message = 'the pod was deleted before its result could be read';
    return { ...end, outcome: 'failed', reason: 'ResultMissing', message };
  }
  return 'json' in result ? end : { ...end, outcome: 'failed', reason: result.reason, message: result.message };
}
