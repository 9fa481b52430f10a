import type { LaunchRecord } from './record.js';

/** The creates of one namespace. */
export interface Lane {
  readonly waiting: Set<LaunchRecord>;
  /** Those that were tried and go before the others. */
  readonly again: Set<LaunchRecord>;
  creating: number;
  /** By the steady clock. */
  blockedUntil: number;
  /** Refusals for quota in a row. */
  quotaFailures: number;
}

export function newLane(): Lane {
  return { waiting: new Set(), again: new Set(), creating: 0, blockedUntil: -Infinity, quotaFailures: 0 };
}

/** Takes the records of a lane out, one by one, as long as the caller wants more. */
export function* inOrder({ again, waiting }: Lane): Generator<LaunchRecord> {
  for (const records of [again, waiting]) {
    for (const record of records) {
      records.delete(record);
      yield record;
    }
  }
}
