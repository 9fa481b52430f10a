import type { ObjectApi } from '../api/object-api.js';
import { pause } from '../pause.js';
import { steadyNow } from '../clock.js';
import { attach } from './attach.js';
import { CLEANUP_PATIENCE, cleanUp, isOurs, markChecked } from './clean-up.js';
import { type Deadline, DeadlineKeeper } from './deadline.js';
import type { RunEvent } from './events.js';
import { RUN_LABELS } from './identity.js';
import { type CreatePod, launch, type Launched } from './launch.js';
import { LogFollower } from './log-follower.js';
import { buildRunManifest, type RunManifest } from './manifest.js';
import { ObjectWatch, type ObjectWatchOptions } from './object-watch.js';
import { cleanupOf, endOf, endOfGone, failure, type RunEnd } from './outcome.js';
import { patiently } from './patience.js';
import { isHopeless, isOver, podsOf, type PodView, type RunPod, viewPod } from './pod-view.js';
import { readEvents } from './read-events.js';
import { readResult } from './read-result.js';
import type { RunRequest } from './request.js';
import type { RunOptions } from './run-options.js';
import { SIDECAR } from './result-sidecar.js';

export interface PodRunOptions extends RunOptions<RunRequest, RunEvent> {
  readonly create?: CreatePod;
  /** Follows the pod. @default - A watch of its own. */
  readonly follow?: (options: ObjectWatchOptions<RunPod>) => Promise<void>;
}

/** How a run was left: at the pod's end, right after its creation, or with the pod still there. */
export type RunLeft = RunEnd | 'created' | 'detached';

type Follower = LogFollower & { done?: Promise<void> };

/** One run: makes or finds the pod, follows it and its logs, reads its result, cleans up. */
export class PodRun {
  /** null: the pod exists already. */
  private readonly manifest: RunManifest | null;
  private readonly followers = new Map<string, Follower>();
  private readonly watching = new AbortController();
  private readonly reading = new AbortController();
  /** Containers whose log is asked for; null: the pod has to be seen first. */
  private logs: ReadonlySet<string> | null;
  private readonly patienceMs: number;
  private deadlines: DeadlineKeeper;
  private timer: NodeJS.Timeout | undefined;
  private last: RunPod | null = null;
  private isGone = false;
  private isMarked = false;
  private told = '';
  private end: RunEnd | 'detached' | null = null;

  /** @throws ConfigError when the request makes no pod */
  constructor(private readonly options: PodRunOptions) {
    const { request } = options;
    this.manifest = request.attach === null ? buildRunManifest(request) : null;
    this.logs = this.manifest === null ? null : logsAsked(request, this.manifest);
    this.patienceMs = request.patienceSeconds * 1000;
    this.deadlines = new DeadlineKeeper(request, steadyNow());
  }

  /** @throws RunError */
  async run(): Promise<RunLeft> {
    const { request, kill } = this.options;
    const launched = await this.launch();
    const { how, name, namespace, uid } = launched;
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

  private launch(): Promise<Launched<RunPod>> {
    const { api, create, request, detach, kill, random, sink } = this.options;
    const signal = AbortSignal.any([kill, detach]);
    const namespace = this.manifest?.namespace ?? request.namespace ?? this.options.defaultNamespace;
    if (request.attach !== null) {
      return attach({ api, request, pod: request.attach, namespace, signal });
    }
    const manifest = this.manifest ?? buildRunManifest(request);
    return launch<RunPod>({
      api,
      where: podsOf(namespace),
      request,
      body: manifest.pod,
      name: manifest.name,
      operator: RUN_LABELS.OPERATOR,
      random,
      sink,
      signal,
      ...(create === undefined ? {} : { create }),
    });
  }

  private async follow(launched: Launched<RunPod>): Promise<void> {
    const { api, request, detach, kill } = this.options;
    const { name, namespace, uid, resourceVersion } = launched;
    this.deadlines = new DeadlineKeeper(request, steadyNow());
    this.last = launched.found;
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
    if (kill.aborted || request.until === 'killed') {
      onKill();
    } else if (detach.aborted) {
      onDetach();
    }
    const onPod = (pod: RunPod): void => {
      this.observe(pod, launched);
    };
    if (launched.found !== null && this.end === null) {
      onPod(launched.found);
    }
    const watched: ObjectWatchOptions<RunPod> = {
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
    };
    try {
      await (this.options.follow?.(watched) ?? new ObjectWatch(watched).run());
    } catch (error) {
      this.reading.abort();
      throw error;
    } finally {
      clearTimeout(this.timer);
      detach.removeEventListener('abort', onDetach);
    }
  }

  private observe(pod: RunPod, launched: Launched<RunPod>): void {
    if (this.end !== null) {
      return;
    }
    const { request } = this.options;
    this.last = pod;
    this.logs ??= logsAsked(request, containersOf(pod));
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

  private followLogs(view: PodView, { name, namespace }: Launched<RunPod>): void {
    const { api, sink } = this.options;
    for (const container of view.started) {
      if (this.logs?.has(container) !== true) {
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
  private async conclude(launched: Launched<RunPod>, end: RunEnd): Promise<RunEnd | 'detached'> {
    const { api, detach, kill, request } = this.options;
    for (const follower of this.followers.values()) {
      follower.containerEnded();
    }
    const [result, podEvents] = await Promise.all([
      end.outcome === 'succeeded' && request.result !== null && !this.isGone
        ? readResult(request.result, { ...this.place(launched), patienceMs: this.patienceMs })
        : null,
      end.outcome === 'failed' ? this.readEvents(launched) : [],
      request.holdSeconds > 0 && end.outcome !== 'killed' ? this.mark(launched) : undefined,
      ...[...this.followers.values()].map(({ done }) => done),
    ]);
    // Killed while its log was read.
    const after = this.end !== null && this.end !== 'detached' && this.end.outcome === 'killed' ? this.end : end;
    const final = withResult(after, result, request.result !== null);
    if (result !== null && 'json' in result && final.outcome === 'succeeded') {
      this.tell({ type: 'result', json: result.json });
    }
    if (request.holdSeconds > 0 && final.outcome !== 'killed') {
      this.tell({ type: 'outcome', ...final, podEvents });
      await pause(request.holdSeconds * 1000, AbortSignal.any([kill, detach]));
    }
    // Nobody is left who could write the end down: the next try has to find the pod.
    if (detach.aborted && final.outcome !== 'killed') {
      return 'detached';
    }
    const pod = await this.cleanUp(launched, final);
    this.tell({ type: 'ended', ...final, podEvents, pod, requests: api.requests() });
    return final;
  }

  private place({ name, namespace }: Launched<RunPod>): {
    api: ObjectApi;
    namespace: string;
    pod: string;
    signal: AbortSignal;
  } {
    return { api: this.options.api, namespace, pod: name, signal: this.reading.signal };
  }

  private readEvents({ namespace, uid }: Launched<RunPod>): Promise<string[]> {
    return readEvents(this.options.api, namespace, [uid], this.reading.signal, (message) => {
      this.tell({ type: 'warning', message: `the pod's events cannot be read: ${message}` });
    });
  }

  private async cleanUp(launched: Launched<RunPod>, end: RunEnd): Promise<'deleted' | 'kept' | 'gone'> {
    const { api, request } = this.options;
    const { name, namespace, uid } = launched;
    if (this.isGone) {
      return 'gone';
    }
    const killed = end.outcome === 'killed';
    const active = this.last === null || !viewPod(this.last, request.container).terminal;
    const isToGo = killed
      ? request.onKill === 'delete_pod'
      : cleanupOf(request.onFinish, end.outcome, active) === 'delete';
    return cleanUp({
      what: `pod ${name}`,
      isOurs: isOurs(this.last, request.task),
      action: isToGo ? 'delete' : killed ? 'keep' : 'mark',
      remove: () =>
        patiently('delete the pod', CLEANUP_PATIENCE, () =>
          api.delete(podsOf(namespace), name, uid, killed || active ? request.graceSeconds : null),
        ),
      mark: () => this.mark(launched),
      warn: (message) => {
        this.tell({ type: 'warning', message });
      },
    });
  }

  /** Later tries must not go on with a pod whose end is known. */
  private async mark(launched: Launched<RunPod>): Promise<void> {
    const { api, request } = this.options;
    const { name, namespace } = launched;
    if (this.isMarked || this.isGone || request.task === null || !isOurs(this.last, request.task)) {
      return;
    }
    try {
      await markChecked(api, podsOf(namespace), launched, 'pod');
      this.isMarked = true;
    } catch (error) {
      this.tell({ type: 'warning', message: `pod ${name} cannot be labelled: ${(error as Error).message}` });
    }
  }

  private tell(event: RunEvent): void {
    this.options.sink.tell(event);
  }
}

type Containers = Pick<RunManifest, 'containers' | 'initContainers'>;

function containersOf({ spec }: RunPod): Containers {
  const names = (some: readonly { readonly name?: string }[] | undefined): string[] =>
    (some ?? []).map(({ name = '' }) => name).filter((name) => name !== SIDECAR);
  return { containers: names(spec?.containers), initContainers: names(spec?.initContainers) };
}

function logsAsked({ logs, container }: RunRequest, { containers, initContainers }: Containers): ReadonlySet<string> {
  const pick = (asked: 'all' | readonly string[] | null, there: readonly string[]): readonly string[] =>
    asked === 'all' ? there : (asked ?? [container]);
  return new Set([...pick(logs.initContainers, initContainers), ...pick(logs.containers, containers)]);
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
