import * as http from 'node:http';
import * as https from 'node:https';
import { createInterface } from 'node:readline';
import type { KubeConfig } from '@kubernetes/client-node';
import { CliError, errorMessage, EXIT_CODES } from '../errors.js';
import type { KubeObject } from './objects.js';

/** An answer of the API server that is no success. */
export class KubeApiError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
    this.name = 'KubeApiError';
  }
}

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** The request fails when nothing comes for so long. @default 30 s */
  readonly silenceMs?: number;
}

const SILENCE_MS = 30_000;
/** On a watch the API server sends a bookmark about every minute. */
const WATCH_SILENCE_MS = 90_000;

/** What the API server says of one kind. */
interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface WatchEvent<T extends KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/**
 * Requests to one API server, with the JSON exactly as given: the typed clients drop fields that they do not
 * know, and then the server cannot refuse a misspelt one.
 */
export class KubeClient {
  private readonly resources = new Map<string, Promise<readonly ApiResource[]>>();

  constructor(readonly config: KubeConfig) {}

  /** Address of the API server. */
  get server(): string {
    return this.config.getCurrentCluster()?.server ?? '';
  }

  /**
   * @returns the parsed JSON of the answer
   * @throws KubeApiError if the server answers with an error
   * @throws CliError CLUSTER if it does not answer
   */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return JSON.parse(await this.requestText(method, path, options)) as T;
  }

  /** Like `request`, for answers that are plain text (logs). */
  async requestText(method: string, path: string, options: RequestOptions = {}): Promise<string> {
    const response = await this.send(method, path, options);
    const text = await readAll(response);
    const code = response.statusCode ?? 0;
    if (code >= 300) {
      throw apiError(code, text);
    }
    return text;
  }

  /**
   * Path of a kind's collection, or of one object in it.
   * @throws KubeApiError 404 if the cluster does not know the kind
   */
  async pathOf(apiVersion: string, kind: string, namespace?: string, name?: string): Promise<string> {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    let known = this.resources.get(apiVersion);
    if (known === undefined) {
      known = this.request<{ resources: ApiResource[] }>('GET', base).then((list) => list.resources);
      known.catch(() => this.resources.delete(apiVersion));
      this.resources.set(apiVersion, known);
    }
    const resource = (await known).find((entry) => entry.kind === kind && !entry.name.includes('/'));
    if (resource === undefined) {
      throw new KubeApiError(404, 'NotFound', `the cluster does not know the kind ${kind} of ${apiVersion}`);
    }
    const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
    return `${base}${scope}/${resource.name}${name === undefined ? '' : `/${name}`}`;
  }

  /** Is the kind namespaced? */
  async isNamespaced(apiVersion: string, kind: string): Promise<boolean> {
    return (await this.pathOf(apiVersion, kind, '-')).includes('/namespaces/-/');
  }

  /**
   * All objects of a kind in a namespace, with their `kind` and `apiVersion` (list items come without).
   * @param namespace undefined: in all of them, or of the whole cluster
   */
  async list<T extends KubeObject>(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    labelSelector?: string,
  ): Promise<T[]> {
    const path = await this.pathOf(apiVersion, kind, namespace);
    const list = await this.request<{ items: T[] }>('GET', path, { query: { labelSelector } });
    return list.items.map((item) => ({ ...item, apiVersion, kind }));
  }

  /** The object, or undefined if there is none. */
  async find<T extends KubeObject>(
    apiVersion: string,
    kind: string,
    namespace: string,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await this.request<T>('GET', await this.pathOf(apiVersion, kind, namespace, name));
    } catch (error) {
      if (error instanceof KubeApiError && error.code === 404) {
        return undefined;
      }
      throw error;
    }
  }

  /** Events of one watch request, until the server ends it. */
  async *watch<T extends KubeObject>(path: string, options: RequestOptions): AsyncGenerator<WatchEvent<T>> {
    const query = { ...options.query, watch: true, allowWatchBookmarks: true };
    const response = await this.send('GET', path, { silenceMs: WATCH_SILENCE_MS, ...options, query });
    if ((response.statusCode ?? 0) >= 300) {
      throw apiError(response.statusCode ?? 0, await readAll(response));
    }
    const failure: { error?: Error } = {};
    response.on('error', (error: Error) => (failure.error = error));
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      if (line !== '') {
        yield JSON.parse(line) as WatchEvent<T>;
      }
    }
    if (failure.error !== undefined) {
      throw failure.error;
    }
  }

  private async send(method: string, path: string, options: RequestOptions): Promise<http.IncomingMessage> {
    const url = new URL(this.server.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) {
        url.searchParams.set(name, String(value));
      }
    }
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const request: https.RequestOptions = {
      method,
      headers: {
        accept: 'application/json, */*',
        ...(body === undefined
          ? {}
          : { 'content-type': options.contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
    await this.config.applyToHTTPSOptions(request);
    const send = url.protocol === 'http:' ? http.request : https.request;
    return await new Promise((resolve, reject) => {
      let response: http.IncomingMessage | undefined;
      const outgoing = send(url, request, (answer) => {
        response = answer;
        resolve(answer);
      });
      const silenceMs = options.silenceMs ?? SILENCE_MS;
      outgoing.setTimeout(silenceMs, () => {
        // Whoever reads the answer is told, or else who waits for one.
        (response ?? outgoing).destroy(unreachable(this.server, new Error(`nothing came for ${silenceMs / 1000} s`)));
      });
      outgoing.on('error', (error) => {
        const known = options.signal?.aborted === true || error instanceof CliError;
        reject(known ? error : unreachable(this.server, error));
      });
      outgoing.end(body);
    });
  }
}

function unreachable(server: string, error: Error): CliError {
  return new CliError(EXIT_CODES.CLUSTER, `The cluster at ${server} does not answer: ${errorMessage(error)}`, {
    cause: error,
  });
}

function apiError(code: number, text: string): KubeApiError {
  try {
    const status = JSON.parse(text) as { reason?: string; message?: string };
    return new KubeApiError(code, status.reason ?? '', status.message ?? text);
  } catch {
    return new KubeApiError(code, '', text.trim() === '' ? `HTTP ${code}` : text.trim());
  }
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
