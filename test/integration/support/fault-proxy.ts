import { mkdtempSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  body: string;
  /** 0 while there is no answer. */
  status: number;
}

/** A list of pods, by its path; those of events have a limit too. */
export const POD_LIST = /\/pods\?.*&limit=/;

/** What the proxy does with one request. */
export type Fault =
  /** The API server gets it, and its answer never comes back. */
  | 'drop-answer'
  /** The API server does not get it; the connection breaks. */
  | 'cut'
  /** The API server gets it when `letGo` is called, whether the client is still there or not. */
  | 'hold'
  /** The API server gets it; the answer comes back when `letGo` is called. */
  | 'hold-answer'
  /** The API server's answer ends in good order in the middle of its first bytes. */
  | 'truncate-answer'
  /** The API server's answer goes on and on with blanks, from the middle of its first bytes. */
  | 'endless-answer'
  /** The API server does not get it; this is the answer. */
  | { readonly status: number; readonly body: string; readonly headers?: http2.OutgoingHttpHeaders };

const { constants } = http2;

/** The API server gives up on a watcher that is slow: the proxy must not make one of the launcher. */
const WINDOW_BYTES = 16 * 1024 * 1024;
const WIDE = { initialWindowSize: WINDOW_BYTES };

/** Often enough that no silence is ever noticed. */
const DRIP_EVERY_MS = 100;

/** A real API server with an unreliable network in front of it: HTTP/2 without TLS on loopback. */
export class FaultProxy {
  readonly requests: ProxiedRequest[] = [];
  /** Decides about each request; null: pass it on. */
  fault: (request: ProxiedRequest) => Fault | null = () => null;
  /** Told of each answer before it is passed on. */
  answered: (request: ProxiedRequest) => void = () => undefined;
  kubeconfig = '';
  private held: (() => void)[] = [];
  private readonly server = http2.createServer();
  private readonly watches = new Set<http2.ServerHttp2Stream>();
  private readonly stalled = new WeakSet<http2.ServerHttp2Stream>();
  private readonly sessions = new Set<http2.ServerHttp2Session>();

  private session: http2.ClientHttp2Session | null = null;

  private constructor(private readonly connect: () => http2.ClientHttp2Session) {
    this.server.on('session', (session) => {
      this.sessions.add(session);
      session.on('error', () => undefined);
      session.on('close', () => this.sessions.delete(session));
    });
    this.server.on('stream', (stream, headers) => {
      this.handle(stream, headers);
    });
  }

  static async start(kubeconfig: string): Promise<FaultProxy> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key } = options as { ca?: Buffer; cert?: Buffer; key?: Buffer };
    const server = config.getCurrentCluster()?.server ?? '';
    const proxy = new FaultProxy(() => http2.connect(server, { ca, cert, key, settings: WIDE }));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.server.address() as AddressInfo;
    proxy.kubeconfig = join(mkdtempSync(join(tmpdir(), 'fault-proxy-')), 'kubeconfig');
    writeFileSync(
      proxy.kubeconfig,
      JSON.stringify({
        clusters: [
          { name: 'proxy', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
        ],
        users: [{ name: 'nobody', user: {} }],
        contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'nobody' } }],
        'current-context': 'proxy',
      }),
    );
    return proxy;
  }

  /** Requests of a kind: writes are told by their method, watches and lists by the query. */
  count(method: string, what: RegExp): number {
    return this.requests.filter((request) => request.method === method && what.test(request.path)).length;
  }

  /** The watches that are open now stay open, and nothing comes any more. */
  stallWatches(): void {
    for (const stream of this.watches) {
      this.stalled.add(stream);
    }
  }

  /** Asks for new connections, as an API server does that is about to restart. */
  goAway(): void {
    for (const session of this.sessions) {
      session.goaway(constants.NGHTTP2_NO_ERROR);
    }
  }

  cutConnections(): void {
    for (const session of this.sessions) {
      session.destroy();
    }
  }

  cutWatches(): void {
    for (const stream of this.watches) {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  /** How many requests and answers are held. */
  heldBack(): number {
    return this.held.length;
  }

  /** Lets everything go on that is held. */
  letGo(): void {
    const held = this.held;
    this.held = [];
    for (const goOn of held) {
      goOn();
    }
  }

  close(): void {
    this.server.close();
    this.cutConnections();
    this.session?.destroy();
  }

  /** The connection to the API server, which ends one that has been idle for long. */
  private get upstream(): http2.ClientHttp2Session {
    if (this.session === null || this.session.closed || this.session.destroyed) {
      const session = this.connect();
      session.on('error', () => undefined);
      session.on('connect', () => {
        session.setLocalWindowSize(WINDOW_BYTES);
      });
      this.session = session;
    }
    return this.session;
  }

  private handle(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    const request = { method: headers[':method'] ?? '', path: headers[':path'] ?? '', body: '', status: 0 };
    this.requests.push(request);
    stream.on('error', () => undefined);
    const fault = this.fault(request);
    if (fault === 'cut') {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    if (fault !== null && typeof fault === 'object') {
      stream.respond({ ':status': fault.status, 'content-type': 'application/json', ...fault.headers });
      stream.end(fault.body);
      return;
    }
    if (fault === 'hold') {
      this.hold(stream, headers, request);
      return;
    }
    this.forward(stream, headers, request, fault);
  }

  /** Takes the whole request in, so that it can go on without its client. */
  private hold(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, request: ProxiedRequest): void {
    stream.on('data', (chunk: Buffer) => (request.body += chunk.toString('utf8')));
    stream.on('end', () => {
      this.held.push(() => {
        const onward = this.upstream.request(onwardHeaders(headers), { endStream: false });
        this.answer(stream, onward, request, null);
        onward.end(request.body);
      });
    });
  }

  private forward(
    stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
    request: ProxiedRequest,
    fault: Exclude<Fault, object> | null,
  ): void {
    // Node would end a DELETE before its body.
    const onward = this.upstream.request(onwardHeaders(headers), { endStream: false });
    if (/[?&]watch=true/.test(request.path)) {
      this.watches.add(stream);
    }
    stream.on('close', () => {
      this.watches.delete(stream);
      onward.close(constants.NGHTTP2_CANCEL);
    });
    stream.on('data', (chunk: Buffer) => {
      request.body += chunk.toString('utf8');
      onward.write(chunk);
    });
    stream.on('end', () => onward.end());
    this.answer(stream, onward, request, fault);
  }

  private answer(
    stream: http2.ServerHttp2Stream,
    onward: http2.ClientHttp2Stream,
    request: ProxiedRequest,
    fault: Exclude<Fault, object> | null,
  ): void {
    onward.on('error', () => undefined);
    onward.on('response', (answer) => {
      request.status = answer[':status'] ?? 0;
      this.answered(request);
      if (fault === 'drop-answer') {
        onward.resume();
        onward.on('end', () => {
          stream.close(constants.NGHTTP2_INTERNAL_ERROR);
        });
      } else if (fault === 'hold-answer') {
        this.held.push(() => {
          this.pass(stream, onward, answer, null);
        });
      } else {
        this.pass(stream, onward, answer, fault);
      }
    });
  }

  private pass(
    stream: http2.ServerHttp2Stream,
    onward: http2.ClientHttp2Stream,
    answer: http2.IncomingHttpHeaders,
    fault: Exclude<Fault, object> | null,
  ): void {
    if (stream.destroyed) {
      onward.resume();
      return;
    }
    stream.respond({
      ':status': answer[':status'],
      'content-type': answer['content-type'],
      ...(answer['retry-after'] === undefined ? {} : { 'retry-after': answer['retry-after'] }),
    });
    if (fault === null) {
      onward.on('data', (chunk: Buffer) => stream.destroyed || this.stalled.has(stream) || stream.write(chunk));
      onward.on('end', () => stream.destroyed || stream.end());
      return;
    }
    onward.once('data', (chunk: Buffer) => {
      spoil(stream, chunk.subarray(0, chunk.length / 2), fault === 'endless-answer');
    });
    onward.resume();
  }
}

function onwardHeaders(headers: http2.IncomingHttpHeaders): http2.OutgoingHttpHeaders {
  const { ':method': method, ':path': path, accept, 'content-type': contentType } = headers;
  return {
    ':method': method,
    ':path': path,
    accept,
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
  };
}

/** Sends the beginning of an answer and nothing of the rest. */
function spoil(stream: http2.ServerHttp2Stream, beginning: Buffer, endless: boolean): void {
  if (!endless) {
    stream.end(beginning);
    return;
  }
  stream.write(beginning);
  const drip = setInterval(() => stream.destroyed || stream.write(' '), DRIP_EVERY_MS);
  stream.on('close', () => {
    clearInterval(drip);
  });
}
