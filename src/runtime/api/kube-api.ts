import type { RawEvent } from '../pods/events.js';
import type { RawPod } from '../pods/observe.js';

/** One page of a list. */
export interface PodPage {
  readonly items: readonly RawPod[];
  /** Version to start a watch from. */
  readonly resourceVersion: string;
  /** Token of the next page; null on the last. */
  readonly next: string | null;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** One line of a watch. The object of an ERROR is a Status. */
export interface WatchEvent {
  readonly type: WatchEventType;
  readonly object: RawPod & { readonly code?: number; readonly message?: string; readonly reason?: string };
}

/** One operation of a JSON Patch (RFC 6902). */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'test';
  readonly path: string;
  readonly value: unknown;
}

/** A right to ask about. */
export interface AccessQuestion {
  readonly namespace: string;
  readonly resource: string;
  readonly verb: string;
}

/** Everything the runtime asks of the Kubernetes API. Every method throws KubeError. */
export interface KubeApi {
  /**
   * @param body JSON of the pod
   * @param lapsed asked at the last moment: a process that was paused meanwhile must not send it any more
   * @returns the uid of the new pod
   */
  createPod(namespace: string, body: string, lapsed?: () => boolean): Promise<string>;
  /** @returns null when there is no such pod. */
  getPod(namespace: string, name: string): Promise<RawPod | null>;
  /** Deletes the pod only if it still is that one. A pod that is gone or replaced is no error. */
  deletePod(namespace: string, name: string, uid: string): Promise<void>;
  /** Sets labels. A pod that is gone is no error. */
  labelPod(namespace: string, name: string, uid: string, labels: Readonly<Record<string, string>>): Promise<void>;
  /** The events about one pod that the cluster still has; a bounded number of them. */
  listPodEvents(namespace: string, uid: string): Promise<readonly RawEvent[]>;
  /** Applies a JSON Patch (RFC 6902); status 422 when one of its `test`s fails. */
  patchPod(namespace: string, name: string, operations: readonly PatchOperation[]): Promise<void>;
  listPods(namespace: string, selector: string, next: string | null): Promise<PodPage>;
  /**
   * Follows changes after `resourceVersion`. Resolves when the server ends the stream; throws when it breaks, is
   * silent for `silenceMs`, or `signal` is aborted.
   */
  watchPods(
    namespace: string,
    selector: string,
    resourceVersion: string,
    options: { readonly silenceMs: number; readonly signal: AbortSignal },
    onEvent: (event: WatchEvent) => void,
  ): Promise<void>;
  /** Does the API server allow it to us? */
  mayI(question: AccessQuestion): Promise<boolean>;
  /** @param data plain text values. @returns false when a Secret of that name exists already. */
  createSecret(
    namespace: string,
    name: string,
    labels: Readonly<Record<string, string>>,
    data: Readonly<Record<string, string>>,
  ): Promise<boolean>;
  /** The values of a Secret as text; null when there is no such Secret. */
  readSecret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | null>;
  close(): void;
}
