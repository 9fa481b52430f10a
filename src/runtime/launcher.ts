import { randomUUID } from 'node:crypto';
import type { LaunchPolicy } from '../../constructs/contract.js';
import type { KubeApi } from './api/kube-api.js';
import { steadyNow } from './clock.js';
import type { LaunchConfig } from './config/config-folder.js';
import { ChoreRunner } from './launch/chore-runner.js';
import { CreateQueue } from './launch/create-queue.js';
import { CreateResults } from './launch/create-results.js';
import { Intake } from './launch/intake.js';
import { PodEventReader } from './launch/pod-event-reader.js';
import { PodTracker } from './launch/pod-tracker.js';
import { PodWriter } from './launch/pod-writer.js';
import type { LaunchRecord } from './launch/record.js';
import { RecordStore } from './launch/record-store.js';
import { RevokedIds } from './launch/revoked-ids.js';
import { Settler } from './launch/settler.js';
import { StartPace } from './launch/start-pace.js';
import { EventLog } from './link/event-log.js';
import { Reporter } from './link/reporter.js';
import { SchedulerPeer } from './link/scheduler-peer.js';
import type { Logger } from './log.js';
import { LaunchMeter } from './metrics/launch-meter.js';
import type { Metrics } from './metrics/metrics.js';
import type { LauncherState } from './metrics/state.js';
import type { PodHandler } from './pods/informer.js';
import { PodBuilder } from './pods/pod-builder.js';
import { Session } from './session.js';
import { HandOver } from './standby/hand-over.js';
import { StandbyPool } from './standby/pool.js';

export interface LauncherOptions {
  readonly api: KubeApi;
  readonly config: () => LaunchConfig;
  readonly version: string;
  readonly log: Logger;
  /** What happens is counted there. @default - Nowhere. */
  readonly metrics?: Metrics;
  /** Whose standby pods this launcher keeps; the same after a restart. @default '' */
  readonly owner?: string;
  /** Time of day. */
  readonly now?: () => number;
  /** For waits and for what came first. */
  readonly steady?: () => number;
}

const CHORES_EVERY_MS = 1000;

/**
 * The pod launcher: takes launches from the scheduler's executor, makes a pod of each, follows the pods and tells what
 * becomes of them. It keeps nothing on disk: pods are the truth, and the executor repeats what it believes in. Here its
 * parts are put together, and what one of them sees is passed on to the others.
 */
export class Launcher {
  readonly bootId = randomUUID();
  /** Hears what the API server says about the pods of launches. */
  readonly tracker: PodTracker;
  /** Hears what the executor says. */
  readonly session: Session;

  private readonly peer = new SchedulerPeer();
  private readonly pace = new StartPace();
  private readonly store: RecordStore;
  private readonly events = new EventLog();
  private readonly writer: PodWriter;
  private readonly queue: CreateQueue;
  private readonly choreRunner: ChoreRunner;
  private readonly pool: StandbyPool;
  private readonly handOver: HandOver;
  private readonly listedNamespaces = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  /** Hears what the API server says about pods, and passes it on to all who need it. */
  readonly pods: PodHandler = {
    onPod: (pod) => {
      this.pool.onPod(pod);
      this.tracker.onPod(pod);
    },
    onDeleted: (pod) => {
      this.pool.onDeleted(pod);
      this.tracker.onDeleted(pod);
    },
    onListed: (namespace, startedAt, uids) => {
      this.pool.onListed(namespace, startedAt, uids);
      this.tracker.onListed(namespace, startedAt, uids);
      this.options.metrics?.listed(namespace);
    },
  };
  private readonly now: () => number;
  private readonly steady: () => number;

  constructor(private readonly options: LauncherOptions) {
    const { api, log, config, version, metrics } = options;
    const { peer, events, bootId } = this;
    const now = (this.now = options.now ?? Date.now);
    const steady = (this.steady = options.steady ?? steadyNow);
    const policy = (): LaunchPolicy => config().policy;
    const paced = {
      added: (): void => undefined,
      moved: (record: LaunchRecord): void => {
        this.pace.observe(record, steady());
      },
    };
    const meter = metrics === undefined ? null : new LaunchMeter(metrics, steady);
    const store = (this.store = new RecordStore(meter === null ? [paced] : [paced, meter]));
    const synced = (): boolean => this.synced();
    const builder = new PodBuilder(config);
    const revoked = new RevokedIds();
    const reporter = new Reporter(events, peer, log, now);
    const creating = (): boolean => this.queue.isBusy();
    const writer = (this.writer = new PodWriter(api, log, creating, steady));
    const settler = new Settler(store, writer, policy, now, (record) => meter?.settled(record));
    const tracker = (this.tracker = new PodTracker({
      store,
      reporter,
      settler,
      writer,
      events: new PodEventReader(api, log, steady),
      log,
      now,
      steady,
      isRevoked: (id) => revoked.has(id),
      moved: (namespace, left) => {
        this.moved(namespace, left);
      },
      listed: (namespace) => {
        this.listed(namespace);
      },
    }));
    const throttled = (namespace: string): void => metrics?.throttle(namespace);
    const sink = new CreateResults({ store, tracker, reporter, peer, log, now, throttled });
    const build = (record: LaunchRecord): string => buildPod(builder, record);
    const wanted = (record: LaunchRecord): boolean => record.owner === peer.jobId;
    const pool = (this.pool = new StandbyPool({ ...options, owner: options.owner ?? '', writer, now, steady }));
    const standby = { launch: (record: LaunchRecord) => this.handOver.launch(record) };
    // A claimed standby pod has not the name that a new one would have: what is there must be known first.
    const known = (): boolean => (policy().standbyPods ?? 0) === 0 || synced();
    const creates = { api, store, pace: this.pace, sink, policy, build, wanted, known, standby, log, now, steady };
    const queue = (this.queue = new CreateQueue(creates));
    const live = (): boolean => queue.leaseIsLive();
    this.handOver = new HandOver({ api, store, pool, tracker, sink, settler, peer, policy, live, log, now });
    const intake = new Intake({ store, queue, sink, events, reporter, settler, revoked, peer, policy });
    this.choreRunner = new ChoreRunner({ store, queue, settler, reporter, tracker, policy });
    const parts = { peer, store, events, reporter, intake, queue, settler };
    this.session = new Session({ ...parts, bootId, version, synced, log, now });
  }

  /** Starts the work that only time brings about. */
  start(): void {
    this.timer = setInterval(() => {
      this.chores();
    }, CHORES_EVERY_MS);
  }

  /** Stops creating; resolves when the writes under way are answered or the time is up. Pods live on. */
  async stop(timeoutMs: number): Promise<void> {
    clearInterval(this.timer);
    this.peer.connection = null;
    if (this.session.isDraining()) {
      this.keepStandby();
    }
    await Promise.all([this.queue.close(timeoutMs), this.writer.close(timeoutMs)]);
  }

  /** Have the pods of all namespaces been listed? */
  synced(): boolean {
    return this.options.config().policy.namespaces.every((namespace) => this.listedNamespaces.has(namespace));
  }

  /** Numbers for the health endpoint. */
  status(): Record<string, unknown> {
    const { store } = this;
    return {
      synced: this.synced(),
      connected: this.peer.connected(),
      ...store.counts(),
      unacknowledged: this.events.size,
      ...this.pool.status(),
    };
  }

  /** Numbers for Prometheus, but for the watches. */
  state(): Omit<LauncherState, 'watchAges'> {
    const { store, queue, pool } = this;
    const { standbyReady = 0, standbyStarting = 0 } = pool.status();
    return {
      synced: this.synced(),
      connected: this.peer.connected(),
      stages: store.counts(),
      unacknowledged: this.events.size,
      creates: queue.load(),
      throttled: Object.fromEntries(
        this.options.config().policy.namespaces.map((namespace) => [namespace, queue.isThrottled(namespace)]),
      ),
      standby: { ready: standbyReady, starting: standbyStarting },
    };
  }

  /** What is due by now; `start` calls it every second. */
  chores(): void {
    const { peer } = this;
    this.pace.tick(this.steady());
    this.choreRunner.run({ jobId: peer.jobId, ready: peer.connected() && this.synced() }, this.now());
    this.queue.pump();
    this.keepStandby();
    this.handOver.inquire();
  }

  private keepStandby(): void {
    const { store, queue, peer, session } = this;
    const { namespaces } = this.options.config().policy;
    this.pool.keep({
      draining: session.isDraining(),
      mayCreate: peer.connected() && this.synced() && queue.leaseIsLive(),
      full: queue.isFull(namespaces[0] ?? ''),
      queued: store.count('queued'),
      pending: store.count('creating') + store.count('pending'),
      running: store.count('running'),
    });
  }

  private moved(namespace: string, left: boolean): void {
    if (left) {
      this.queue.roomIn(namespace);
    }
    this.queue.pump();
  }

  private listed(namespace: string): void {
    const before = this.synced();
    this.listedNamespaces.add(namespace);
    if (!before && this.synced()) {
      this.options.log.info(this.status(), 'pods of all namespaces are listed');
      this.session.nowSynced();
    }
  }
}

function buildPod(builder: PodBuilder, { spec, podName, namespace }: LaunchRecord): string {
  if (spec === null) {
    throw new Error('the launch has no specification any more');
  }
  return builder.build(spec, { name: podName, namespace });
}
