import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { LauncherProcess } from './support/launcher-process.js';
import { launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(120_000);

const COUNT = 500;

describe('500 queued tasks', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  let launcher: LauncherProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create('many');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    launcher = new LauncherProcess(namespace.policy(), proxy.kubeconfig);
    await launcher.start();
  });

  afterAll(async () => {
    await launcher.stop();
    proxy.close();
    await namespace.delete();
  });

  test('become 500 pods, each once, every end is told, and every pod is deleted with one DELETE', async () => {
    const client = await launcher.connect();
    await client.synced();
    const many = launches(COUNT);
    const state = async (): Promise<unknown> => [
      { ends: client.terminal().length, requests: proxy.requests.length },
      await namespace.state(),
      launcher.log(),
    ];

    client.launch(many);
    client.holdLease();
    await until('all ends are told', () => client.terminal().length >= COUNT, { timeoutMs: 60_000, state });
    await until('no pod is left', async () => (await namespace.pods()).length === 0, { state, everyMs: 200 });
    await until('our own watch saw all', () => namespace.podsPerLaunch().size >= COUNT, { state });

    expect(new Set(namespace.podsPerLaunch().values())).toEqual(new Set([1]));
    for (const { id } of many) {
      expect(client.kinds(id)[0]).toBe('CREATED');
      expect(client.kinds(id).at(-1)).toBe('SUCCEEDED');
    }
    expect(client.terminal()).toHaveLength(COUNT);
    expect(proxy.count('POST', /\/pods$/)).toBe(COUNT);
    const deletes = proxy.requests.filter((request) => request.method === 'DELETE');
    expect(deletes).toHaveLength(COUNT);
    expect(new Set(deletes.map((request) => request.path)).size).toBe(COUNT);
    expect(deletes.filter((request) => request.status !== 200)).toEqual([]);
    expect(deletes.filter((request) => !request.body.includes('"preconditions":{"uid":'))).toEqual([]);
    // Reads: one list and one watch, however many pods; none of single pods.
    expect(proxy.count('GET', /&limit=/)).toBe(1);
    expect(proxy.count('GET', /\/pods\//)).toBe(0);
    client.close();
  });
});
