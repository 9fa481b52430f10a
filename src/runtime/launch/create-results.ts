import type { Peer, Reporter } from '../link/reporter.js';
import type { Logger } from '../log.js';
import type { CreateSink } from './create-queue.js';
import type { PodTracker } from './pod-tracker.js';
import { type LaunchRecord, logFields } from './record.js';
import type { RecordStore } from './record-store.js';

export interface CreateResultsOptions {
  readonly store: RecordStore;
  readonly tracker: PodTracker;
  readonly reporter: Reporter;
  readonly peer: Peer;
  readonly log: Logger;
  readonly now: () => number;
  /** Creates in this namespace are held back. */
  readonly throttled?: (namespace: string) => void;
}

/** How creates end: brought into the records, logged and told. */
export class CreateResults implements CreateSink {
  constructor(private readonly options: CreateResultsOptions) {}

  created(record: LaunchRecord, uid: string): void {
    const { tracker, reporter, log } = this.options;
    if (record.uid === null) {
      tracker.confirm(record, uid);
      log.info({ ...logFields(record), uid }, 'pod created');
    }
    reporter.report(record);
  }

  refused(record: LaunchRecord, reason: string, message: string): void {
    const { store, reporter, log, now } = this.options;
    record.gone = true;
    record.spec = null;
    const at = now();
    record.outcome = { kind: 'CREATE_FAILED', at, reason, message, exitCode: null, node: null, started: false };
    store.move(record, 'ended');
    log.warn({ ...logFields(record), reason, message }, 'pod not created');
    if (record.revoked) {
      store.remove(record);
    }
    reporter.report(record);
  }

  vanished(record: LaunchRecord): void {
    record.spec = null;
    const why = { reason: 'Deleted', message: 'the pod was deleted before it ended' };
    this.options.tracker.gone(record, 'FAILED', why);
  }

  throttled(namespace: string, until: number, reason: string): void {
    const { peer, log } = this.options;
    log.warn({ namespace, until: new Date(until).toISOString(), reason }, 'creates wait');
    this.options.throttled?.(namespace);
    peer.send({ type: 'THROTTLED', namespace, until, reason });
  }
}
