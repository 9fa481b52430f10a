/** How a run ended. */
export type RunOutcome = 'succeeded' | 'failed' | 'killed';

/** Why a run could not be done, or not to its end; the pod itself may be well. */
export type RunErrorCode =
  /** The request makes no pod. Nothing was created. */
  | 'InvalidRequest'
  /** The API server refuses the pod for good. Nothing was created. */
  | 'Refused'
  /** The cluster's user lacks a right. */
  | 'Forbidden'
  /** A pod of that name exists and is none of this task. */
  | 'NameTaken'
  /** The API server was away for longer than the request's patience; a pod that exists lives on. */
  | 'Unreachable'
  /** A fault of the launcher's own. */
  | 'Internal';

/** A container at the end of a run. */
export interface ContainerEnd {
  readonly name: string;
  /** null: it has not ended. */
  readonly exitCode: number | null;
  readonly reason: string | null;
}

/** What is told while a run goes on, in this order but for `log` and `warning`. */
export type RunEvent =
  | {
      readonly type: 'created' | 'reattached';
      readonly name: string;
      readonly namespace: string;
      readonly uid: string;
    }
  | {
      readonly type: 'state';
      readonly state: 'pending' | 'scheduled' | 'running' | 'ended';
      readonly node: string | null;
      /** Why it does not go on. */
      readonly reason: string | null;
      readonly message: string | null;
    }
  /** One line, without its end. Lines of one container come in the order in which they were written. */
  | { readonly type: 'log'; readonly container: string; readonly time: string; readonly line: string }
  | { readonly type: 'warning'; readonly message: string }
  /** What the result file held: JSON, as it was written. */
  | { readonly type: 'result'; readonly json: string }
  /** All that is read has been told, and the pod is about to be cleaned up: only of a request with `holdSeconds`. */
  | ({ readonly type: 'outcome' } & RunSummary)
  | ({
      readonly type: 'ended';
      /** What became of the pod. */
      readonly pod: 'deleted' | 'kept' | 'gone';
      /** To the API server, from the start on. */
      readonly requests: number;
    } & RunSummary)
  | ErrorEvent;

/** How a run ended. */
export interface RunSummary {
  readonly outcome: RunOutcome;
  /** Of the container that the run is about. */
  readonly exitCode: number | null;
  /** Short: `OOMKilled`, `Evicted`, `ImagePullBackOff`, `Unschedulable`, `Deleted`, `ResultInvalid`; null when it succeeded. */
  readonly reason: string | null;
  /** A sentence for people. */
  readonly message: string | null;
  /** The last lines that the failed container wrote, where the kubelet kept them. */
  readonly output: string | null;
  readonly containers: readonly ContainerEnd[];
  /** What Kubernetes' events say of a pod that failed, oldest first. */
  readonly podEvents: readonly string[];
}

/** The last event when something could not be done. */
export interface ErrorEvent {
  readonly type: 'error';
  readonly code: RunErrorCode;
  readonly message: string;
}

/** Takes what is told. */
export interface EventSink<E> {
  /** @returns false: no more for now; `ready` tells when there is room again */
  tell(event: E): boolean;
  /** Resolves when there is room again. */
  ready(): Promise<void>;
}

export type RunSink = EventSink<RunEvent>;

/** The run ends here; what is said is for the user. */
export class RunError extends Error {
  override readonly name = 'RunError';
  constructor(
    readonly code: RunErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}
