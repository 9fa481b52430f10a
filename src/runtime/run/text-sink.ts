import type { Writable } from 'node:stream';
import type { EventSink, RunEvent } from './events.js';

/** An event for people: a line of a log, a result, or what is said besides. */
export interface Words {
  readonly kind: 'log' | 'result' | 'note';
  readonly text: string;
}

/** Events for people: the log on standard output, everything else on standard error. */
export class TextSink<E> implements EventSink<E> {
  /** @param resultOnly standard output is for the result alone */
  constructor(
    private readonly out: Writable,
    private readonly err: Writable,
    private readonly resultOnly: boolean,
    private readonly inWords: (event: E) => Words,
  ) {}

  tell(event: E): boolean {
    const { kind, text } = this.inWords(event);
    const isOut = kind === 'result' || (kind === 'log' && !this.resultOnly);
    return (isOut ? this.out : this.err).write(`${text}\n`);
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

/** An event of the run of a pod; pure. */
export function podInWords(event: RunEvent): Words {
  switch (event.type) {
    case 'log':
      return { kind: 'log', text: event.line };
    case 'result':
      return { kind: 'result', text: event.json };
    default:
      return { kind: 'note', text: describe(event) };
  }
}

/** Why something does not go on, in brackets; empty for nothing. */
export function why(reason: string | null, message: string | null): string {
  const said = [reason, message].filter((part) => part !== null).join(': ');
  return said === '' ? '' : ` (${said})`;
}

/** One event in words; pure. */
export function describe(event: Exclude<RunEvent, { type: 'log' | 'result' }>): string {
  switch (event.type) {
    case 'created':
    case 'reattached':
      return `pod ${event.namespace}/${event.name} ${event.type}`;
    case 'state': {
      const where = event.node === null ? '' : ` on ${event.node}`;
      return `${event.state}${where}${why(event.reason, event.message)}`;
    }
    case 'warning':
      return `warning: ${event.message}`;
    case 'error':
      return `pod-launcher: ${event.message}`;
    case 'outcome':
      return event.outcome;
    case 'ended': {
      const because = event.message === null ? '' : `: ${event.message}`;
      const events = event.podEvents.map((line) => `  ${line}`);
      return [`${event.outcome}${because}`, ...events, `pod ${event.pod}`].join('\n');
    }
  }
}
