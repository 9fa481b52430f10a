import type { Writable } from 'node:stream';
import type { EventSink } from '../run/events.js';
import type { ApplyEvent } from './events.js';
import { describeName } from './target.js';

/** Events for people: logs on standard output, everything else on standard error. */
export class ApplyTextSink implements EventSink<ApplyEvent> {
  constructor(
    private readonly out: Writable,
    private readonly err: Writable,
  ) {}

  tell(event: ApplyEvent): boolean {
    return event.type === 'log' ? this.out.write(`${event.line}\n`) : this.err.write(`${describeApply(event)}\n`);
  }

  ready(): Promise<void> {
    return this.out.writableNeedDrain
      ? new Promise((resolve) => {
          this.out.once('drain', resolve);
        })
      : Promise.resolve();
  }
}

/** One event in words; pure. */
export function describeApply(event: Exclude<ApplyEvent, { type: 'log' }>): string {
  switch (event.type) {
    case 'checked':
      return `${event.objects} object${event.objects === 1 ? '' : 's'} tried, none refused`;
    case 'object':
      return `${describeName(event)} ${event.action}`;
    case 'state':
      return `${describeName(event)}: ${event.status}`;
    case 'met':
      return `${describeName(event)} has met ${event.condition}`;
    case 'warning':
      return `warning: ${event.message}`;
    case 'error':
      return `pod-launcher: ${event.message}`;
    case 'ended':
      return `${event.outcome}${event.message === null ? '' : `: ${event.message}`}`;
  }
}
