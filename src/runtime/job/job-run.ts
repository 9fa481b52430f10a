import { steadyNow } from '../clock.js';
import { pause } from '../pause.js';
import { CLEANUP_PATIENCE, cleanUp, isOurs, markChecked } from '../run/clean-up.js';
import { RunError } from '../run/events.js';
import { RUN_LABELS } from '../run/identity.js';
import type { JobEnd, JobEvent, JobLeft, JobSink } from './events.js';
import { buildJobManifest, type JobManifest } from './manifest.js';
import { endOfJob, explainingPods, failedJob } from './outcome.js';
import { type GivenUp, JobPods } from './pods.js';
import type { JobRequest } from './request.js';
import { readResults } from './results.js';
import { TailSink } from './tail.js';
import { isParallel, jobsOf, type JobView, podsSelector, type RunJob, viewJob } from './view.js';
import { launch, type Launched } from '../run/launch.js';
import { ObjectWatch } from '../run/object-watch.js';
import { cleanupOf } from '../run/outcome.js';
import { patiently } from '../run/patience.js';
import { podsOf, type RunPod } from '../run/pod-view.js';
import { readEvents } from '../run/read-events.js';
import type { RunOptions } from '../run/run-options.js';
import { SelectionWatch } from '../run/selection-watch.js';

/** How a run was left: at the Job's end, right after its creation, or with the Job still there. */
export type JobRunLeft = JobEnd | 'created' | 'detached';

/** The Job may be told to have ended before its last pods are: two watches have two paces. */
const CATCH_UP_MS = 2000;
const CATCH_UP_LOOK_MS = 20;

/** One run of a Job: makes or finds it, follows it, its pods and their logs, cleans up. */
export class JobRun {
  private readonly manifest: JobManifest;
  private readonly watching = new AbortController();
  private readonly watchingPods = new AbortController();
  private readonly reading = new AbortController();
  private readonly sink: JobSink;
  private readonly tail: TailSink | null;
  private readonly patienceMs: number;
  private pods: JobPods | null = null;
  private startedAt = steadyNow();
  private timer: NodeJS.Timeout | undefined;
  private last: RunJob | null = null;
  private isGone = false;
  private told = '';
  private end: (() => JobEnd) | 'detached' | null = null;
  private killed = false;

  /** @throws ConfigError when the request makes no Job */
  constructor(private readonly options: RunOptions<JobRequest, JobEvent>) {
    const { request, sink } = options;
    this.manifest = buildJobManifest(request);
    this.tail = request.tail === null ? null : new TailSink(sink, request.tail);
    this.sink = this.tail ?? sink;
    this.patienceMs = request.patienceSeconds * 1000;
  }

  /** @throws RunError */
  async run(): Promise<JobRunLeft> {
    const { api, request, detach, kill, random, sink } = this.options;
    const namespace = this.manifest.namespace ?? request.namespace ?? this.options.defaultNamespace;
    const launched = await launch<RunJob>({
      api,
      where: jobsOf(namespace),
      request: { ...request, exactName: request.exactName && (request.name !== null || this.manifest.isNamed) },
      name: this.manifest.name,
      body: this.manifest.job,
      operator: RUN_LABELS.JOB_OPERATOR,
      hasEnded: request.replaceEnded ? (job) => viewJob(job).stage === 'ended' : undefined,
      random,
      sink,
      signal: AbortSignal.any([kill, detach]),
    });
    const { how, name, uid } = launched;
    this.tell({ type: how, name, namespace, uid });
    if (request.until === 'created' && !kill.aborted) {
      this.tail?.end();
      return 'created';
    }
    try {
      await this.follow(launched, namespace);
      return await this.conclude(launched, namespace);
    } finally {
      clearTimeout(this.timer);
      this.reading.abort();
      this.tail?.end();
    }
  }

  private async follow(launched: Launched<RunJob>, namespace: string): Promise<void> {
    const { api, request, detach, kill } = this.options;
    const { name, uid, resourceVersion } = launched;
    const pods = new JobPods({
      api,
      request,
      manifest: this.manifest,
      namespace,
      parallel: isParallel(launched.found ?? this.manifest.job),
      sink: this.sink,
      reading: this.reading.signal,
      patienceMs: this.patienceMs,
    });
    this.pods = pods;
    this.startedAt = steadyNow();
    const onKill = (): void => {
      this.killed = true;
      this.finish(() => ({ ...this.failure('Killed', 'the run was told to end'), outcome: 'killed' }));
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
    if (launched.found !== null && this.end === null) {
      this.observe(launched.found);
    }
    const ofJob = new ObjectWatch<RunJob>({
      api,
      where: jobsOf(namespace),
      name,
      uid,
      resourceVersion,
      patienceMs: this.patienceMs,
      signal: this.watching.signal,
      onObject: (job) => {
        this.observe(job);
      },
      onGone: (last) => {
        this.isGone = true;
        this.observe(last ?? this.last ?? {});
        this.finish(() => this.failure('Deleted', 'the Job was deleted before it ended'));
      },
    });
    const ofPods = new SelectionWatch<RunPod>({
      api,
      where: podsOf(namespace),
      selector: { labels: podsSelector(uid) },
      patienceMs: this.patienceMs,
      signal: this.watchingPods.signal,
      onObject: (pod) => {
        this.giveUp(pods.observe(pod));
        this.arm();
      },
      onGone: (gone, last) => {
        pods.gone(gone, last);
      },
    });
    try {
      await Promise.all([
        ofJob
          .run()
          .then(() => this.catchUp(namespace, uid))
          .finally(() => {
            this.watchingPods.abort();
          }),
        ofPods.run().catch((error: unknown) => {
          this.watching.abort();
          throw error;
        }),
      ]);
    } catch (error) {
      this.reading.abort();
      await this.undo(launched, namespace, error);
      throw error;
    } finally {
      clearTimeout(this.timer);
      detach.removeEventListener('abort', onDetach);
    }
  }

  private observe(job: RunJob): void {
    if (this.end !== null) {
      return;
    }
    this.last = job;
    const view = viewJob(job);
    this.tellState(view);
    if (view.stage === 'ended') {
      // Its pods may have more to say until the end is made.
      this.finish(() => endOfJob(view, this.pods?.seen() ?? [], this.manifest.container));
    } else {
      if (view.stage === 'suspended') {
        this.startedAt = steadyNow();
      }
      this.arm();
    }
  }

  private giveUp(why: GivenUp | null): void {
    if (why !== null) {
      this.finish(() => this.failure(why.reason, why.message));
    }
  }

  private finish(end: (() => JobEnd) | 'detached'): void {
    if (this.end === null || this.killed) {
      this.end = end;
      this.watching.abort();
    }
  }

  /** A timer for the first deadline of the pods, or of a Job that gets none. */
  private arm(): void {
    clearTimeout(this.timer);
    const { scheduleTimeoutSeconds: limit } = this.options.request;
    const view = this.last === null ? null : viewJob(this.last);
    if (this.end !== null || view?.stage === 'suspended') {
      return;
    }
    const isEmpty = this.pods?.seen().length === 0;
    const none = {
      at: this.startedAt + (limit ?? 0) * 1000,
      reason: 'NoPods',
      message: `the Job has got no pod in ${limit ?? 0} s`,
    };
    const found = isEmpty ? (limit === null ? null : none) : (this.pods?.deadline(steadyNow()) ?? null);
    if (found !== null) {
      const { at, reason, message } = found;
      const told = 'pod' in found ? `${found.pod}: ${message}` : message;
      this.timer = setTimeout(
        () => {
          this.giveUp({ reason, message: told });
        },
        Math.max(0, at - steadyNow()),
      );
    }
  }

  /** The pods that the Job counts must be known before their logs are read to the end. */
  private async catchUp(namespace: string, uid: string): Promise<void> {
    const { pods } = this;
    const { signal } = this.watchingPods;
    if (pods === null || this.end === 'detached' || this.killed || this.isGone || signal.aborted) {
      return;
    }
    const { succeeded, failed, stage } = viewJob(this.last ?? {});
    const until = steadyNow() + CATCH_UP_MS;
    const isBehind = (): boolean => stage === 'ended' && pods.ended() < succeeded + failed;
    while (isBehind() && steadyNow() < until && !this.isKilled()) {
      await pause(CATCH_UP_LOOK_MS, signal);
    }
    if (isBehind() && !this.isKilled()) {
      // Some were gone before this run began, or their news is late.
      const { api } = this.options;
      const patience = { patienceMs: this.patienceMs, signal };
      const selector = { labels: podsSelector(uid) };
      const { items } = await patiently('list pods', patience, () => api.list(podsOf(namespace), selector));
      items.forEach((pod) => pods.observe(pod));
    }
  }

  private isKilled(): boolean {
    return this.killed;
  }

  private tellState({ stage: state, active, succeeded, failed, completions, reason, message }: JobView): void {
    const event = { type: 'state', state, active, succeeded, failed, completions, reason, message } as const;
    const now = JSON.stringify(event);
    if (now !== this.told) {
      this.told = now;
      this.tell(event);
    }
  }

  private failure(reason: string, message: string): JobEnd {
    const view = this.last === null ? null : viewJob(this.last);
    return failedJob(reason, message, view, this.pods?.seen() ?? [], this.manifest.container);
  }

  /** Everything that is to be read is read before anything is deleted. */
  private async conclude(launched: Launched<RunJob>, namespace: string): Promise<JobRunLeft> {
    const { api, request } = this.options;
    if (this.end === 'detached') {
      return 'detached';
    }
    const found = (): JobEnd =>
      this.end === null || this.end === 'detached' ? this.failure('Deleted', 'the Job is gone') : this.end();
    const end = found();
    const [results, podEvents] = await Promise.all([
      end.outcome === 'succeeded' && request.result !== null
        ? readResults(request.result, this.pods?.seen() ?? [], {
            api,
            namespace,
            patienceMs: this.patienceMs,
            signal: this.reading.signal,
          })
        : null,
      end.outcome === 'failed' ? this.readEvents(launched.uid, namespace) : [],
      this.pods?.readLogs(),
    ]);
    this.tail?.end();
    // Killed while the logs were read.
    const after = this.killed ? found() : end;
    const final = withResults(after, results);
    if (results !== null && 'json' in results && final.outcome === 'succeeded') {
      this.tell({ type: 'result', json: results.json });
    }
    // Nobody is left who could write the end down: the next try has to find the Job.
    if (this.options.detach.aborted && final.outcome !== 'killed') {
      return 'detached';
    }
    const job = await this.cleanUp(launched, namespace, final);
    this.tell({ type: 'ended', ...final, podEvents, job, requests: api.requests() });
    return final;
  }

  private readEvents(uid: string, namespace: string): Promise<string[]> {
    const explaining = explainingPods(this.pods?.seen() ?? [], this.manifest.container);
    const uids = [uid, ...explaining.map(({ metadata }) => metadata?.uid ?? '')];
    return readEvents(this.options.api, namespace, uids, this.reading.signal, (message) => {
      this.tell({ type: 'warning', message: `the events of the Job cannot be read: ${message}` });
    });
  }

  private async cleanUp(launched: Launched<RunJob>, namespace: string, end: JobEnd): Promise<JobLeft> {
    const { api, request } = this.options;
    const { name, uid } = launched;
    if (this.isGone) {
      return 'gone';
    }
    const killed = end.outcome === 'killed';
    const active = this.last === null || viewJob(this.last).stage !== 'ended';
    // A Job that is given up would go on beside the next try.
    const isToGo = killed
      ? request.onKill === 'delete_pod'
      : active || cleanupOf(request.onFinish, end.outcome, active) === 'delete';
    return cleanUp({
      what: `Job ${name}`,
      isOurs: isOurs(this.last, request.task),
      action: isToGo ? 'delete' : killed || request.task === null ? 'keep' : 'mark',
      remove: () => {
        const propagation = active ? request.propagation : 'Background';
        return patiently('delete the Job', CLEANUP_PATIENCE, () =>
          api.delete(jobsOf(namespace), name, uid, null, propagation),
        );
      },
      mark: () => markChecked(api, jobsOf(namespace), launched, 'Job'),
      warn: (message) => {
        this.tell({ type: 'warning', message });
      },
    });
  }

  /** What may not be followed is not left running; a Job that cannot be followed now is gone on with later. */
  private async undo({ how, name, uid }: Launched<RunJob>, namespace: string, error: unknown): Promise<void> {
    if (how !== 'created' || !(error instanceof RunError) || error.code !== 'Forbidden') {
      return;
    }
    const { api, request } = this.options;
    const { propagation } = request;
    await api.delete(jobsOf(namespace), name, uid, null, propagation).catch((thrown: unknown) => {
      this.tell({ type: 'warning', message: `Job ${name} is left behind: ${(thrown as Error).message}` });
    });
  }

  private tell(event: JobEvent): void {
    this.sink.tell(event);
  }
}

function withResults(end: JobEnd, results: Awaited<ReturnType<typeof readResults>> | null): JobEnd {
  return end.outcome !== 'succeeded' || results === null || 'json' in results
    ? end
    : { ...end, outcome: 'failed', reason: results.reason, message: results.message };
}
