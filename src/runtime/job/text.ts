import type { JobEvent } from './events.js';
import { why, type Words } from '../run/text-sink.js';

/** An event of the run of a Job; pure. */
export function jobInWords(event: JobEvent): Words {
  switch (event.type) {
    case 'log':
      return { kind: 'log', text: event.label === null ? event.line : `[${event.label}] ${event.line}` };
    case 'result':
      return { kind: 'result', text: event.json };
    case 'created':
    case 'reattached':
      return note(`job ${event.namespace}/${event.name} ${event.type}`);
    case 'state': {
      const of = event.completions === null ? '' : ` of ${event.completions}`;
      const counts = `${event.active} active, ${event.succeeded}${of} succeeded, ${event.failed} failed`;
      return note(`${event.state}: ${counts}${why(event.reason, event.message)}`);
    }
    case 'pod': {
      const where = event.node === null ? '' : ` on ${event.node}`;
      return note(`pod ${event.name} ${event.state}${where}${why(event.reason, event.message)}`);
    }
    case 'warning':
      return note(`warning: ${event.message}`);
    case 'error':
      return note(`pod-launcher: ${event.message}`);
    case 'ended': {
      const because = event.reason === null ? '' : `: ${event.reason}: ${event.message ?? ''}`;
      const events = event.podEvents.map((line) => `  ${line}`);
      return note([`${event.outcome}${because}`, ...events, `job ${event.job}`].join('\n'));
    }
  }
}

function note(text: string): Words {
  return { kind: 'note', text };
}
