import { randomUUID } from 'node:crypto';
import { PROTOCOL_VERSION } from '../../constructs/contract.js';
import type { KubeApi } from './api/kube-api.js';
import type { LaunchConfig } from './config/config-folder.js';
import { CreateQueue, type CreateSink } from './launch/create-queue.js';
import { ORPHAN_AFTER_MS, PodTracker } from './launch/pod-tracker.js';
import { PodWriter } from './launch/pod-writer.js';
import { type LaunchRecord, logFields, newRecord } from './launch/record.js';
import { RecordStore } from './launch/record-store.js';
import { Settler } from './launch/settler.js';
import { ChoreRunner } from './launch/chore-runner.js';
import { EventLog } from './link/event-log.js';
import type { BadLaunch, LauncherMessage, LaunchRef, LaunchSpec, ShimMessage } from './link/messages.js';
import { type Peer, Reporter } from './link/reporter.js';
import type { LinkHandler } from './link/server.js';
import type { Logger } from './log.js';
import { PodBuilder } from './pods/pod-builder.js';
import { PodBuildError, placePod } from './pods/pod.js';

export interface LauncherOptions {
  readonly api: KubeApi;
  readonly config: () => LaunchConfig;
  readonly version: string;
  readonly log: Logger;
  readonly now?: () => number;
}

const CHORES_EVERY_MS = 1000;
const MAX_LEASE_MS = 60_000;
const REMEMBERED_REVOKES = 20_000;

/**
 * The pod launcher: takes launches from the scheduler's executor, makes a pod of each, follows the pods and tells what
 * becomes of them. It keeps nothing on disk: pods are the truth, and the executor repeats what it believes in.
 */
export class Launcher implements LinkHandler, CreateSink, Peer {
  readonly bootId = randomUUID();
  readonly tracker: PodTracker;
  jobId: string | null = null;

  private readonly store = new RecordStore();
  private readonly events = new EventLog();
  private readonly reporter: Reporter;
  private readonly writer: PodWriter;
  private readonly settler: Settler;
  private readonly queue: CreateQueue;
  private readonly listedNamespaces = new Set<string>();
  private readonly revoked = new Set<string>();
  private readonly builder: PodBuilder;
  private readonly choreRunner: ChoreRunner;
  private onceSynced: (() => void)[] = [];
  private connection: ((message: LauncherMessage) => void) | null = null;
  private draining = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly now: () => number;

  constructor(private readonly options: LauncherOptions) {
    const { api, log, config } = options;
    const now = (this.now = options.now ?? Date.now);
    const policy = (): LaunchConfig['policy'] => config().policy;
    this.reporter = new Reporter(this.events, this, log, now);
    this.writer = new PodWriter(api, log, now);
    this.settler = new Settler(this.store, this.writer, policy, now);
    this.queue = new CreateQueue({
      api,
      store: this.store,
      sink: this,
      policy,
      build: (record) => this.build(record),
      wanted: (record) => record.owner === this.jobId,
      log,
      now,
    });
    const { store, queue, settler, reporter } = this;
    this.builder = new PodBuilder(config);
    this.choreRunner = new ChoreRunner({ store, queue, settler, reporter, policy });
    this.tracker = new PodTracker({
      store: this.store,
      reporter: this.reporter,
      settler: this.settler,
      writer: this.writer,
      log,
      now,
      isRevoked: (id) => this.revoked.has(id),
      moved: (namespace, left) => {
        this.moved(namespace, left);
      },
      listed: (namespace) => {
        this.listed(namespace);
      },
    });
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
    this.connection = null;
    await Promise.all([this.queue.close(timeoutMs), this.writer.close(timeoutMs)]);
  }

  /** Have the pods of all namespaces been listed? */
  synced(): boolean {
    return this.config().policy.namespaces.every((namespace) => this.listedNamespaces.has(namespace));
  }

  /** Numbers for the health endpoint. */
  status(): Record<string, unknown> {
    const { store } = this;
    return {
      synced: this.synced(),
      connected: this.connection !== null,
      queued: store.count('queued'),
      creating: store.count('creating'),
      pending: store.count('pending'),
      running: store.count('running'),
      ended: store.count('ended'),
      unacknowledged: this.events.size,
    };
  }

  // What the executor says.

  hello(message: Extract<ShimMessage, { type: 'HELLO' }>, send: (message: LauncherMessage) => void): void {
    if (message.jobId !== this.jobId) {
      // The lease was the other scheduler's. Its launches wait for an ADOPT, and nobody is told of them until then.
      this.jobId = message.jobId;
      this.queue.lease(0);
      this.events.drop((event) => event.record.owner !== message.jobId);
    } else if (message.bootId === this.bootId) {
      this.acknowledge(message.ackedSeq);
    }
    this.draining = false;
    this.connection = send;
    this.welcome();
    for (const { seq, body } of this.events.pending()) {
      send({ type: 'EVENT', seq, ...body });
    }
    this.options.log.info({ job: message.jobId, unacknowledged: this.events.size }, 'scheduler connected');
  }

  disconnected(send: (message: LauncherMessage) => void): void {
    if (this.connection === send) {
      this.connection = null;
      this.options.log.info({ job: this.jobId }, 'scheduler disconnected');
    }
  }

  message(message: Exclude<ShimMessage, { type: 'HELLO' }>): void {
    switch (message.type) {
      case 'LEASE':
        if (!this.draining) {
          this.queue.lease(this.now() + Math.min(message.ttlMs, MAX_LEASE_MS));
        }
        return;
      case 'LAUNCH':
        for (const launch of message.launches) {
          this.launch(launch);
        }
        for (const bad of message.bad) {
          this.refuseBad(bad);
        }
        this.queue.pump();
        return;
      case 'REVOKE':
        this.revoke(message.ids);
        return;
      case 'ADOPT':
        this.whenSynced(() => {
          this.adopt(message.request, message.ids);
        });
        return;
      case 'RESYNC':
        this.whenSynced(() => {
          this.resync(message.request, message.launches);
        });
        return;
      case 'ACK':
        this.acknowledge(message.seq);
        return;
      case 'RETAIN':
        this.events.retain(message.seqs);
        return;
      case 'DRAIN':
        this.draining = true;
        this.queue.lease(0);
    }
  }

  send(message: LauncherMessage): void {
    this.connection?.(message);
  }

  // How creates end.

  created(record: LaunchRecord, uid: string): void {
    if (record.uid === null) {
      this.tracker.confirm(record, uid);
      this.options.log.info({ ...logFields(record), uid }, 'pod created');
    }
    this.reporter.report(record);
  }

  refused(record: LaunchRecord, reason: string, message: string): void {
    record.gone = true;
    record.spec = null;
    const at = this.now();
    record.outcome = { kind: 'CREATE_FAILED', at, reason, message, exitCode: null, node: null, started: false };
    this.store.move(record, 'ended');
    this.options.log.warn({ ...logFields(record), reason, message }, 'pod not created');
    if (record.revoked) {
      this.store.remove(record);
    }
    this.reporter.report(record);
  }

  vanished(record: LaunchRecord): void {
    record.spec = null;
    this.tracker.gone(record, 'FAILED', { reason: 'Deleted', message: 'the pod was deleted before it ended' });
  }

  throttled(namespace: string, until: number, reason: string): void {
    this.options.log.warn({ namespace, until: new Date(until).toISOString(), reason }, 'creates wait');
    this.send({ type: 'THROTTLED', namespace, until, reason });
  }

  private launch(spec: LaunchSpec): void {
    this.revoked.delete(spec.id);
    const known = this.store.get(spec.id, spec.attempt) ?? this.revive(spec);
    if (known !== undefined) {
      const anothers = known.owner !== this.jobId;
      known.owner = this.jobId;
      if (known.stage === 'queued' && known.spec !== null) {
        known.spec = spec;
        this.queue.add(known);
      }
      if (anothers) {
        this.reporter.retell(new Set([known]));
      } else {
        this.reporter.report(known);
      }
      return;
    }
    const { id, attempt, key } = spec;
    const { policy } = this.config();
    try {
      const place = placePod(spec, policy);
      const identity = { id, attempt, key, podName: place.name, namespace: place.namespace, owner: this.jobId };
      const record = newRecord(identity, 'queued', spec);
      this.store.add(record);
      this.queue.add(record);
    } catch (error) {
      const reason = error instanceof PodBuildError ? error.reason : 'InvalidLaunch';
      this.refuseUnplaced(id, attempt, key, spec.namespace, reason, (error as Error).message);
    }
  }

  /** A launch that is over and settled is told again, not run again. */
  private revive(spec: LaunchSpec): LaunchRecord | undefined {
    const record = this.store.settled(spec.id, spec.attempt);
    if (record !== undefined) {
      record.acknowledged = false;
      record.told = null;
      this.store.add(record);
    }
    return record;
  }

  private refuseBad(bad: BadLaunch): void {
    if (bad.id === null || bad.attempt === null) {
      this.send({ type: 'ERROR', code: 'frame', message: bad.problem });
      return;
    }
    const key = { dagId: '', taskId: '', runId: '', tryNumber: 0, mapIndex: -1 };
    this.refuseUnplaced(bad.id, bad.attempt, key, null, 'InvalidLaunch', bad.problem);
  }

  private refuseUnplaced(
    id: string,
    attempt: number,
    key: LaunchRecord['key'],
    namespace: string | null,
    reason: string,
    message: string,
  ): void {
    if (this.store.get(id, attempt) !== undefined) {
      return;
    }
    const where = namespace ?? this.config().policy.namespaces[0] ?? '';
    const record = newRecord({ id, attempt, key, podName: '', namespace: where, owner: this.jobId }, 'queued', null);
    this.store.add(record);
    this.refused(record, reason, message);
  }

  private revoke(ids: readonly string[]): void {
    const records = new Set(ids.flatMap((id) => this.store.byId(id)));
    this.events.drop((event) => records.has(event.record));
    for (const id of ids) {
      this.revoked.add(id);
    }
    for (const record of records) {
      record.revoked = true;
      if (record.uid !== null && !record.gone) {
        this.settler.delete(record);
      } else if (record.stage !== 'creating') {
        this.store.remove(record);
      }
    }
    for (const oldest of this.revoked) {
      if (this.revoked.size <= REMEMBERED_REVOKES) {
        break;
      }
      this.revoked.delete(oldest);
    }
  }

  private adopt(request: number, ids: readonly string[]): void {
    const records = ids.map((id) => this.take(this.store.byId(id).at(-1)));
    const adopted = records.filter((record) => record !== null);
    const found = new Set(adopted.map((record) => record.id));
    this.send({
      type: 'ADOPTED',
      request,
      adopted: adopted.map(({ id, attempt, podName, namespace }) => ({ id, attempt, podName, namespace })),
      absent: ids.filter((id) => !found.has(id)),
    });
    this.reporter.retell(new Set(adopted));
    this.queue.pump();
  }

  private resync(request: number, launches: readonly LaunchRef[]): void {
    const present: LaunchRef[] = [];
    const absent: LaunchRef[] = [];
    const records = new Set<LaunchRecord>();
    for (const { id, attempt } of launches) {
      const record = this.take(this.store.get(id, attempt));
      if (record === null) {
        absent.push({ id, attempt });
      } else {
        records.add(record);
        present.push({ id, attempt });
      }
    }
    this.send({ type: 'RESYNCED', request, present, absent });
    this.reporter.retell(records);
    this.queue.pump();
  }

  /** Makes a launch the connected scheduler's own; null when there is none, or it is settled or revoked. */
  private take(record: LaunchRecord | undefined): LaunchRecord | null {
    if (record === undefined || record.revoked) {
      return null;
    }
    record.owner = this.jobId;
    if (record.stage === 'queued') {
      this.queue.add(record);
    }
    return record;
  }

  private acknowledge(seq: number): void {
    for (const { record, body, retained } of this.events.acknowledge(seq)) {
      if (record.outcome?.kind !== body.kind) {
        continue;
      }
      if (retained) {
        record.retained = true;
        record.reportAt = this.now() + ORPHAN_AFTER_MS;
      } else {
        this.settler.settle(record);
      }
    }
  }

  private build(record: LaunchRecord): string {
    const { spec, podName, namespace } = record;
    if (spec === null) {
      throw new Error('the launch has no specification any more');
    }
    return this.builder.build(spec, { name: podName, namespace });
  }

  private chores(): void {
    const ready = this.connection !== null && this.synced();
    this.choreRunner.run({ jobId: this.jobId, ready }, this.now());
    this.queue.pump();
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
      this.welcome();
      const waiting = this.onceSynced;
      this.onceSynced = [];
      for (const work of waiting) {
        work();
      }
    }
  }

  private whenSynced(work: () => void): void {
    if (this.synced()) {
      work();
    } else {
      const { jobId } = this;
      this.onceSynced.push(() => {
        // The scheduler that asked may have been replaced meanwhile.
        if (jobId === this.jobId) {
          work();
        }
      });
    }
  }

  private welcome(): void {
    const { bootId, options } = this;
    const synced = this.synced();
    this.send({ type: 'WELCOME', protocol: PROTOCOL_VERSION, bootId, synced, version: options.version });
  }

  private config(): LaunchConfig {
    return this.options.config();
  }
}
