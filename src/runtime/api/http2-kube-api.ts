import type { RawEvent } from '../pods/events.js';
import type { RawPod } from '../pods/observe.js';
import { ignoring, LineSplitter, METADATA_ONLY, orNull, parse } from './answers.js';
import type { Credentials } from './credentials.js';
import { KubeError } from './errors.js';
import { Http2Transport } from './http2-transport.js';
import type { AccessQuestion, KubeApi, PatchOperation, PodPage, WatchEvent } from './kube-api.js';
import type { RequestObserver } from './request-observer.js';
import { listEvents } from './list-events.js';

const WRITE_DEADLINE_MS = 30_000;
const READ_DEADLINE_MS = 60_000;
const PAGE_SIZE = 500;
/** The API server ends a watch after so long; without it after 30 to 60 minutes. */
const WATCH_SECONDS = 3000;

/** KubeApi over two HTTP/2 sessions: a watch must not wait behind the bytes of 64 creates, nor the other way round. */
export class Http2KubeApi implements KubeApi {
  private readonly calls: Http2Transport;
  private readonly watches: Http2Transport;

  constructor(credentials: Credentials, version: string, observe?: RequestObserver) {
    const userAgent = `pod-launcher/${version}`;
    this.calls = new Http2Transport(credentials, userAgent, observe);
    this.watches = new Http2Transport(credentials, userAgent, observe);
  }

  async createPod(namespace: string, body: string, lapsed?: () => boolean): Promise<string> {
    const { body: answer } = await this.calls.request({
      method: 'POST',
      path: pods(namespace),
      body,
      accept: METADATA_ONLY,
      deadlineMs: WRITE_DEADLINE_MS,
      lapsed,
    });
    const uid = parse<RawPod>(answer).metadata?.uid;
    if (uid === undefined) {
      throw new KubeError('connection', 'the answer to a create has no uid');
    }
    return uid;
  }

  async getPod(namespace: string, name: string): Promise<RawPod | null> {
    return orNull<RawPod>(
      this.calls.request({ method: 'GET', path: `${pods(namespace)}/${name}`, deadlineMs: READ_DEADLINE_MS }),
    );
  }

  async deletePod(namespace: string, name: string, uid: string): Promise<void> {
    await ignoring([404, 409], () =>
      this.calls.request({
        method: 'DELETE',
        path: `${pods(namespace)}/${name}`,
        body: JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } }),
        accept: METADATA_ONLY,
        deadlineMs: WRITE_DEADLINE_MS,
      }),
    );
  }

  async labelPod(
    namespace: string,
    name: string,
    uid: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<void> {
    // With the uid in the patch the API server answers 409 when the pod is another one by now.
    await ignoring([404, 409], () =>
      this.calls.request({
        method: 'PATCH',
        path: `${pods(namespace)}/${name}`,
        body: JSON.stringify({ metadata: { uid, labels } }),
        contentType: 'application/merge-patch+json',
        accept: METADATA_ONLY,
        deadlineMs: WRITE_DEADLINE_MS,
      }),
    );
  }

  listPodEvents(namespace: string, uid: string): Promise<readonly RawEvent[]> {
    return listEvents(this.calls, namespace, uid);
  }

  async patchPod(namespace: string, name: string, operations: readonly PatchOperation[]): Promise<void> {
    await this.calls.request({
      method: 'PATCH',
      path: `${pods(namespace)}/${name}`,
      body: JSON.stringify(operations),
      contentType: 'application/json-patch+json',
      accept: METADATA_ONLY,
      deadlineMs: WRITE_DEADLINE_MS,
    });
  }

  async listPods(namespace: string, selector: string, next: string | null): Promise<PodPage> {
    const query = new URLSearchParams({ labelSelector: selector, limit: String(PAGE_SIZE) });
    if (next !== null) {
      query.set('continue', next);
    }
    const { body } = await this.calls.request({
      method: 'GET',
      path: `${pods(namespace)}?${query.toString()}`,
      deadlineMs: READ_DEADLINE_MS,
    });
    const list = parse<{ items?: RawPod[]; metadata?: { resourceVersion?: string; continue?: string } }>(body);
    // Every pod that a list lacks counts as lost: an answer of something in between must not pass for an empty one.
    if (!Array.isArray(list.items) || list.metadata?.resourceVersion === undefined) {
      throw new KubeError('connection', 'the answer to a list is no list of pods');
    }
    return {
      items: list.items,
      resourceVersion: list.metadata.resourceVersion,
      next: list.metadata.continue === undefined || list.metadata.continue === '' ? null : list.metadata.continue,
    };
  }

  watchPods(
    namespace: string,
    selector: string,
    resourceVersion: string,
    options: { readonly silenceMs: number; readonly signal: AbortSignal },
    onEvent: (event: WatchEvent) => void,
  ): Promise<void> {
    const query = new URLSearchParams({
      labelSelector: selector,
      resourceVersion,
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const lines = new LineSplitter((line) => {
      onEvent(parse<WatchEvent>(line));
    });
    return this.watches.stream(
      { method: 'GET', path: `${pods(namespace)}?${query.toString()}`, deadlineMs: READ_DEADLINE_MS },
      options,
      (chunk) => lines.push(chunk),
    );
  }

  async mayI({ namespace, resource, verb }: AccessQuestion): Promise<boolean> {
    const { body } = await this.calls.request({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: JSON.stringify({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace, resource, verb } },
      }),
      deadlineMs: WRITE_DEADLINE_MS,
    });
    return parse<{ status?: { allowed?: boolean } }>(body).status?.allowed === true;
  }

  async createSecret(
    namespace: string,
    name: string,
    labels: Readonly<Record<string, string>>,
    data: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    try {
      await this.calls.request({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/secrets`,
        body: JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, labels }, stringData: data }),
        accept: METADATA_ONLY,
        deadlineMs: WRITE_DEADLINE_MS,
      });
      return true;
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) {
        return false;
      }
      throw error;
    }
  }

  async readSecret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | null> {
    const secret = await orNull<{ data?: Record<string, string> }>(
      this.calls.request({
        method: 'GET',
        path: `/api/v1/namespaces/${namespace}/secrets/${name}`,
        deadlineMs: READ_DEADLINE_MS,
      }),
    );
    if (secret === null) {
      return null;
    }
    const entries = Object.entries(secret.data ?? {});
    return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
  }

  close(): void {
    this.calls.close();
    this.watches.close();
  }
}

function pods(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}
