import type { ErrorEvent, RunOutcome } from '../run/events.js';
import { why, type Words } from '../run/text-sink.js';
import type { ApplicationStage } from './application.js';

/** How the run of a SparkApplication ended, before anything is cleaned up. */
export interface ApplicationEnd {
  readonly outcome: RunOutcome;
  /** Of the driver; null: it is not known. */
  readonly exitCode: number | null;
  /** Short: what became of the driver's pod (`OOMKilled`, `Error`), else the application's state; null when it succeeded. */
  readonly reason: string | null;
  /** A sentence for people. */
  readonly message: string | null;
  /** The last lines that the driver wrote, where the kubelet kept them. */
  readonly output: string | null;
}

/** What is told while a SparkApplication runs, in this order but for `log` and `warning`. */
export type ApplicationEvent =
  | {
      readonly type: 'created' | 'reattached';
      readonly name: string;
      readonly namespace: string;
      readonly uid: string;
    }
  | {
      readonly type: 'state';
      readonly state: ApplicationStage;
      /** As Spark's operator says it: `SUBMITTED`, `PENDING_RERUN`; null before it has said anything. */
      readonly reason: string | null;
      readonly message: string | null;
    }
  | { readonly type: 'log'; readonly container: string; readonly time: string; readonly line: string }
  | { readonly type: 'warning'; readonly message: string }
  | ({
      readonly type: 'ended';
      /** What Kubernetes' events say of an application that failed and of its driver, oldest first. */
      readonly podEvents: readonly string[];
      readonly application: 'deleted' | 'kept' | 'gone';
      /** To the API server, from the start on. */
      readonly requests: number;
    } & ApplicationEnd)
  | ErrorEvent;

/** An event for people; pure. */
export function applicationInWords(event: ApplicationEvent): Words {
  switch (event.type) {
    case 'log':
      return { kind: 'log', text: event.line };
    case 'created':
    case 'reattached':
      return note(`SparkApplication ${event.namespace}/${event.name} ${event.type}`);
    case 'state':
      return note(`${event.state}${why(event.reason, event.message)}`);
    case 'warning':
      return note(`warning: ${event.message}`);
    case 'error':
      return note(`pod-launcher: ${event.message}`);
    case 'ended': {
      const because = event.reason === null ? '' : `: ${event.reason}: ${event.message ?? ''}`;
      const events = event.podEvents.map((line) => `  ${line}`);
      return note([`${event.outcome}${because}`, ...events, `SparkApplication ${event.application}`].join('\n'));
    }
  }
}

function note(text: string): Words {
  return { kind: 'note', text };
}
