import type { ErrorEvent, RunOutcome } from '../run/events.js';

/** Which object is spoken of. */
export interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  /** null: of the whole cluster. */
  readonly namespace: string | null;
  readonly name: string;
}

/** What became of an object: as it is at the end, or that there was none to delete. */
export type ObjectFate = 'kept' | 'deleted' | 'absent';

/** What is told while manifests are applied. */
export type ApplyEvent =
  /** Everything was tried by the server and nothing was refused; changes begin now. */
  | { readonly type: 'checked'; readonly objects: number }
  | ({
      readonly type: 'object';
      readonly action: 'created' | 'configured' | 'unchanged' | 'reattached' | 'deleted' | 'absent';
      readonly uid: string;
    } & ObjectName)
  /** What an object that is waited for says of itself. */
  | ({ readonly type: 'state'; readonly status: string } & ObjectName)
  | ({ readonly type: 'met'; readonly condition: string } & ObjectName)
  /** One line of a Pod's log, without its end. */
  | { readonly type: 'log'; readonly container: string; readonly time: string; readonly line: string }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'ended';
      readonly outcome: RunOutcome;
      /** Of the first Pod that was followed to its end and has one. */
      readonly exitCode: number | null;
      /** Short: `Timeout`, `ConditionFailed`, `Deleted`, `Killed`; null when it succeeded. */
      readonly reason: string | null;
      /** A sentence for people. */
      readonly message: string | null;
      readonly objects: readonly (ObjectName & { readonly uid: string; readonly fate: ObjectFate })[];
      /** To the API server, from the start on. */
      readonly requests: number;
    }
  | ErrorEvent;
