import { LABELS } from '../../constructs/contract.js';
import { TestNamespace } from './support/cluster.js';
import { Outage } from './support/control-plane.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(180_000);

const LONG = { timeoutMs: 90_000, everyMs: 20 };

describe('a launcher whose control plane goes away in the middle of creates', () => {
  let namespace: TestNamespace;
  let launcher: LauncherProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create('control-plane');
    launcher = await new LauncherProcess(namespace.policy(), namespace.kubeconfig).start();
  });

  afterAll(async () => {
    await launcher.stop();
    await namespace.delete();
  });

  test.each([
    ['apiserver', 0],
    ['apiserver', 30],
    ['etcd', 3],
  ] as const)('%s killed and away for %d s: each launch gets one pod, none is lost', async (part, seconds) => {
    const before = namespace.seen.size;
    // Nothing is acknowledged before it is counted, so no pod is deleted before.
    const client = await launcher.connect({ jobId: `${part}-${seconds}`, acknowledge: false });
    await client.synced();
    const many = launches(240).map((one, index) => (index % 2 === 0 ? { ...one, podOverride: HOLD } : one));
    client.holdLease();
    // A few creates are under way all the time until it is down, and the rest is launched then.
    const outage = new Outage(part, seconds);
    const created = (): number => client.events.filter(({ kind }) => kind === 'CREATED').length;
    let sent = 0;
    while (!outage.down && sent < 160) {
      client.launch(many.slice(sent, (sent += 4)));
      await until('only a few are left', () => outage.down || created() > sent - 12, LONG);
    }
    await until('it is down', () => outage.down, LONG);
    client.launch(many.slice(sent));
    await outage.over;

    const state = async (): Promise<unknown> => [client.terminal().length, await namespace.state(), launcher.log()];
    const has = (id: string, kind: 'RUNNING' | 'SUCCEEDED'): boolean => client.kinds(id).includes(kind);
    await until(
      'half of them run, half have ended',
      () => many.every(({ id, podOverride }) => has(id, podOverride === null ? 'SUCCEEDED' : 'RUNNING')),
      { ...LONG, state },
    );
    const pods = await namespace.pods();
    expect(pods.map((pod) => pod.metadata?.labels?.[LABELS.LAUNCH_ID]).sort()).toEqual(many.map(({ id }) => id).sort());

    await namespace.release(pods.filter((pod) => pod.status?.phase === 'Running'));
    await until('all ends are told', () => client.terminal().length >= many.length, { ...LONG, state });
    client.acknowledgeAll();
    await until('no pod is left', async () => (await namespace.pods()).length === 0, { ...LONG, everyMs: 200, state });

    expect(client.terminal()).toHaveLength(many.length);
    expect(new Set(client.terminal().map(({ kind }) => kind))).toEqual(new Set(['SUCCEEDED']));
    expect(namespace.seen.size).toBe(before + many.length);
    client.close();
  });
});
