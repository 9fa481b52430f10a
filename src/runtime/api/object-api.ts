import type { RawEvent } from '../pods/events.js';
import type { Flow } from './http2-transport.js';

/** What every object says of itself. */
export interface ObjectMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
}

/** An object of the API, as far as every kind is alike. */
export interface KubeObject {
  readonly metadata?: ObjectMeta;
}

/** The objects of one kind in one namespace; `T` is what is looked at of each. */
export interface Collection<T extends KubeObject> {
  /** `v1`, `batch/v1`. */
  readonly apiVersion: string;
  /** As in the address: `pods`, `jobs`. */
  readonly plural: string;
  /** null: objects of this kind are in no namespace. */
  readonly namespace: string | null;
  /** Never there: it ties the type of the objects to their collection. */
  readonly shape?: T;
}

/** Which objects of a collection. */
export interface Selector {
  readonly labels?: string;
  readonly fields?: string;
}

/** One line of a watch. The object of an ERROR is a Status. */
export interface ObjectEvent<T extends KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T & { readonly code?: number; readonly message?: string; readonly reason?: string };
}

/** Which part of a container's log. */
export interface LogQuery {
  readonly container: string;
  /** Go on until the container ends. */
  readonly follow?: boolean;
  /** Each line begins with its time and a blank. */
  readonly timestamps?: boolean;
  /** RFC 3339; the kubelet looks at whole seconds. */
  readonly sinceTime?: string | null;
  readonly limitBytes?: number;
}

/** Whether an object goes before what it owns, or waits for its end. */
export type Propagation = 'Background' | 'Foreground';

/** How a write is done. */
export interface WriteOptions {
  /** Everything but the write itself: admission, validation, rights. */
  readonly dryRun?: boolean;
  /** A field that the kind does not have is refused, as is one that is named twice. Default: it is dropped. */
  readonly strict?: boolean;
}

/** How a server-side apply is done. */
export interface ApplyOptions extends WriteOptions {
  /** Whose fields these are; a later apply of the same manager takes away what it leaves out. */
  readonly fieldManager: string;
  /** Take fields over from other managers. Default: status 409. */
  readonly force?: boolean;
}

/** An object as the server has it after a write. */
export interface Applied<T extends KubeObject> {
  readonly object: T;
  /** Was there none before? */
  readonly created: boolean;
}

/** A kind as the API server describes it: the part that is looked at. */
export interface ApiResource {
  /** The plural; of a subresource `deployments/scale`. */
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** A right to ask about. */
export interface ObjectRight {
  readonly where: Collection<KubeObject>;
  readonly verb: string;
  readonly name?: string;
}

/** What the operators ask of the Kubernetes API, for objects of any kind. Every method throws KubeError. */
export interface ObjectApi {
  /** @returns the metadata of the new object */
  create(where: Collection<KubeObject>, body: object, options?: WriteOptions): Promise<ObjectMeta>;
  /** Server-side apply: creates the object or changes the fields that are given. Safe to repeat. */
  apply<T extends KubeObject>(
    where: Collection<T>,
    name: string,
    body: object,
    options: ApplyOptions,
  ): Promise<Applied<T>>;
  /** The kinds of a group and version (`v1`, `batch/v1`); null when the server does not have it. */
  resources(apiVersion: string): Promise<readonly ApiResource[] | null>;
  /** Does the API server allow it to us? */
  mayI(right: ObjectRight): Promise<boolean>;
  /** @returns null when there is no such object. */
  get<T extends KubeObject>(where: Collection<T>, name: string): Promise<T | null>;
  /** At most 500 of them. */
  list<T extends KubeObject>(
    where: Collection<T>,
    selector: Selector,
  ): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>;
  /**
   * Follows changes after `resourceVersion`. Resolves when the server ends the stream; throws when it breaks, is
   * silent for `silenceMs`, or `signal` is aborted.
   */
  watch<T extends KubeObject>(
    where: Collection<T>,
    selector: Selector,
    resourceVersion: string,
    options: { readonly silenceMs: number; readonly signal: AbortSignal },
    onEvent: (event: ObjectEvent<T>) => void,
  ): Promise<void>;
  /** Applies a JSON merge patch (RFC 7386). With a `metadata.uid` in it: status 409 when it is another object by now. */
  patch(where: Collection<KubeObject>, name: string, change: object): Promise<void>;
  /**
   * Deletes the object only if it still is that one. One that is gone or replaced is no error.
   * @param graceSeconds that its processes get to end. Default: what the object says
   * @param propagation what becomes of what it owns. Default: what its kind says; of Jobs the pods stay
   */
  delete(
    where: Collection<KubeObject>,
    name: string,
    uid: string,
    graceSeconds?: number | null,
    propagation?: Propagation,
  ): Promise<void>;
  /** The bytes of a container's log as they come. Resolves when the server ends the stream. */
  podLog(
    namespace: string,
    pod: string,
    query: LogQuery,
    options: { readonly signal: AbortSignal; readonly flow?: (flow: Flow) => void },
    onChunk: (chunk: Buffer) => void,
  ): Promise<void>;
  /** The events about one object that the cluster still has; a bounded number of them. */
  events(namespace: string, uid: string): Promise<readonly RawEvent[]>;
  /** How many requests were made so far. */
  requests(): number;
  close(): void;
}
