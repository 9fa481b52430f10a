import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeClient } from '../../../src/cli/kube/client.js';
import { EXIT_CODES } from '../../../src/cli/errors.js';

/** A server that falls silent when the test says so, which a real API server cannot be made to do in time. */
describe('requests to an API server that falls silent', () => {
  let server: Server;

  async function clientOf(listener: RequestListener): Promise<KubeClient> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'silent', server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
      { name: 'none' },
    );
    return new KubeClient(config);
  }
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const silent = { exitCode: EXIT_CODES.CLUSTER, message: expect.stringContaining('nothing came for 0.1 s') as string };

  test('fail when no answer begins', async () => {
    const client = await clientOf(() => undefined);
    await expect(client.request('GET', '/api', { silenceMs: 100 })).rejects.toMatchObject(silent);
  });

  test('fail when an answer does not go on', async () => {
    const client = await clientOf((_request, response) => response.write('{'));
    await expect(client.request('GET', '/api', { silenceMs: 100 })).rejects.toMatchObject(silent);
  });

  test('fail when a watch tells nothing any more', async () => {
    const event = { type: 'ADDED', object: { metadata: { name: 'first' } } };
    const client = await clientOf((_request, response) => response.write(`${JSON.stringify(event)}\n`));
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const one of client.watch('/api/v1/pods', { silenceMs: 100 })) {
        seen.push(one);
      }
    })();
    await expect(watching).rejects.toMatchObject(silent);
    expect(seen).toEqual([event]);
  });
});
