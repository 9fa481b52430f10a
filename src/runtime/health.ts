import http from 'node:http';

/** What the health endpoint asks. */
export interface HealthSource {
  /** May the scheduler start, and does the launcher see what becomes of pods? */
  ready(): boolean;
  /** Shown as JSON to people. */
  status(): Record<string, unknown>;
  /** For Prometheus: its text format. @default - `/metrics` is 404. */
  metrics?(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/**
 * HTTP for probes and Prometheus: /healthz is 200 while the process works, /readyz 200 while it does its work, else 503. Only /healthz
 * may restart the container: nothing that keeps /readyz from 200, such as an API server that is away, ends by a restart.
 */
export class HealthServer {
  private readonly server: http.Server;

  constructor(private readonly source: HealthSource) {
    this.server = http.createServer((request, response) => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      if (path === '/metrics' && this.source.metrics !== undefined) {
        this.source.metrics().then(
          ({ contentType, body }) => {
            response.writeHead(200, { 'content-type': contentType });
            response.end(body);
          },
          (error: unknown) => {
            response.writeHead(500, { 'content-type': 'text/plain' });
            response.end(`${(error as Error).message}\n`);
          },
        );
        return;
      }
      const status = this.answer(path);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(status === 404 ? '' : `${JSON.stringify(this.source.status())}\n`);
    });
  }

  /** @param port 0: any free one. @returns the port */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, () => {
        const address = this.server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private answer(path: string): number {
    switch (path) {
      case '/healthz':
        return 200;
      case '/readyz':
        return this.source.ready() ? 200 : 503;
      default:
        return 404;
    }
  }
}
