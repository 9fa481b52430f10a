import { TestNamespace } from './support/cluster.js';
import { FaultProxy, POD_LIST } from './support/fault-proxy.js';
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
    expect(proxy.count('GET', POD_LIST)).toBe(1);
    expect(proxy.count('GET', /\/pods\//)).toBe(0);
    client.close();

    const metrics = await (await fetch(`http://127.0.0.1:${launcher.healthPort()}/metrics`)).text();
    const value = (series: string): number => {
      const [name = '', label = ''] = series.replace('}', '').split('{');
      const line = metrics.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(label));
      return Number(line?.split(' ').at(-1));
    };
    expect({
      accepted: value('pod_launcher_launches_accepted_total'),
      created: value('pod_launcher_creates_total{outcome="created"}'),
      createTimes: value('pod_launcher_launch_to_created_seconds_count'),
      succeeded: value('pod_launcher_launches_ended_total{kind="succeeded"}'),
      failed: value('pod_launcher_launches_ended_total{kind="failed"}'),
      settled: value('pod_launcher_ended_to_settled_seconds_count'),
      deletes: value('pod_launcher_api_requests_total{verb="delete",code="2xx"}'),
      lists: value('pod_launcher_pod_lists_total'),
      ended: value('pod_launcher_launches{stage="ended"}'),
    }).toEqual({
      accepted: COUNT,
      created: COUNT,
      createTimes: COUNT,
      succeeded: COUNT,
      failed: 0,
      settled: COUNT,
      deletes: COUNT,
      lists: 1,
      ended: 0,
    });
    expect(value('pod_launcher_watch_age_seconds')).toBeLessThan(75);
  });
});
