import http2 from 'node:http2';
import { KubeConfig } from '@kubernetes/client-node';

/** Tells the benchmark's own requests from those that are measured. */
export const USER_AGENT = 'cdk8s-airflow-bench';

export interface Call {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly body: string;
  readonly contentType?: string;
}

/** One bare HTTP/2 session to the API server of a kubeconfig with client certificates. */
export class Connection {
  private constructor(
    private readonly session: http2.ClientHttp2Session,
    private readonly userAgent: string,
  ) {}

  static async open(kubeconfig: string, userAgent: string = USER_AGENT): Promise<Connection> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key } = options as { ca?: Buffer; cert?: Buffer; key?: Buffer };
    const server = config.getCurrentCluster()?.server;
    if (server === undefined) {
      throw new Error(`${kubeconfig} names no cluster`);
    }
    const session = http2.connect(server, { ca, cert, key });
    await new Promise<void>((resolve, reject) => {
      session.once('connect', () => {
        resolve();
      });
      session.once('error', reject);
    });
    return new Connection(session, userAgent);
  }

  /** @throws Error for every status of 400 and above */
  call({ method, path, body, contentType }: Call): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.session.request({
        ':method': method,
        ':path': path,
        'content-type': contentType ?? 'application/json',
        'user-agent': this.userAgent,
      });
      let status = 0;
      stream.on('response', (answer) => (status = answer[':status'] ?? 0));
      stream.on('data', () => undefined);
      stream.on('end', () => {
        if (status >= 400) {
          reject(new Error(`${method} ${path}: HTTP ${status}`));
        } else {
          resolve();
        }
      });
      stream.on('error', reject);
      stream.end(body);
    });
  }

  /** Makes all calls, so many at once. */
  async callAll(calls: readonly Call[], inFlight: number): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let call = calls[next++]; call !== undefined; call = calls[next++]) {
        await this.call(call);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  }

  close(): void {
    this.session.close();
  }
}
