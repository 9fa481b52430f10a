import { ENV } from '../../constructs/contract.js';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy, POD_LIST } from './support/fault-proxy.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

describe('a launcher whose connections to the API server die', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  let launcher: LauncherProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create('connections');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    launcher = new LauncherProcess(namespace.policy(), proxy.kubeconfig, { [ENV.WATCH_SILENCE]: '2' });
    await launcher.start();
  });

  afterAll(async () => {
    await launcher.stop();
    proxy.close();
    await namespace.delete();
  });

  const state = async (): Promise<unknown> => [await namespace.state(), proxy.requests.slice(-20), launcher.log()];

  test('without a word on the watch notices, and misses nothing', async () => {
    const client = await launcher.connect();
    await client.synced();
    const one = launch({ podOverride: HOLD });
    client.launch([one]);
    client.holdLease();
    await until('it runs', () => client.kinds(one.id).includes('RUNNING'), { state });

    proxy.stallWatches();
    const [pod] = await namespace.pods();
    const name = pod?.metadata?.name ?? '';
    await namespace.core.deleteNamespacedPod({ name, namespace: namespace.name, gracePeriodSeconds: 0 });
    await until('its failure', () => client.kinds(one.id).includes('FAILED'), { state });

    // The watch was resumed where it was, so its end was seen and not only missed in a list.
    expect(client.of(one.id).at(-1)).toMatchObject({ reason: 'Deleted', started: true });
    expect(launcher.logged('was silent for 2000 ms')).toBe(true);
    expect(proxy.count('GET', POD_LIST)).toBe(1);
    client.close();
  });

  test('in the middle of creates, by GOAWAY and by a cut, makes one pod of each launch', async () => {
    const client = await launcher.connect();
    const many = launches(150);
    const creates = (): number => proxy.count('POST', /\/pods$/);
    const before = creates();
    const moments = [
      {
        after: before + 40,
        act: () => {
          proxy.goAway();
        },
      },
      {
        after: before + 90,
        act: () => {
          proxy.cutConnections();
        },
      },
    ];
    proxy.fault = () => {
      const [moment] = moments;
      if (moment !== undefined && creates() >= moment.after) {
        moments.shift();
        setImmediate(moment.act);
      }
      return null;
    };
    client.launch(many);
    client.holdLease();
    const ended = (): Set<string> => new Set(client.terminal().map((event) => event.id));
    await until('all ends are told', () => ended().size === many.length, { state, timeoutMs: 40_000 });
    await until('no pod is left', async () => (await namespace.pods()).length === 0, { state, everyMs: 200 });

    expect(moments).toEqual([]);
    expect(new Set(client.terminal().map((event) => event.kind))).toEqual(new Set(['SUCCEEDED']));
    for (const { id } of many) {
      expect(namespace.podsPerLaunch().get(id)).toBe(1);
    }
    client.close();
  });
});
