import type { RawEvent } from '../pods/events.js';
import { ignoring, LineSplitter, METADATA_ONLY, orNull, parse } from './answers.js';
import type { Credentials } from './credentials.js';
import { KubeError } from './errors.js';
import { type Flow, Http2Transport } from './http2-transport.js';
import { listEvents } from './list-events.js';
import type {
  ApiResource,
  Applied,
  ApplyOptions,
  Collection,
  KubeObject,
  LogQuery,
  ObjectApi,
  ObjectEvent,
  ObjectMeta,
  ObjectRight,
  Propagation,
  Selector,
  WriteOptions,
} from './object-api.js';

const WRITE_DEADLINE_MS = 30_000;
const READ_DEADLINE_MS = 60_000;
const MAX_ITEMS = 500;
const HTTP_CREATED = 201;
const WRONG_BODY = 'failed to create typed patch object';
/** The API server ends a watch after so long; without it after 30 to 60 minutes. */
const WATCH_SECONDS = 3000;

/** The HTTP/2 sessions of an ObjectApi: the bytes of logs that nobody takes must not hold back a watch or a delete. */
export interface ObjectSessions {
  readonly calls: Http2Transport;
  /** Of logs that are read to where they are. */
  readonly logs: Http2Transport;
  /** Of logs that are followed. An API server takes only so many streams a session; what is above it waits. */
  readonly follows: Http2Transport;
}

/** ObjectApi over HTTP/2 sessions of its own, or over shared ones, which outlive it. */
export class Http2ObjectApi implements ObjectApi {
  private readonly calls: Http2Transport;
  private readonly logs: Http2Transport;
  private readonly follows: Http2Transport;
  private made = 0;

  constructor(
    credentials: Credentials,
    version: string,
    private readonly shared: ObjectSessions | null = null,
  ) {
    const userAgent = `pod-launcher/${version}`;
    this.calls = shared?.calls ?? new Http2Transport(credentials, userAgent);
    this.logs = shared?.logs ?? new Http2Transport(credentials, userAgent);
    this.follows = shared?.follows ?? this.logs;
  }

  async create(where: Collection<KubeObject>, body: object, options: WriteOptions = {}): Promise<ObjectMeta> {
    const { body: answer } = await this.counted(this.calls).request({
      method: 'POST',
      path: pathOf(where) + written(options),
      body: JSON.stringify(body),
      accept: METADATA_ONLY,
      deadlineMs: WRITE_DEADLINE_MS,
    });
    const { metadata } = parse<KubeObject>(answer);
    // What was not written has no version.
    if (metadata?.uid === undefined || (metadata.resourceVersion === undefined && options.dryRun !== true)) {
      throw new KubeError('connection', 'the answer to a create has no uid or no version');
    }
    return metadata;
  }

  async apply<T extends KubeObject>(
    where: Collection<T>,
    name: string,
    body: object,
    { fieldManager, force = false, ...options }: ApplyOptions,
  ): Promise<Applied<T>> {
    const call = this.counted(this.calls).request({
      method: 'PATCH',
      path: `${pathOf(where)}/${name}${written(options, { fieldManager, ...(force ? { force: 'true' } : {}) })}`,
      // JSON is YAML.
      body: JSON.stringify(body),
      contentType: 'application/apply-patch+yaml',
      deadlineMs: WRITE_DEADLINE_MS,
    });
    const { body: answer, status } = await call.catch(badRequest);
    const object = parse<T>(answer);
    if (object.metadata?.uid === undefined) {
      throw new KubeError('connection', 'the answer to an apply has no uid');
    }
    return { object, created: status === HTTP_CREATED };
  }

  async resources(apiVersion: string): Promise<readonly ApiResource[] | null> {
    const call = this.counted(this.calls).request({
      method: 'GET',
      path: rootOf(apiVersion),
      deadlineMs: READ_DEADLINE_MS,
    });
    return (await orNull<{ resources?: ApiResource[] }>(call))?.resources ?? null;
  }

  async mayI({ where, verb, name }: ObjectRight): Promise<boolean> {
    const { apiVersion, namespace, plural: resource } = where;
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    const { body } = await this.counted(this.calls).request({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: JSON.stringify({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace: namespace ?? '', group, resource, verb, name } },
      }),
      deadlineMs: WRITE_DEADLINE_MS,
    });
    return parse<{ status?: { allowed?: boolean } }>(body).status?.allowed === true;
  }

  async get<T extends KubeObject>(where: Collection<T>, name: string): Promise<T | null> {
    return orNull<T>(
      this.counted(this.calls).request({
        method: 'GET',
        path: `${pathOf(where)}/${name}`,
        deadlineMs: READ_DEADLINE_MS,
      }),
    );
  }

  async list<T extends KubeObject>(
    where: Collection<T>,
    selector: Selector,
  ): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
    const query = selection(selector, { limit: String(MAX_ITEMS) });
    const { body } = await this.counted(this.calls).request({
      method: 'GET',
      path: `${pathOf(where)}?${query}`,
      deadlineMs: READ_DEADLINE_MS,
    });
    const { items, metadata } = parse<{ items?: T[]; metadata?: { resourceVersion?: string } }>(body);
    if (!Array.isArray(items) || metadata?.resourceVersion === undefined) {
      throw new KubeError('connection', `the answer to a list of ${where.plural} is none`);
    }
    return { items, resourceVersion: metadata.resourceVersion };
  }

  watch<T extends KubeObject>(
    where: Collection<T>,
    selector: Selector,
    resourceVersion: string,
    options: { readonly silenceMs: number; readonly signal: AbortSignal },
    onEvent: (event: ObjectEvent<T>) => void,
  ): Promise<void> {
    const query = selection(selector, {
      resourceVersion,
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const lines = new LineSplitter((line) => {
      onEvent(parse<ObjectEvent<T>>(line));
    });
    return this.counted(this.calls).stream(
      { method: 'GET', path: `${pathOf(where)}?${query}`, deadlineMs: READ_DEADLINE_MS },
      options,
      (chunk) => lines.push(chunk),
    );
  }

  async patch(where: Collection<KubeObject>, name: string, change: object): Promise<void> {
    await this.counted(this.calls).request({
      method: 'PATCH',
      path: `${pathOf(where)}/${name}`,
      body: JSON.stringify(change),
      contentType: 'application/merge-patch+json',
      accept: METADATA_ONLY,
      deadlineMs: WRITE_DEADLINE_MS,
    });
  }

  async delete(
    where: Collection<KubeObject>,
    name: string,
    uid: string,
    graceSeconds?: number | null,
    propagation?: Propagation,
  ): Promise<void> {
    const grace = graceSeconds === undefined || graceSeconds === null ? {} : { gracePeriodSeconds: graceSeconds };
    await ignoring([404, 409], () =>
      this.counted(this.calls).request({
        method: 'DELETE',
        path: `${pathOf(where)}/${name}`,
        body: JSON.stringify({
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          preconditions: { uid },
          ...grace,
          ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
        }),
        accept: METADATA_ONLY,
        deadlineMs: WRITE_DEADLINE_MS,
      }),
    );
  }

  podLog(
    namespace: string,
    pod: string,
    { container, follow = false, timestamps = false, sinceTime, limitBytes }: LogQuery,
    options: { readonly signal: AbortSignal; readonly flow?: (flow: Flow) => void },
    onChunk: (chunk: Buffer) => void,
  ): Promise<void> {
    const query = new URLSearchParams({
      container,
      ...(follow ? { follow: 'true' } : {}),
      ...(timestamps ? { timestamps: 'true' } : {}),
      ...(sinceTime === undefined || sinceTime === null ? {} : { sinceTime }),
      ...(limitBytes === undefined ? {} : { limitBytes: String(limitBytes) }),
    });
    return this.counted(follow ? this.follows : this.logs).stream(
      {
        method: 'GET',
        path: `/api/v1/namespaces/${namespace}/pods/${pod}/log?${query.toString()}`,
        accept: '*/*',
        deadlineMs: READ_DEADLINE_MS,
      },
      // A container may say nothing for days; one that has ended does not.
      { ...options, silenceMs: follow ? Infinity : READ_DEADLINE_MS },
      (chunk) => {
        onChunk(chunk);
        return true;
      },
    );
  }

  events(namespace: string, uid: string): Promise<readonly RawEvent[]> {
    return listEvents(this.counted(this.calls), namespace, uid);
  }

  requests(): number {
    return this.made;
  }

  private counted(transport: Http2Transport): Http2Transport {
    this.made += 1;
    return transport;
  }

  close(): void {
    if (this.shared === null) {
      this.calls.close();
      this.logs.close();
    }
  }
}

function pathOf({ apiVersion, plural, namespace }: Collection<KubeObject>): string {
  const place = namespace === null ? '' : `/namespaces/${namespace}`;
  return `${rootOf(apiVersion)}${place}/${plural}`;
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** The API server takes the blame for a body that is not of its kind: a repetition would not mend it. */
function badRequest(error: unknown): never {
  if (error instanceof KubeError && error.status === 500 && error.message.startsWith(WRONG_BODY)) {
    throw new KubeError('response', error.message, { status: 400, reason: 'BadRequest', cause: error });
  }
  throw error;
}

/** The query of a write; empty without any. */
function written(
  { dryRun = false, strict = false }: WriteOptions,
  rest: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams({
    ...rest,
    ...(dryRun ? { dryRun: 'All' } : {}),
    ...(strict ? { fieldValidation: 'Strict' } : {}),
  }).toString();
  return query === '' ? '' : `?${query}`;
}

function selection({ labels, fields }: Selector, rest: Readonly<Record<string, string>>): string {
  return new URLSearchParams({
    ...(labels === undefined ? {} : { labelSelector: labels }),
    ...(fields === undefined ? {} : { fieldSelector: fields }),
    ...rest,
  }).toString();
}
