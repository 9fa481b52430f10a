import { LABELS, type LaunchPolicy } from '../../../constructs/contract.js';
import type { PodTarget, PodWriter } from './pod-writer.js';
import { type LaunchRecord, logFields } from './record.js';
import type { RecordStore } from './record-store.js';

/** A launcher that did not settle a kept pod itself waits so much longer: its own one is to delete it. */
const FOREIGN_GRACE_MS = 60_000;

/** Seconds that the pod of this outcome is kept after Airflow has settled it; 0: not at all. */
export function keepSeconds(record: LaunchRecord, policy: LaunchPolicy): number {
  return record.outcome?.kind === 'SUCCEEDED' ? policy.keepSucceededSeconds : policy.keepFailedSeconds;
}

/** Is the time of a kept pod up? Pure. `own`: this launcher's scheduler settled it. */
export function isExpired(record: LaunchRecord, policy: LaunchPolicy, now: number, own: boolean): boolean {
  if (record.settledAt === null || record.gone || record.release === 'deleting') {
    return false;
  }
  return now >= record.settledAt + keepSeconds(record, policy) * 1000 + (own ? 0 : FOREIGN_GRACE_MS);
}

/** Takes finished pods away: one DELETE each, after Airflow has settled the task, or later when they are kept. */
export class Settler {
  constructor(
    private readonly store: RecordStore,
    private readonly writer: PodWriter,
    private readonly policy: () => LaunchPolicy,
    private readonly now: () => number,
    /** Nothing is left to do for the launch: Airflow has settled it, and its pod is gone or kept. */
    private readonly done: (record: LaunchRecord) => void = () => undefined,
  ) {}

  /** Airflow has settled the outcome of this launch. */
  settle(record: LaunchRecord): void {
    record.acknowledged = true;
    if (record.gone || record.uid === null) {
      this.store.remove(record);
      this.done(record);
    } else if (keepSeconds(record, this.policy()) === 0) {
      this.delete(record);
    } else if (record.release === 'none') {
      const now = this.now();
      record.release = 'labelling';
      // The value is the time in seconds: after a restart the labels are all that tells when the pod may go.
      const labels = { [LABELS.SETTLED]: String(Math.floor(now / 1000)) };
      this.writer.label(target(record, record.uid), labels, () => {
        record.settledAt = now;
        this.done(record);
      });
    }
  }

  /** Deletes the pod of the record, once. */
  delete(record: LaunchRecord): void {
    if (record.release === 'deleting' || record.uid === null || record.gone) {
      return;
    }
    record.release = 'deleting';
    const urgency = record.outcome === null || record.revoked ? 'now' : 'tidying';
    this.writer.delete(target(record, record.uid), urgency, () => {
      if (record.acknowledged) {
        this.done(record);
      }
    });
  }
}

function target(record: LaunchRecord, uid: string): PodTarget {
  return { namespace: record.namespace, podName: record.podName, uid, about: logFields(record) };
}
