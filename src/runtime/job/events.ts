import type { ErrorEvent, EventSink, RunOutcome } from '../run/events.js';
import type { JobCounts } from './view.js';

/** The end of one pod of a Job. */
export interface JobPodEnd {
  readonly name: string;
  /** Completion index; null: the Job has none. */
  readonly index: number | null;
  /** null: it has not ended. */
  readonly outcome: 'succeeded' | 'failed' | null;
  /** Of the container that the run is about. */
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly message: string | null;
}

/** What became of a Job when its run was over. */
export type JobLeft = 'deleted' | 'kept' | 'gone';

/** What is told while the run of a Job goes on, in this order but for `pod`, `log` and `warning`. */
export type JobEvent =
  | {
      readonly type: 'created' | 'reattached';
      readonly name: string;
      readonly namespace: string;
      readonly uid: string;
    }
  | ({ readonly type: 'state'; readonly state: 'suspended' | 'running' | 'ended' } & JobCounts & {
        readonly reason: string | null;
        readonly message: string | null;
      })
  | {
      readonly type: 'pod';
      readonly name: string;
      /** Its completion index, or the end of its name where several run at once; else null. */
      readonly label: string | null;
      readonly state: 'pending' | 'scheduled' | 'running' | 'ended';
      readonly node: string | null;
      /** Why it does not go on. */
      readonly reason: string | null;
      readonly message: string | null;
    }
  /** One line, without its end. Lines of one container come in the order in which they were written. */
  | {
      readonly type: 'log';
      readonly pod: string;
      readonly label: string | null;
      readonly container: string;
      readonly time: string;
      readonly line: string;
    }
  | { readonly type: 'warning'; readonly message: string }
  /** A JSON list: what the result file of each pod that succeeded held, by completion index, else by age. */
  | { readonly type: 'result'; readonly json: string }
  | ({
      readonly type: 'ended';
      readonly podEvents: readonly string[];
      readonly job: JobLeft;
      /** To the API server, from the start on. */
      readonly requests: number;
    } & JobEnd)
  | ErrorEvent;

/** How the run of a Job ended, before anything is cleaned up. */
export interface JobEnd {
  readonly outcome: RunOutcome;
  /** Of the pod that failed last. */
  readonly exitCode: number | null;
  /** Short: `BackoffLimitExceeded`, `DeadlineExceeded`, `PodFailurePolicy`, `ImagePullBackOff`, `Deleted`; null when it succeeded. */
  readonly reason: string | null;
  /** A sentence for people. */
  readonly message: string | null;
  /** The last lines that the failed container wrote, where the kubelet kept them. */
  readonly output: string | null;
  readonly succeeded: number;
  readonly failed: number;
  readonly pods: readonly JobPodEnd[];
}

export type JobSink = EventSink<JobEvent>;
