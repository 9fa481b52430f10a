import type { Credentials } from '../api/credentials.js';
import { Http2KubeApi } from '../api/http2-kube-api.js';
import { Http2ObjectApi } from '../api/http2-object-api.js';
import { Http2Transport } from '../api/http2-transport.js';
import type { Logger } from '../log.js';
import { SharedPodWatch } from './shared-pod-watch.js';

/** API servers take 100 streams a session and more; a run follows one log, or a few. */
const RUNS_PER_SESSION = 64;

/** A session that follows logs, and how many runs use it. */
interface LogSession {
  readonly transport: Http2Transport;
  runs: number;
}

/** One cluster, for many runs at once: they share its sessions, and one watch a namespace. */
export class SharedCluster {
  private readonly watching: Http2KubeApi;
  private readonly calls: Http2Transport;
  private readonly logs: Http2Transport;
  private readonly follows: LogSession[] = [];
  private readonly watches = new Map<string, SharedPodWatch>();

  constructor(
    private readonly credentials: Credentials,
    private readonly version: string,
    private readonly log: Logger,
  ) {
    this.watching = new Http2KubeApi(credentials, version);
    this.calls = this.open();
    this.logs = this.open();
  }

  /** What one run asks of the API server, counted for itself; without the watch, which is everybody's. */
  async withApi<T>(use: (api: Http2ObjectApi) => Promise<T>): Promise<T> {
    const session = this.logSession();
    session.runs += 1;
    try {
      const { calls, logs } = this;
      return await use(new Http2ObjectApi(this.credentials, this.version, { calls, logs, follows: session.transport }));
    } finally {
      session.runs -= 1;
    }
  }

  /** The one watch of a namespace. */
  watch(namespace: string): SharedPodWatch {
    const { watching: api, log } = this;
    const watch = this.watches.get(namespace) ?? new SharedPodWatch({ api, namespace, log });
    this.watches.set(namespace, watch);
    return watch;
  }

  close(): void {
    for (const watch of this.watches.values()) {
      watch.close();
    }
    this.watching.close();
    for (const transport of [this.calls, this.logs, ...this.follows.map((session) => session.transport)]) {
      transport.close();
    }
  }

  private logSession(): LogSession {
    const free = this.follows.find(({ runs }) => runs < RUNS_PER_SESSION);
    if (free !== undefined) {
      return free;
    }
    const made = { transport: this.open(), runs: 0 };
    this.follows.push(made);
    return made;
  }

  private open(): Http2Transport {
    return new Http2Transport(this.credentials, `pod-launcher/${this.version}`);
  }
}
