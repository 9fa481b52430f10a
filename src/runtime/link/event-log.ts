import type { LaunchRecord } from '../launch/record.js';
import type { EventBody } from './messages.js';

/** An event that is not acknowledged yet. */
export interface LoggedEvent {
  readonly seq: number;
  readonly record: LaunchRecord;
  readonly body: EventBody;
  /** The shim has seen it but could not settle it. */
  retained: boolean;
}

/** Events in the order of their number, kept until they are acknowledged. The number grows for the life of the boot. */
export class EventLog {
  private readonly events = new Map<number, LoggedEvent>();
  private seq = 0;

  append(record: LaunchRecord, body: EventBody): LoggedEvent {
    this.seq += 1;
    const event: LoggedEvent = { seq: this.seq, record, body, retained: false };
    this.events.set(event.seq, event);
    return event;
  }

  /** Drops what is acknowledged and returns it, oldest first. */
  acknowledge(seq: number): LoggedEvent[] {
    const acknowledged: LoggedEvent[] = [];
    for (const event of this.events.values()) {
      if (event.seq > seq) {
        break;
      }
      acknowledged.push(event);
    }
    for (const event of acknowledged) {
      this.events.delete(event.seq);
    }
    return acknowledged;
  }

  retain(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const event = this.events.get(seq);
      if (event !== undefined) {
        event.retained = true;
      }
    }
  }

  /** Drops the events that the predicate names: they will be told anew, or nobody is left to tell. */
  drop(matches: (event: LoggedEvent) => boolean): void {
    for (const event of this.events.values()) {
      if (matches(event)) {
        this.events.delete(event.seq);
      }
    }
  }

  pending(): IterableIterator<LoggedEvent> {
    return this.events.values();
  }

  get size(): number {
    return this.events.size;
  }
}
