import { PROTOCOL_VERSION } from '../../constructs/contract.js';
import type { CreateQueue } from './launch/create-queue.js';
import type { Intake } from './launch/intake.js';
import { ORPHAN_AFTER_MS } from './launch/pod-tracker.js';
import type { LaunchRecord } from './launch/record.js';
import type { RecordStore } from './launch/record-store.js';
import type { Settler } from './launch/settler.js';
import type { EventLog } from './link/event-log.js';
import type { LaunchRef, ShimMessage } from './link/messages.js';
import type { Reporter } from './link/reporter.js';
import type { SchedulerPeer, Send } from './link/scheduler-peer.js';
import type { LinkHandler } from './link/server.js';
import type { Logger } from './log.js';

export interface SessionOptions {
  readonly bootId: string;
  readonly version: string;
  readonly peer: SchedulerPeer;
  readonly store: RecordStore;
  readonly events: EventLog;
  readonly reporter: Reporter;
  readonly intake: Intake;
  readonly queue: CreateQueue;
  readonly settler: Settler;
  /** Have the pods of all namespaces been listed? */
  readonly synced: () => boolean;
  readonly log: Logger;
  readonly now: () => number;
}

const MAX_LEASE_MS = 60_000;

/** The session with the scheduler: what the executor says, and what follows from it. One scheduler at a time. */
export class Session implements LinkHandler {
  private onceSynced: (() => void)[] = [];
  private draining = false;

  constructor(private readonly options: SessionOptions) {}

  /** Has the scheduler said that it is about to go? */
  isDraining(): boolean {
    return this.draining;
  }

  hello(message: Extract<ShimMessage, { type: 'HELLO' }>, send: Send): void {
    const { bootId, peer, queue, events, store, reporter, log } = this.options;
    if (message.jobId !== peer.jobId) {
      // The lease was the other scheduler's. Its launches wait for an ADOPT, and nobody is told of them until then.
      peer.jobId = message.jobId;
      queue.lease(0);
      events.drop((event) => event.record.owner !== message.jobId);
      // A scheduler that comes back after another was here: what was to be told to it was dropped then.
      reporter.retell(new Set([...store.all()].filter((record) => record.owner === message.jobId)));
    } else if (message.bootId === bootId) {
      this.acknowledge(message.ackedSeq);
    }
    this.draining = false;
    // Who asked over an earlier connection asks again over this one.
    this.onceSynced = [];
    peer.connection = send;
    this.welcome();
    for (const { seq, body } of events.pending()) {
      send({ type: 'EVENT', seq, ...body });
    }
    log.info({ job: message.jobId, unacknowledged: events.size }, 'scheduler connected');
  }

  disconnected(send: Send): void {
    const { peer, log } = this.options;
    if (peer.connection === send) {
      peer.connection = null;
      log.info({ job: peer.jobId }, 'scheduler disconnected');
    }
  }

  message(message: Exclude<ShimMessage, { type: 'HELLO' }>): void {
    const { queue, intake, events } = this.options;
    switch (message.type) {
      case 'LEASE':
        if (!this.draining) {
          // A lease that lay in the socket while one of the two was stopped is as old as it is.
          const age = message.at === undefined ? 0 : Math.max(0, this.options.now() - message.at);
          queue.lease(Math.min(message.ttlMs, MAX_LEASE_MS) - age);
        }
        return;
      case 'LAUNCH':
        for (const launch of message.launches) {
          intake.launch(launch);
        }
        for (const bad of message.bad) {
          intake.refuseBad(bad);
        }
        queue.pump();
        return;
      case 'REVOKE':
        intake.revoke(message.ids);
        return;
      case 'WITHDRAW':
        intake.withdraw(message.ids);
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
        events.retain(message.seqs);
        return;
      case 'DRAIN':
        this.draining = true;
        queue.lease(0);
    }
  }

  /** The pods of all namespaces have been listed: what waited for that is done now. */
  nowSynced(): void {
    this.welcome();
    const waiting = this.onceSynced;
    this.onceSynced = [];
    for (const work of waiting) {
      work();
    }
  }

  private adopt(request: number, ids: readonly string[]): void {
    const { peer, store, intake, reporter, queue } = this.options;
    const records = ids.map((id) => intake.take(store.byId(id).at(-1)));
    const adopted = records.filter((record) => record !== null);
    const found = new Set(adopted.map((record) => record.id));
    peer.send({
      type: 'ADOPTED',
      request,
      adopted: adopted.map(({ id, attempt, podName, namespace }) => ({ id, attempt, podName, namespace })),
      absent: ids.filter((id) => !found.has(id)),
    });
    reporter.retell(new Set(adopted));
    queue.pump();
  }

  private resync(request: number, launches: readonly LaunchRef[]): void {
    const { peer, store, intake, reporter, queue } = this.options;
    const present: LaunchRef[] = [];
    const absent: LaunchRef[] = [];
    const records = new Set<LaunchRecord>();
    for (const { id, attempt } of launches) {
      const record = intake.take(store.get(id, attempt));
      if (record === null) {
        absent.push({ id, attempt });
      } else {
        records.add(record);
        present.push({ id, attempt });
      }
    }
    peer.send({ type: 'RESYNCED', request, present, absent });
    reporter.retell(records);
    queue.pump();
  }

  private acknowledge(seq: number): void {
    const { events, settler, now } = this.options;
    for (const { record, body, retained } of events.acknowledge(seq)) {
      if (record.outcome?.kind !== body.kind) {
        continue;
      }
      if (retained) {
        record.retained = true;
        record.reportAt = now() + ORPHAN_AFTER_MS;
      } else {
        settler.settle(record);
      }
    }
  }

  private whenSynced(work: () => void): void {
    if (this.options.synced()) {
      work();
    } else {
      this.onceSynced.push(work);
    }
  }

  private welcome(): void {
    const { bootId, version, peer, synced } = this.options;
    peer.send({ type: 'WELCOME', protocol: PROTOCOL_VERSION, bootId, synced: synced(), version });
  }
}
