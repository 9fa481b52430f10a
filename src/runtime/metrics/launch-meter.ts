import type { LaunchRecord, Stage, TerminalKind } from '../launch/record.js';
import type { RecordObserver } from '../launch/record-store.js';

/**
 * How a try to get a pod for a launch ended. `standby`: it claimed one. `repeated`: it waits for its next try.
 * `refused`: there is none and will be none. `vanished`: an earlier try's pod is gone already.
 */
export type CreateOutcome = 'created' | 'standby' | 'repeated' | 'refused' | 'vanished';

/** What is counted of launches. Times are milliseconds; null: this launcher did not see the beginning. */
export interface LaunchCounts {
  accepted(): void;
  tried(outcome: CreateOutcome): void;
  /** @param ms from the launch's arrival to its pod in the API server */
  created(ms: number): void;
  /** @param ms from the pod in the API server to its container that runs */
  started(ms: number): void;
  ended(kind: TerminalKind, reason: string | null): void;
  /** @param ms from the end of the task's pod, as it was seen here, to its pod deleted or labelled */
  settled(ms: number): void;
}

/** How the try ended that a record's move shows; null: the move is not about one. Pure. */
export function createOutcome(record: LaunchRecord, from: Stage): CreateOutcome | null {
  if (from !== 'queued' && from !== 'creating') {
    return null;
  }
  switch (record.stage) {
    case 'queued':
      return from === 'creating' ? 'repeated' : null;
    case 'creating':
      return null;
    case 'ended':
      return record.outcome?.kind === 'CREATE_FAILED' ? 'refused' : 'vanished';
    default:
      return record.handOver === 'none' ? 'created' : 'standby';
  }
}

/**
 * Reads counts and durations off the moves of records. Launchers see the pods of all schedulers of the deployment: each
 * counts only what happens to launches of its own, so that sums over launchers are right.
 */
export class LaunchMeter implements RecordObserver {
  constructor(
    private readonly counts: LaunchCounts,
    private readonly steady: () => number,
  ) {}

  added(record: LaunchRecord): void {
    if (record.stage === 'queued') {
      record.since = this.steady();
      this.counts.accepted();
    }
  }

  moved(record: LaunchRecord, from: Stage): void {
    const outcome = createOutcome(record, from);
    if (outcome !== null) {
      this.counts.tried(outcome);
    }
    if (from === record.stage || record.stage === 'queued' || record.stage === 'creating') {
      return;
    }
    const ms = this.elapsed(record);
    if (ms !== null && (outcome === 'created' || outcome === 'standby')) {
      this.counts.created(ms);
    }
    if (record.stage === 'ended') {
      this.ended(record);
    } else if (record.stage === 'running') {
      if (ms !== null && from === 'pending') {
        this.counts.started(ms);
      }
      record.since = null;
    } else {
      // A pod that was found, or fell back to Pending, is not measured: nobody knows since when it waits.
      record.since = from === 'running' ? null : this.steady();
    }
  }

  /** Nothing is left to do for the launch. */
  settled(record: LaunchRecord): void {
    const ms = this.elapsed(record);
    if (ms !== null && record.stage === 'ended') {
      record.since = null;
      this.counts.settled(ms);
    }
  }

  private ended(record: LaunchRecord): void {
    // What another launcher's scheduler owns, or was settled before this launcher began, is not counted here.
    if (record.outcome === null || record.owner === null || record.settledAt !== null) {
      record.since = null;
      return;
    }
    record.since = this.steady();
    this.counts.ended(record.outcome.kind, record.outcome.reason);
  }

  private elapsed(record: LaunchRecord): number | null {
    return record.since === null ? null : this.steady() - record.since;
  }
}
