import type { LaunchPolicy } from '../../../constructs/contract.js';
import type { EventLog } from '../link/event-log.js';
import type { BadLaunch, LaunchSpec } from '../link/messages.js';
import type { Peer, Reporter } from '../link/reporter.js';
import { PodBuildError, placePod } from '../pods/pod.js';
import type { CreateQueue, CreateSink } from './create-queue.js';
import { type LaunchRecord, newRecord } from './record.js';
import type { RecordStore } from './record-store.js';
import type { RevokedIds } from './revoked-ids.js';
import type { Settler } from './settler.js';

export interface IntakeOptions {
  readonly store: RecordStore;
  readonly queue: CreateQueue;
  readonly sink: CreateSink;
  readonly events: EventLog;
  readonly reporter: Reporter;
  readonly settler: Settler;
  readonly revoked: RevokedIds;
  readonly peer: Peer;
  readonly policy: () => LaunchPolicy;
}

/** Where launches come from: new ones, repeated ones, refused ones, those of another scheduler, and revoked ones. */
export class Intake {
  constructor(private readonly options: IntakeOptions) {}

  /** Takes a launch in; a repeated one is told about, not run again. */
  launch(spec: LaunchSpec): void {
    const { store, queue, reporter, revoked, peer } = this.options;
    revoked.delete(spec.id);
    const known = store.get(spec.id, spec.attempt) ?? this.revive(spec);
    if (known === undefined) {
      this.add(spec);
      return;
    }
    // Who launches what it has acknowledged has forgotten that.
    const untold = known.owner !== peer.jobId || known.acknowledged;
    known.owner = peer.jobId;
    if (known.stage === 'queued' && known.spec !== null) {
      known.spec = spec;
      queue.add(known);
    }
    if (untold) {
      reporter.retell(new Set([known]));
    } else {
      reporter.report(known);
    }
  }

  /** A launch that cannot be understood: told as refused, or as an error when it does not even say which it is. */
  refuseBad(bad: BadLaunch): void {
    if (bad.id === null || bad.attempt === null) {
      this.options.peer.send({ type: 'ERROR', code: 'frame', message: bad.problem });
      return;
    }
    const key = { dagId: '', taskId: '', runId: '', tryNumber: 0, mapIndex: -1 };
    this.refuse({ id: bad.id, attempt: bad.attempt, key, namespace: null }, 'InvalidLaunch', bad.problem);
  }

  /** Forgets the launches and deletes their pods; nothing is told of them any more. */
  revoke(ids: readonly string[]): void {
    const { store, events, settler, revoked } = this.options;
    const records = new Set(ids.flatMap((id) => store.byId(id)));
    events.drop((event) => records.has(event.record));
    for (const id of ids) {
      revoked.add(id);
    }
    for (const record of records) {
      record.revoked = true;
      if (record.uid !== null && !record.gone) {
        settler.delete(record);
      } else if (record.stage !== 'creating') {
        store.remove(record);
      }
    }
  }

  /**
   * Lets go of launches that are not the connected scheduler's any more: none of them is created, and nothing is told
   * of them. Pods that exist live on, for they may be another scheduler's by now.
   */
  withdraw(ids: readonly string[]): void {
    const { store, events } = this.options;
    const records = new Set(ids.flatMap((id) => store.byId(id)));
    events.drop((event) => records.has(event.record));
    for (const record of records) {
      record.owner = null;
      record.told = null;
      if (record.stage === 'queued') {
        store.remove(record);
      }
    }
  }

  /** Makes a launch the connected scheduler's own; null when there is none, or it is settled or revoked. */
  take(record: LaunchRecord | undefined): LaunchRecord | null {
    if (record === undefined || record.revoked) {
      return null;
    }
    record.owner = this.options.peer.jobId;
    if (record.stage === 'queued') {
      this.options.queue.add(record);
    }
    return record;
  }

  private add(spec: LaunchSpec): void {
    const { store, queue, peer, policy } = this.options;
    const { id, attempt, key } = spec;
    try {
      const place = placePod(spec, policy());
      const identity = { id, attempt, key, podName: place.name, namespace: place.namespace, owner: peer.jobId };
      const record = newRecord(identity, 'queued', spec);
      store.add(record);
      queue.add(record);
    } catch (error) {
      this.refuse(spec, error instanceof PodBuildError ? error.reason : 'InvalidLaunch', (error as Error).message);
    }
  }

  /** A launch that is over and settled is told again, not run again. */
  private revive(spec: LaunchSpec): LaunchRecord | undefined {
    const { store } = this.options;
    const record = store.settled(spec.id, spec.attempt);
    if (record !== undefined) {
      record.acknowledged = false;
      record.told = null;
      store.add(record);
    }
    return record;
  }

  /** A launch that gets no pod, because it has no place or makes no sense. */
  private refuse(
    { id, attempt, key, namespace }: Pick<LaunchSpec, 'id' | 'attempt' | 'key' | 'namespace'>,
    reason: string,
    message: string,
  ): void {
    const { store, sink, peer, policy } = this.options;
    if (store.get(id, attempt) !== undefined) {
      return;
    }
    const where = namespace ?? policy().namespaces[0] ?? '';
    const record = newRecord({ id, attempt, key, podName: '', namespace: where, owner: peer.jobId }, 'queued', null);
    store.add(record);
    sink.refused(record, reason, message);
  }
}
