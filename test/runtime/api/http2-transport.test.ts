import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { Http2KubeApi } from '../../../src/runtime/api/http2-kube-api.js';
import { Http2Transport } from '../../../src/runtime/api/http2-transport.js';

const credentials = (server: string) => ({
  access: () => Promise.resolve({ server, tls: {}, headers: {} }),
  forget: () => undefined,
});
const portOf = (server: net.Server): number => (server.address() as AddressInfo).port;

test('nothing of a watch is taken in after a line that was not understood', async () => {
  const server = http2.createServer((_request, response) => {
    response.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}\n{"type":"ADD');
    setImmediate(() => {
      response.write('\n{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"3"}}}\n');
      setImmediate(() => response.end('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4"}}}\n'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api = new Http2KubeApi(credentials(`http://127.0.0.1:${portOf(server)}`), '0');
  const versions: (string | undefined)[] = [];
  const signal = new AbortController().signal;

  const watching = api.watchPods('jobs', 'a=b', '0', { silenceMs: 5000, signal }, (event) => {
    versions.push(event.object.metadata?.resourceVersion);
  });
  await expect(watching).rejects.toThrow('the answer is not JSON');
  api.close();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  expect(versions).toEqual(['1']);
});

test('a connection that is never taken is given up at the deadline, and the next call makes a new one', async () => {
  const sockets: net.Socket[] = [];
  // TLS never begins: the peer listens and says nothing.
  const server = net.createServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const transport = new Http2Transport(credentials(`https://127.0.0.1:${portOf(server)}`), 'test');
  const call = () => transport.request({ method: 'GET', path: '/version', deadlineMs: 50 });

  await expect(call()).rejects.toMatchObject({ failure: 'timeout' });
  await expect(call()).rejects.toMatchObject({ failure: 'timeout' });
  expect(sockets).toHaveLength(2);
  transport.close();
  sockets.forEach((socket) => socket.destroy());
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

test('a create whose time is over when it could be written is not sent', async () => {
  const received: string[] = [];
  const server = http2.createServer((request, response) => {
    received.push(request.url);
    response.writeHead(201).end('{"metadata":{"uid":"u"}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api = new Http2KubeApi(credentials(`http://127.0.0.1:${portOf(server)}`), '0');
  let over = false;

  const late = api.createPod('late', '{}', () => over);
  over = true; // As after a pause between the call and the write.
  await expect(late).rejects.toMatchObject({
    failure: 'connection',
    message: expect.stringContaining('not sent') as string,
  });
  await expect(api.createPod('in-time', '{}', () => false)).resolves.toBe('u');
  api.close();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  expect(received).toEqual(['/api/v1/namespaces/in-time/pods']);
});

describe('an answer that never ends', () => {
  const MIB = Buffer.alloc(1024 * 1024, 32);
  let server: http2.Http2Server;
  let api: Http2KubeApi;

  beforeAll(async () => {
    server = http2.createServer((_request, response) => {
      const flood = (): void => {
        while (!response.writableEnded && !response.destroyed && response.write(MIB));
      };
      response.on('drain', flood);
      response.stream.on('error', () => undefined);
      flood();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    api = new Http2KubeApi(credentials(`http://127.0.0.1:${portOf(server)}`), '0');
  });

  afterAll(async () => {
    api.close();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  test('of a call is given up before it fills the memory', async () => {
    await expect(api.listPods('jobs', 'a=b', null)).rejects.toThrow(/the answer to GET .* does not end/);
  });

  test('of a watch is given up before it fills the memory', async () => {
    const signal = new AbortController().signal;
    const watching = api.watchPods('jobs', 'a=b', '0', { silenceMs: 60_000, signal }, () => undefined);
    await expect(watching).rejects.toThrow('a line of the watch is longer than');
  });
});
