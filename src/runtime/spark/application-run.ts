import { KubeError } from '../api/errors.js';
import { steadyNow } from '../clock.js';
import { describeEvents } from '../pods/events.js';
import { CLEANUP_PATIENCE, cleanUp, isOurs, markChecked } from '../run/clean-up.js';
import { RunError } from '../run/events.js';
import { launch, type Launched } from '../run/launch.js';
import { LogFollower } from '../run/log-follower.js';
import { ObjectWatch } from '../run/object-watch.js';
import { cleanupOf, endOf } from '../run/outcome.js';
import { patiently } from '../run/patience.js';
import { podsOf, type RunPod, viewPod } from '../run/pod-view.js';
import type { RunOptions } from '../run/run-options.js';
import { type ApplicationView, applicationsOf, type SparkApplication, viewApplication } from './application.js';
import type { ApplicationEnd, ApplicationEvent } from './application-events.js';
import { APPLICATION_OPERATOR, type ApplicationManifest, buildApplicationManifest } from './application-manifest.js';
import type { ApplicationRequest } from './application-request.js';

/** How a run was left: at the end, right after the creation, or with the application still there. */
export type ApplicationLeft = ApplicationEnd | 'created' | 'detached';

const EXPLAIN_PATIENCE_MS = 5000;

interface Follower {
  readonly log: LogFollower;
  readonly done: Promise<void>;
}

/** One run of a SparkApplication, which Spark's operator makes into pods: makes or finds it, follows it, cleans up. */
export class ApplicationRun {
  private readonly manifest: ApplicationManifest;
  private readonly namespace: string;
  private readonly followers = new Map<string, Follower>();
  private readonly watching = new AbortController();
  private readonly reading = new AbortController();
  private readonly patienceMs: number;
  private timer: NodeJS.Timeout | undefined;
  private waitsSince: number | null = null;
  private last: SparkApplication | null = null;
  private isGone = false;
  private told = '';
  private end: ApplicationEnd | 'detached' | null = null;

  /** @throws ConfigError when the request makes no SparkApplication */
  constructor(private readonly options: RunOptions<ApplicationRequest, ApplicationEvent>) {
    const { request } = options;
    this.manifest = buildApplicationManifest(request);
    this.namespace = this.manifest.namespace ?? request.namespace ?? options.defaultNamespace;
    this.patienceMs = request.patienceSeconds * 1000;
  }

  /** @throws RunError */
  async run(): Promise<ApplicationLeft> {
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
    return this.conclude(launched, this.end ?? this.failure('Deleted', 'the SparkApplication is gone'));
  }

  private async launch(): Promise<Launched<SparkApplication>> {
    const { api, request, detach, kill, random, sink } = this.options;
    const { application, name } = this.manifest;
    try {
      return await launch<SparkApplication>({
        api,
        where: applicationsOf(this.namespace),
        request: { ...request, scheduleTimeoutSeconds: request.startupTimeoutSeconds },
        body: application,
        name,
        operator: APPLICATION_OPERATOR,
        random,
        sink,
        signal: AbortSignal.any([kill, detach]),
      });
    } catch (error) {
      const cause = error instanceof RunError ? error.cause : error;
      const isKindMissing = cause instanceof KubeError && cause.status === 404 && !cause.message.includes('namespaces');
      if (isKindMissing) {
        const message =
          'the cluster has no SparkApplication (sparkoperator.k8s.io/v1beta2): install the Spark operator';
        throw new RunError('Refused', message, error);
      }
      throw error;
    }
  }

  private async follow({ name, uid, resourceVersion, found }: Launched<SparkApplication>): Promise<void> {
    const { api, detach, kill } = this.options;
    const onKill = (): void => {
      this.finish({ ...this.failure('Killed', 'the run was told to end'), outcome: 'killed' });
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
    // One that was made just now is waited for, too.
    this.observe(found ?? {});
    const watch = new ObjectWatch<SparkApplication>({
      api,
      where: applicationsOf(this.namespace),
      name,
      uid,
      resourceVersion,
      patienceMs: this.patienceMs,
      signal: this.watching.signal,
      onObject: (application) => {
        this.observe(application);
      },
      onGone: (last) => {
        this.isGone = true;
        this.observe(last ?? this.last ?? {});
        this.finish(this.failure('Deleted', 'the SparkApplication was deleted before it ended'));
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

  private observe(application: SparkApplication): void {
    if (this.end !== null) {
      return;
    }
    this.last = application;
    const view = viewApplication(application);
    this.tellState(view);
    this.followLog(view);
    if (view.succeeded === true) {
      this.finish({ outcome: 'succeeded', exitCode: null, reason: null, message: null, output: null });
    } else if (view.succeeded === false) {
      this.finish(this.failure(view.state, view.message ?? `the SparkApplication is ${view.state}`));
    } else {
      this.arm(view);
    }
  }

  private finish(end: ApplicationEnd | 'detached'): void {
    const killed = end !== 'detached' && end.outcome === 'killed';
    if (this.end === null || killed) {
      this.end = end;
      this.watching.abort();
    }
  }

  private failure(reason: string, message: string): ApplicationEnd {
    return { outcome: 'failed', exitCode: null, reason, message, output: null };
  }

  private arm({ stage, state, message }: ApplicationView): void {
    clearTimeout(this.timer);
    const { startupTimeoutSeconds: limit } = this.options.request;
    this.waitsSince = stage === 'running' ? null : (this.waitsSince ?? steadyNow());
    if (this.waitsSince === null || limit === null) {
      return;
    }
    const nobody = `nobody has taken the SparkApplication in ${limit} s: is the Spark operator there, and does it watch namespace ${this.namespace}?`;
    const still = `the driver does not run after ${limit} s: the SparkApplication is ${state}${message === null ? '' : `: ${message}`}`;
    this.timer = setTimeout(
      () => {
        this.finish(this.failure('StartupTimeout', stage === 'new' ? nobody : still));
      },
      Math.max(0, this.waitsSince + limit * 1000 - steadyNow()),
    );
  }

  private tellState({ stage, state, message }: ApplicationView): void {
    const event = { type: 'state', state: stage, reason: state === '' ? null : state, message } as const;
    const now = JSON.stringify(event);
    if (now !== this.told) {
      this.told = now;
      this.tell(event);
    }
  }

  /** A restarted application has another driver, of the same name. */
  private followLog({ driver, stage }: ApplicationView): void {
    const { api, request, sink } = this.options;
    if (!request.logs || driver === null || (stage !== 'running' && stage !== 'ended')) {
      return;
    }
    const key = `${driver.pod} ${driver.attempt}`;
    if (this.followers.has(key)) {
      return;
    }
    this.endLogs();
    const log = new LogFollower({
      api,
      namespace: this.namespace,
      pod: driver.pod,
      container: request.container,
      sink,
      signal: this.reading.signal,
      patienceMs: this.patienceMs,
    });
    this.followers.set(key, { log, done: log.run() });
  }

  private endLogs(): void {
    for (const { log } of this.followers.values()) {
      log.containerEnded();
    }
  }

  /** Everything that is to be read is read before anything is deleted. */
  private async conclude(launched: Launched<SparkApplication>, end: ApplicationEnd): Promise<ApplicationEnd> {
    this.endLogs();
    const [explained] = await Promise.all([
      end.outcome === 'killed' ? { end, podEvents: [] } : this.explain(launched, end),
      ...[...this.followers.values()].map(({ done }) => done),
    ]);
    // Killed while its log was read.
    const killed = this.end !== null && this.end !== 'detached' && this.end.outcome === 'killed';
    const final = killed && this.end !== 'detached' && this.end !== null ? this.end : explained.end;
    const application = await this.cleanUp(launched, final);
    const { podEvents } = explained;
    this.tell({ type: 'ended', ...final, podEvents, application, requests: this.options.api.requests() });
    return final;
  }

  /** The driver's pod knows more than its application: an exit code, a reason, what the node did to it. */
  private async explain(
    { uid }: Launched<SparkApplication>,
    end: ApplicationEnd,
  ): Promise<{ readonly end: ApplicationEnd; readonly podEvents: readonly string[] }> {
    const { api, request } = this.options;
    const driver = viewApplication(this.last ?? {}).driver?.pod;
    const patience = { patienceMs: EXPLAIN_PATIENCE_MS, signal: this.reading.signal };
    try {
      const pod =
        driver === undefined
          ? null
          : await patiently('read the driver', patience, () => api.get(podsOf(this.namespace), driver));
      const uids =
        end.outcome === 'failed' ? [uid, ...(pod?.metadata?.uid === undefined ? [] : [pod.metadata.uid])] : [];
      const found = await Promise.all(
        uids.map((one) => patiently('list events', patience, () => api.events(this.namespace, one))),
      );
      return {
        end: pod === null ? end : withDriver(end, pod, request.container),
        podEvents: describeEvents(found.flat()),
      };
    } catch (error) {
      // It explains an end; without it that is one all the same.
      this.tell({ type: 'warning', message: `why it ended cannot be read: ${(error as Error).message}` });
      return { end, podEvents: [] };
    }
  }

  private async cleanUp(
    launched: Launched<SparkApplication>,
    end: ApplicationEnd,
  ): Promise<'deleted' | 'kept' | 'gone'> {
    const { api, request } = this.options;
    const { name, uid } = launched;
    if (this.isGone) {
      return 'gone';
    }
    const where = applicationsOf(this.namespace);
    const killed = end.outcome === 'killed';
    const active = this.last === null || viewApplication(this.last).stage !== 'ended';
    // One that is given up would go on beside the next try.
    const isToGo = killed
      ? request.onKill === 'delete_pod'
      : active || cleanupOf(request.onFinish, end.outcome, active) === 'delete';
    return cleanUp({
      what: `SparkApplication ${name}`,
      isOurs: isOurs(this.last, request.task),
      action: isToGo ? 'delete' : killed || request.task === null ? 'keep' : 'mark',
      // Its driver goes with it, and the executors with that.
      remove: () => patiently('delete the SparkApplication', CLEANUP_PATIENCE, () => api.delete(where, name, uid)),
      mark: () => markChecked(api, where, launched, 'SparkApplication'),
      warn: (message) => {
        this.tell({ type: 'warning', message });
      },
    });
  }

  private tell(event: ApplicationEvent): void {
    this.options.sink.tell(event);
  }
}

function withDriver(end: ApplicationEnd, pod: RunPod, container: string): ApplicationEnd {
  const { exitCode, message, output, reason } = endOf(pod, container);
  if (end.outcome !== 'failed') {
    return { ...end, exitCode };
  }
  const view = viewPod(pod, container);
  if (!view.terminal && !view.mainEnded) {
    const waits = [view.reason, view.message].filter((part) => part !== null).join(': ');
    return { ...end, message: waits === '' ? end.message : `${end.message ?? ''}; its driver: ${waits}` };
  }
  const isPodsOwn = reason !== null && exitCode !== 0;
  const told = [end.message, isPodsOwn ? message : null].filter((part) => part !== null).join('; ');
  return { ...end, exitCode, output, reason: isPodsOwn ? reason : end.reason, message: told === '' ? null : told };
}
