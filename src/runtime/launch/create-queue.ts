import { asKubeError, type KubeError } from '../api/errors.js';
import type { KubeApi } from '../api/kube-api.js';
import type { LaunchPolicy } from '../../../constructs/contract.js';
import type { Logger } from '../log.js';
import { PodBuildError } from '../pods/pod.js';
import { viewPod } from '../pods/observe.js';
import { steadyNow } from '../clock.js';
import { backoffMs } from './backoff.js';
import { decideCreate } from './create-decision.js';
import { InFlightLimit } from './in-flight-limit.js';
import { inOrder, type Lane, newLane } from './lane.js';
import { Lease } from './lease.js';
import { type LaunchRecord, logFields } from './record.js';
import type { RecordStore } from './record-store.js';
import type { StartPace } from './start-pace.js';

/** Who is told how creates end. */
export interface CreateSink {
  /** The API server has the pod. */
  created(record: LaunchRecord, uid: string): void;
  /** There is no pod and there will be none. */
  refused(record: LaunchRecord, reason: string, message: string): void;
  /** There was a pod of that name, made by an earlier try, and it is gone. */
  vanished(record: LaunchRecord): void;
  throttled(namespace: string, until: number, reason: string): void;
}

/** Started pods that a launch may have instead of a new one. */
export interface StandbySource {
  /**
   * Gives the launch a standby pod, if there is one for it. null: there is none. Resolves to false when the pod went to
   * somebody else or is gone; else the launch has a pod, and what becomes of it is told.
   */
  launch(record: LaunchRecord): Promise<boolean> | null;
}

export interface CreateQueueOptions {
  readonly api: KubeApi;
  readonly store: RecordStore;
  readonly pace: StartPace;
  readonly sink: CreateSink;
  readonly policy: () => LaunchPolicy;
  /** JSON of the pod. @throws PodBuildError */
  readonly build: (record: LaunchRecord) => string;
  /** Does the connected scheduler stand behind this launch? */
  readonly wanted: (record: LaunchRecord) => boolean;
  /** Are the pods known that launches may have already? @default - Their names are enough. */
  readonly known?: () => boolean;
  readonly standby?: StandbySource;
  readonly log: Logger;
  /** Time of day, for deadlines. */
  readonly now?: () => number;
  /** For waits. */
  readonly steady?: () => number;
  readonly random?: () => number;
}

/** Fewer leave the API server idle between two creates; more only wait there. */
const START_IN_FLIGHT = 32;
const RETRY = { baseMs: 200, capMs: 10_000 };
const QUOTA = { baseMs: 1000, capMs: 15_000 };

/**
 * Creates pods: only under a live lease, before `notAfter`, within the policy's limits, one lane per namespace so that
 * a full namespace does not hold up the others. Every repeat uses the same name.
 */
export class CreateQueue {
  private readonly lanes = new Map<string, Lane>();
  private readonly limit = new InFlightLimit(START_IN_FLIGHT);
  private readonly underWay = new Set<Promise<void>>();
  /** Records whose next try waits for time alone. */
  private readonly backingOff = new Set<LaunchRecord>();
  private readonly currentLease: Lease;
  /** By the steady clock. */
  private pausedUntil = -Infinity;
  private closed = false;
  private turn = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly now: () => number;
  private readonly steady: () => number;
  private readonly random: () => number;

  constructor(private readonly options: CreateQueueOptions) {
    this.now = options.now ?? Date.now;
    this.steady = options.steady ?? steadyNow;
    this.currentLease = new Lease(this.now, this.steady);
    this.random = options.random ?? Math.random;
  }

  /** Creates are allowed for so long; 0 ends the lease. */
  lease(ttlMs: number): void {
    this.currentLease.renew(ttlMs);
    this.pump();
  }

  /** Takes a record of stage `queued` in; one that waits already keeps its place. */
  add(record: LaunchRecord): void {
    const lane = this.lane(record.namespace);
    if (!this.backingOff.has(record) && !lane.again.has(record)) {
      lane.waiting.add(record);
    }
  }

  /**
   * Gives a queued record up whose time is over. Where an earlier create was not answered the API server is asked
   * first: the pod may be there. As creates do, these questions wait while there are many, and the caller asks again.
   */
  expire(record: LaunchRecord): void {
    const met = record.lastProblem === null ? '' : `; the last try met: ${record.lastProblem}`;
    const refuse = (): void => {
      this.options.sink.refused(record, 'NotAfter', `no pod was created before the launch's deadline${met}`);
    };
    if (!record.uncertain) {
      refuse();
      return;
    }
    if (this.backingOff.has(record) || this.underWay.size >= this.options.policy().maxInFlightCreates) {
      return;
    }
    this.options.store.move(record, 'creating');
    const work = this.readBack(record, refuse).finally(() => this.underWay.delete(work));
    this.underWay.add(work);
  }

  /** Something that a quota counts has gone from the namespace: no need to wait for the back-off. */
  roomIn(namespace: string): void {
    const lane = this.lanes.get(namespace);
    if (lane !== undefined && lane.quotaFailures > 0) {
      lane.blockedUntil = -Infinity;
      this.pump();
    }
  }

  /** Starts as many creates as are allowed now. */
  pump(): void {
    const now = this.steady();
    while (this.mayCreate(now)) {
      const record = this.next(now);
      if (record === null) {
        break;
      }
      this.start(record);
    }
    this.wakeLater(now);
  }

  /** Ends the queue: no new creates; resolves when those under way are answered, or after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.allSettled([...this.underWay]), bound]);
    clearTimeout(timer);
  }

  leaseIsLive(): boolean {
    return this.currentLease.live();
  }

  /** Is the namespace out of quota, as far as the last create there met? */
  isFull(namespace: string): boolean {
    return (this.lanes.get(namespace)?.quotaFailures ?? 0) > 0;
  }

  /** Are about as many creates under way as may be? */
  isBusy(): boolean {
    const { inFlight, limit } = this.load();
    return inFlight > limit / 2;
  }

  /** Creates under way, and how many there may be at once now. */
  load(): { inFlight: number; limit: number } {
    return { inFlight: this.underWay.size, limit: this.limit.value(this.options.policy().maxInFlightCreates) };
  }

  /** Do launches of the namespace wait because of its quota, or because the API server asked for it? */
  isThrottled(namespace: string): boolean {
    const lane = this.lane(namespace);
    const waits = lane.waiting.size + lane.again.size + lane.creating > 0;
    return waits && (lane.quotaFailures > 0 || this.pausedUntil > this.steady());
  }

  private mayCreate(now: number): boolean {
    const { known = (): boolean => true } = this.options;
    if (this.closed || !this.leaseIsLive() || now < this.pausedUntil || !known()) {
      return false;
    }
    const { store } = this.options;
    const { maxInFlightCreates, maxPendingPods, maxPods, paceStarts } = this.options.policy();
    const notRunning = store.count('creating') + store.count('pending');
    return (
      this.underWay.size < this.limit.value(maxInFlightCreates) &&
      (maxPendingPods === 0 || notRunning < maxPendingPods) &&
      (paceStarts !== true || this.options.pace.hasRoom(store.count('creating'))) &&
      (maxPods === 0 || notRunning + store.count('running') < maxPods)
    );
  }

  /** The next record whose namespace is open, the namespaces in turn. */
  private next(now: number): LaunchRecord | null {
    const lanes = [...this.lanes.values()];
    for (let step = 0; step < lanes.length; step += 1) {
      const lane = lanes[(this.turn + step) % lanes.length];
      if (lane === undefined || lane.blockedUntil > now) {
        continue;
      }
      // While a namespace is full one create at a time finds out whether there is room again.
      if (lane.quotaFailures > 0 && lane.creating > 0) {
        continue;
      }
      for (const record of inOrder(lane)) {
        const expired = record.spec === null || record.spec.notAfter <= this.now();
        if (record.stage === 'queued' && !record.revoked && !expired && this.options.wanted(record)) {
          this.turn = (this.turn + step + 1) % lanes.length;
          return record;
        }
      }
    }
    return null;
  }

  private start(record: LaunchRecord): void {
    const lane = this.lane(record.namespace);
    this.options.store.move(record, 'creating');
    lane.creating += 1;
    const work = this.create(record, lane).finally(() => {
      this.underWay.delete(work);
      lane.creating -= 1;
      this.pump();
    });
    this.underWay.add(work);
  }

  private async create(record: LaunchRecord, lane: Lane): Promise<void> {
    const { api, sink, policy } = this.options;
    const standby = this.options.standby?.launch(record) ?? null;
    if (standby !== null) {
      if (!(await standby)) {
        this.options.store.move(record, 'queued');
        lane.again.add(record);
      }
      return;
    }
    let body: string;
    try {
      body = this.options.build(record);
    } catch (error) {
      const reason = error instanceof PodBuildError ? error.reason : 'InvalidPod';
      sink.refused(record, reason, (error as Error).message);
      return;
    }
    try {
      const uid = await api.createPod(record.namespace, body, () => !this.leaseIsLive());
      this.limit.succeeded(policy().maxInFlightCreates);
      lane.quotaFailures = 0;
      sink.created(record, uid);
    } catch (error) {
      await this.failed(record, lane, asKubeError(error));
    }
  }

  private async failed(record: LaunchRecord, lane: Lane, error: KubeError): Promise<void> {
    // The watch may have shown the pod before the create's answer, or in place of it.
    if (record.stage !== 'creating') {
      return;
    }
    const { sink, log } = this.options;
    const now = this.steady();
    const decision = decideCreate(error);
    switch (decision.next) {
      case 'read-back':
        await this.readBack(record, () => {
          sink.vanished(record);
        });
        return;
      case 'refuse': {
        const refuse = (): void => {
          sink.refused(record, decision.reason, decision.message);
        };
        // This try made no pod, but an earlier one that was not answered may have.
        if (record.uncertain) {
          await this.readBack(record, refuse);
        } else {
          refuse();
        }
        return;
      }
      case 'quota':
        record.lastProblem = decision.message;
        // Of many creates that meet the full quota together only the first counts.
        if (now >= lane.blockedUntil) {
          lane.quotaFailures += 1;
          lane.blockedUntil = now + backoffMs(QUOTA, lane.quotaFailures, this.random());
          sink.throttled(record.namespace, this.timeOf(lane.blockedUntil), decision.message);
        }
        this.options.store.move(record, 'queued');
        lane.again.add(record);
        return;
      case 'retry': {
        record.lastProblem = error.message;
        record.uncertain ||= decision.uncertain;
        record.createFailures += 1;
        if (decision.overloaded) {
          this.limit.overloaded(now);
        }
        if (decision.retryAfterMs !== null) {
          this.pausedUntil = Math.max(this.pausedUntil, now + decision.retryAfterMs);
          sink.throttled(record.namespace, this.timeOf(this.pausedUntil), error.message);
        }
        const waitMs = (decision.retryAfterMs ?? 0) + backoffMs(RETRY, record.createFailures, this.random());
        log.warn(
          { ...logFields(record), status: error.status, error: error.message, waitMs },
          'create will be repeated',
        );
        this.later(record, waitMs);
      }
    }
  }

  /** The name is taken: by an earlier try of this very launch, which is a success, or by something foreign. */
  private async readBack(record: LaunchRecord, absent: () => void): Promise<void> {
    const { api, sink, log } = this.options;
    try {
      const pod = await api.getPod(record.namespace, record.podName);
      if (record.stage !== 'creating') {
        return;
      }
      const view = pod === null ? null : viewPod(pod);
      if (pod === null) {
        absent();
      } else if (view?.id === record.id && view.attempt === record.attempt) {
        sink.created(record, view.uid);
      } else {
        sink.refused(record, 'AlreadyExists', `a pod '${record.podName}' that is not of this launch exists already`);
      }
    } catch (error) {
      const failure = asKubeError(error);
      if (record.stage === 'creating') {
        record.uncertain = true;
        record.createFailures += 1;
        log.warn(
          { ...logFields(record), status: failure.status, error: failure.message },
          'read-back will be repeated',
        );
        this.later(record, backoffMs(RETRY, record.createFailures, this.random()));
      }
    }
  }

  private later(record: LaunchRecord, waitMs: number): void {
    this.options.store.move(record, 'queued');
    this.backingOff.add(record);
    setTimeout(() => {
      this.backingOff.delete(record);
      this.lane(record.namespace).again.add(record);
      this.pump();
    }, waitMs).unref();
  }

  /** A moment of the steady clock as time of day, for people. */
  private timeOf(steady: number): number {
    return Math.round(this.now() + steady - this.steady());
  }

  /** One timer for the nearest moment at which something that waits for time alone may go on. */
  private wakeLater(now: number): void {
    clearTimeout(this.timer);
    if (this.closed) {
      return;
    }
    const moments = [...this.lanes.values()]
      .filter((lane) => lane.waiting.size + lane.again.size > 0)
      .map((lane) => Math.max(lane.blockedUntil, this.pausedUntil))
      .filter((at) => at > now);
    if (moments.length > 0) {
      this.timer = setTimeout(
        () => {
          this.pump();
        },
        Math.min(...moments) - now + 1,
      ).unref();
    }
  }

  private lane(namespace: string): Lane {
    let lane = this.lanes.get(namespace);
    if (lane === undefined) {
      lane = newLane();
      this.lanes.set(namespace, lane);
    }
    return lane;
  }
}
