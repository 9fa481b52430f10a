import type { Writable } from 'node:stream';
import type { RunEvent, RunSink } from './events.js';

/** Events for people: the log on standard output, everything else on standard error. */
export class TextSink implements RunSink {
  /** @param resultOnly standard output is for the result alone */
  constructor(
    private readonly out: Writable,
    private readonly err: Writable,
    private readonly resultOnly: boolean,
  ) {}

  tell(event: RunEvent): boolean {
    switch (event.type) {
      case 'log':
        return (this.resultOnly ? this.err : this.out).write(`${event.line}\n`);
      case 'result':
        return this.out.write(`${event.json}\n`);
      default:
        return this.err.write(`${describe(event)}\n`);
    }
  }

  ready(): Promise<void> {
    const stream = this.resultOnly ? this.err : this.out;
    return stream.writableNeedDrain
      ? new Promise((resolve) => {
          stream.once('drain', resolve);
        })
      : Promise.resolve();
  }
}

/** One event in words; pure. */
export function describe(event: Exclude<RunEvent, { type: 'log' | 'result' }>): string {
  switch (event.type) {
    case 'created':
    case 'reattached':
      return `pod ${event.namespace}/${event.name} ${event.type}`;
    case 'state': {
      const why = [event.reason, event.message].filter((part) => part !== null).join(': ');
      const where = event.node === null ? '' : ` on ${event.node}`;
      return `${event.state}${where}${why === '' ? '' : ` (${why})`}`;
    }
    case 'warning':
      return `warning: ${event.message}`;
    case 'error':
      return `pod-launcher: ${event.message}`;
    case 'outcome':
      return event.outcome;
    case 'ended': {
      const why = event.message === null ? '' : `: ${event.message}`;
      return [`${event.outcome}${why}`, ...event.podEvents.map((line) => `  ${line}`), `pod ${event.pod}`].join('\n');
    }
  }
}
