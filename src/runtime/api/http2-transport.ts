import http2 from 'node:http2';
import { steadyNow } from '../clock.js';
import type { Access, Credentials } from './credentials.js';
import { asKubeError, KubeError } from './errors.js';
import { observed, type RequestObserver } from './request-observer.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly deadlineMs: number;
  /** Asked right before it is written; if so it is not. */
  readonly lapsed?: (() => boolean) | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: string;
}

/** A response that is read while it arrives. */
export interface StreamOptions {
  /** The stream is given up when nothing whole arrives for so long. `Infinity`: only pings find a dead peer. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  /** Gets what holds the stream back, for a reader that is slower than the server. */
  readonly flow?: (flow: Flow) => void;
}

/** Holds a stream back, so that what is not read yet waits at the server and not in the memory. */
export interface Flow {
  pause(): void;
  resume(): void;
}

const PING_EVERY_MS = 20_000;
const PING_TIMEOUT_MS = 10_000;
/** Far above a page of 500 pods: what is longer does not end, and must not fill the memory until its deadline. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_FAILURE_CHUNKS = 16;
/** Node's 64 KiB window would make every page of a list wait for a round trip per window. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * One HTTP/2 session to the API server, opened when it is needed and replaced when it ends (GOAWAY, error, dead peer,
 * rotated certificates). Errors are KubeErrors; nothing is retried here: only the caller knows what may be repeated.
 */
export class Http2Transport {
  private session: http2.ClientHttp2Session | null = null;
  private sessionKey = '';
  /** What was made of the access data last: they are the same for a minute, and there are hundreds of calls a second. */
  private route: Route | null = null;

  constructor(
    private readonly credentials: Credentials,
    private readonly userAgent: string,
    private readonly observe: RequestObserver = () => undefined,
  ) {}

  /**
   * One call with its whole answer.
   * @throws KubeError for every status of 400 and above, and when there is no answer
   */
  request(request: HttpRequest): Promise<HttpResponse> {
    return observed(
      this.observe,
      request,
      () => this.exchange(request),
      ({ status }) => status,
    );
  }

  private async exchange(request: HttpRequest): Promise<HttpResponse> {
    const { session, headers } = await this.open(request);
    if (request.lapsed?.() === true) {
      throw new KubeError('connection', `${request.method} ${request.path} came too late and was not sent`);
    }
    return new Promise((resolve, reject) => {
      const stream = begin(session, headers, request.body !== undefined);
      let status = 0;
      let retryAfter: string | undefined;
      let ended = false;
      let received = 0;
      const chunks: Buffer[] = [];
      const deadline = setTimeout(() => {
        reject(new KubeError('timeout', `no answer to ${request.method} ${request.path} in ${request.deadlineMs} ms`));
        stream.close(http2.constants.NGHTTP2_CANCEL);
        this.probe(session);
      }, request.deadlineMs);
      stream.on('response', (answer) => {
        status = answer[':status'] ?? 0;
        retryAfter = answer['retry-after'];
      });
      stream.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        received += chunk.length;
        if (received > MAX_ANSWER_BYTES) {
          reject(new KubeError('connection', `the answer to ${request.method} ${request.path} does not end`));
          stream.close(http2.constants.NGHTTP2_CANCEL);
        }
      });
      stream.on('end', () => (ended = true));
      stream.on('error', (error: Error) => {
        reject(connectionError(request, error));
      });
      stream.on('close', () => {
        clearTimeout(deadline);
        if (!ended || status === 0) {
          reject(connectionError(request, new Error('the connection ended before the answer did')));
          return;
        }
        const body = Buffer.concat(chunks).toString('utf8');
        if (status >= 400) {
          this.refused(status);
          reject(KubeError.fromResponse(status, body, retryAfter));
        } else {
          resolve({ status, body });
        }
      });
      if (request.body !== undefined) {
        stream.end(request.body);
      }
    });
  }

  /**
   * A call whose answer goes on and on; `onChunk` gets its bytes. Resolves when the server ends it.
   * @param onChunk tells whether something whole has arrived: bytes that never become anything are silence, too
   * @throws KubeError as `request` does, and a timeout when the stream is silent for too long
   */
  stream(request: HttpRequest, options: StreamOptions, onChunk: (chunk: Buffer) => boolean): Promise<void> {
    return observed(
      this.observe,
      request,
      () => this.follow(request, options, onChunk),
      () => 200,
    );
  }

  private async follow(
    request: HttpRequest,
    options: StreamOptions,
    onChunk: (chunk: Buffer) => boolean,
  ): Promise<void> {
    const { session, headers } = await this.open(request);
    return new Promise((resolve, reject) => {
      const stream = begin(session, headers, request.body !== undefined);
      let status = 0;
      let ended = false;
      let retryAfter: string | undefined;
      const failure: Buffer[] = [];
      let stopped = false;
      const stop = (error: KubeError): void => {
        stopped = true;
        reject(error);
        stream.close(http2.constants.NGHTTP2_CANCEL);
      };
      const abort = (): void => {
        stop(new KubeError('connection', 'the watch was stopped'));
      };
      // A timer that is moved by each chunk would be re-made thousands of times a second: it looks at the clock.
      let heardAt = steadyNow();
      const silence = Number.isFinite(options.silenceMs)
        ? setInterval(
            () => {
              if (steadyNow() - heardAt >= options.silenceMs) {
                stop(new KubeError('timeout', `${request.path} was silent for ${options.silenceMs} ms`));
                this.probe(session);
              }
            },
            Math.max(10, options.silenceMs / 20),
          )
        : undefined;
      options.flow?.(stream);
      options.signal.addEventListener('abort', abort);
      stream.on('response', (answer) => {
        status = answer[':status'] ?? 0;
        retryAfter = answer['retry-after'];
        heardAt = steadyNow();
      });
      stream.on('data', (chunk: Buffer) => {
        // What comes after something that was not understood must not hide the gap.
        if (stopped) {
          return;
        }
        if (status >= 400) {
          // What is said of a failure is short; one that does not end is given up as silent.
          if (failure.length < MAX_FAILURE_CHUNKS) {
            failure.push(chunk);
          }
          return;
        }
        try {
          if (onChunk(chunk)) {
            heardAt = steadyNow();
          }
        } catch (error) {
          stop(asKubeError(error));
        }
      });
      stream.on('end', () => (ended = true));
      stream.on('error', (error: Error) => {
        reject(connectionError(request, error));
      });
      stream.on('close', () => {
        clearInterval(silence);
        options.signal.removeEventListener('abort', abort);
        if (status >= 400) {
          this.refused(status);
          reject(KubeError.fromResponse(status, Buffer.concat(failure).toString('utf8'), retryAfter));
        } else if (ended && status > 0) {
          resolve();
        } else {
          reject(connectionError(request, new Error('the connection ended')));
        }
      });
      if (options.signal.aborted) {
        abort();
      }
      if (request.body !== undefined) {
        stream.end(request.body);
      }
    });
  }

  close(): void {
    this.session?.close();
    this.session = null;
  }

  private async open(
    request: HttpRequest,
  ): Promise<{ session: http2.ClientHttp2Session; headers: http2.OutgoingHttpHeaders }> {
    let access: Access;
    try {
      access = await this.credentials.access();
    } catch (error) {
      throw new KubeError('connection', `no credentials for the API server: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (this.route?.access !== access) {
      this.route = routeOf(access);
    }
    const { origin, prefix, key } = this.route;
    if (this.session === null || this.session.closed || this.session.destroyed || key !== this.sessionKey) {
      // What is under way on the old session may finish there.
      this.session?.close();
      this.session = this.connect(origin, access);
      this.sessionKey = key;
    }
    return {
      session: this.session,
      headers: {
        ...access.headers,
        ':method': request.method,
        ':path': prefix + request.path,
        accept: request.accept ?? 'application/json',
        'user-agent': this.userAgent,
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      },
    };
  }

  private connect(origin: string, access: Access): http2.ClientHttp2Session {
    const tls = Object.fromEntries(Object.entries<unknown>(access.tls).filter(([, value]) => value !== undefined));
    const session = http2.connect(origin, {
      ...tls,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
      maxSessionMemory: 64,
    });
    const forget = (): void => {
      clearInterval(pings);
      if (this.session === session) {
        this.session = null;
      }
    };
    // A peer that vanished without a word (a node that lost power, a dropped NAT entry) is found by pings only.
    const pings = setInterval(() => {
      this.probe(session);
    }, PING_EVERY_MS).unref();
    session.on('connect', () => {
      session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    });
    session.on('goaway', forget);
    session.on('close', forget);
    // Each stream of the session reports the error to its own caller.
    session.on('error', forget);
    return session;
  }

  /** Ends the session if the peer does not answer a ping in time. */
  private probe(session: http2.ClientHttp2Session): void {
    if (session.destroyed) {
      return;
    }
    if (session.connecting) {
      // Left to the kernel's own patience the next try would come minutes later.
      session.destroy(new Error('the API server does not take the connection'));
      return;
    }
    const timer = setTimeout(() => {
      session.destroy(new Error('the API server does not answer pings'));
    }, PING_TIMEOUT_MS).unref();
    const sent = session.ping(() => {
      clearTimeout(timer);
    });
    if (!sent) {
      clearTimeout(timer);
    }
  }

  private refused(status: number): void {
    if (status === 401) {
      this.credentials.forget();
    }
  }
}

/** Where requests go. */
interface Route {
  readonly access: Access;
  readonly origin: string;
  /** Path of the server, which may be behind one. */
  readonly prefix: string;
  /** A session serves as long as this is the same. */
  readonly key: string;
}

function routeOf(access: Access): Route {
  const { origin, pathname } = new URL(access.server);
  const { ca, cert, key } = access.tls;
  return { access, origin, prefix: pathname.replace(/\/$/, ''), key: [access.server, ca, cert, key].join('\n') };
}

function begin(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  hasBody: boolean,
): http2.ClientHttp2Stream {
  try {
    // Left to itself Node ends a DELETE before its body, and the precondition would never be sent.
    return session.request(headers, { endStream: !hasBody });
  } catch (error) {
    // The session ended between the look at it and its use.
    throw new KubeError('connection', (error as Error).message, { cause: error });
  }
}

function connectionError(request: HttpRequest, cause: Error): KubeError {
  return new KubeError('connection', `${request.method} ${request.path}: ${cause.message}`, { cause });
}
