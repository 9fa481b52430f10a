import { type LaunchRecord, launchKey, type Stage } from './record.js';

const REMEMBERED = 20_000;

/** Who hears what happens to records. */
export interface RecordObserver {
  added(record: LaunchRecord): void;
  /** Something may have changed: its stage, what its pod says, or its end. */
  moved(record: LaunchRecord, from: Stage): void;
}

/** All records, found by launch, with the number of them in each stage. */
export class RecordStore {
  private readonly records = new Map<string, LaunchRecord>();
  private readonly attempts = new Map<string, number[]>();
  private readonly stages: Record<Stage, number> = { queued: 0, creating: 0, pending: 0, running: 0, ended: 0 };
  /** Launches that are settled and gone, oldest first: a late repeat of their LAUNCH must not run them again. */
  private readonly finished = new Map<string, LaunchRecord>();

  constructor(private readonly observers: readonly RecordObserver[] = []) {}

  get(id: string, attempt: number): LaunchRecord | undefined {
    return this.records.get(launchKey(id, attempt));
  }

  /** All attempts of a launch id, the latest last. */
  byId(id: string): LaunchRecord[] {
    const attempts = this.attempts.get(id) ?? [];
    return attempts.map((attempt) => this.get(id, attempt)).filter((record) => record !== undefined);
  }

  all(): IterableIterator<LaunchRecord> {
    return this.records.values();
  }

  count(stage: Stage): number {
    return this.stages[stage];
  }

  /** How many records are in each stage. */
  counts(): Readonly<Record<Stage, number>> {
    return { ...this.stages };
  }

  add(record: LaunchRecord): void {
    const key = launchKey(record.id, record.attempt);
    this.finished.delete(key);
    this.records.set(key, record);
    this.stages[record.stage] += 1;
    const attempts = [...(this.attempts.get(record.id) ?? []), record.attempt];
    this.attempts.set(
      record.id,
      attempts.sort((one, other) => one - other),
    );
    for (const observer of this.observers) {
      observer.added(record);
    }
  }

  move(record: LaunchRecord, stage: Stage): void {
    // A record that was dropped while its create was under way counts no more.
    if (this.get(record.id, record.attempt) === record) {
      this.stages[record.stage] -= 1;
      this.stages[stage] += 1;
    }
    const from = record.stage;
    record.stage = stage;
    for (const observer of this.observers) {
      observer.moved(record, from);
    }
  }

  /** Drops a record; an outcome that Airflow has settled is remembered for a while. */
  remove(record: LaunchRecord): void {
    const key = launchKey(record.id, record.attempt);
    if (this.records.get(key) !== record) {
      return;
    }
    this.records.delete(key);
    this.stages[record.stage] -= 1;
    const attempts = (this.attempts.get(record.id) ?? []).filter((attempt) => attempt !== record.attempt);
    if (attempts.length === 0) {
      this.attempts.delete(record.id);
    } else {
      this.attempts.set(record.id, attempts);
    }
    if (record.outcome !== null && !record.revoked) {
      this.remember(key, record);
    }
  }

  /** The record of a launch that is over and settled. */
  settled(id: string, attempt: number): LaunchRecord | undefined {
    return this.finished.get(launchKey(id, attempt));
  }

  private remember(key: string, record: LaunchRecord): void {
    // The outcome says it all.
    record.observation = null;
    record.told = null;
    this.finished.set(key, record);
    if (this.finished.size > REMEMBERED) {
      const oldest = this.finished.keys().next();
      if (oldest.done !== true) {
        this.finished.delete(oldest.value);
      }
    }
  }
}
