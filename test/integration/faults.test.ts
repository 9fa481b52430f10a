import { V1ResourceQuota } from '@kubernetes/client-node';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const isCreate = ({ method, path }: { method: string; path: string }): boolean =>
  method === 'POST' && path.endsWith('/pods');
const isWatch = ({ path }: { path: string }): boolean => path.includes('watch=true');

describe('a launcher with an unreliable network to the API server', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  let launcher: LauncherProcess;

  beforeEach(async () => {
    namespace = await TestNamespace.create('faults');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    launcher = new LauncherProcess(namespace.policy(), proxy.kubeconfig);
    await launcher.start();
  });

  afterEach(async () => {
    await launcher.stop();
    proxy.close();
    await namespace.delete();
  });

  const state = async (): Promise<unknown> => [await namespace.state(), proxy.requests.slice(-20), launcher.log()];

  test('a create whose answer is lost makes one pod', async () => {
    const client = await launcher.connect();
    await client.synced();
    const dropped = new Set<string>();
    // The first answer of each create is lost, and no watch shows the pod in its place.
    proxy.fault = (request) => {
      if (isWatch(request)) {
        return 'cut';
      }
      if (isCreate(request) && dropped.size < 20) {
        dropped.add(`${dropped.size}`);
        return 'drop-answer';
      }
      return null;
    };
    proxy.cutWatches();
    const some = launches(20, { podOverride: HOLD });
    client.launch(some);
    client.holdLease();
    await until('all are created', () => some.every(({ id }) => client.kinds(id).includes('CREATED')), { state });
    await until('our own watch saw all', () => namespace.podsPerLaunch().size === some.length, { state });

    expect(new Set(namespace.podsPerLaunch().values())).toEqual(new Set([1]));
    expect(proxy.count('POST', /\/pods$/)).toBeGreaterThanOrEqual(40);
    expect(client.terminal()).toEqual([]);
    client.close();
  });

  test('429, 500 and 503 are repeated under the same name, and 429 is told', async () => {
    const client = await launcher.connect();
    await client.synced();
    const answers = [429, 500, 503];
    proxy.fault = (request) => {
      const status = isCreate(request) ? answers.shift() : undefined;
      return status === undefined
        ? null
        : { status, body: 'busy', headers: status === 429 ? { 'retry-after': '1' } : {} };
    };
    const one = launch();
    client.launch([one]);
    client.holdLease();
    await until('the end', () => client.kinds(one.id).includes('SUCCEEDED'), { state });

    expect(proxy.count('POST', /\/pods$/)).toBe(4);
    expect(namespace.podsPerLaunch().get(one.id)).toBe(1);
    expect(client.others.some((message) => message.type === 'THROTTLED')).toBe(true);
    client.close();
  });

  test('what the API server refuses for good is told in its own words', async () => {
    const client = await launcher.connect();
    await client.synced();
    const bad = launch({ podOverride: { spec: { containers: [{ name: 'base', image: '' }, { name: 'NOT VALID' }] } } });
    client.launch([bad]);
    client.holdLease();
    await until('the refusal', () => client.terminal().length === 1, { state });

    const [event] = client.terminal();
    expect(event).toMatchObject({ kind: 'CREATE_FAILED', reason: 'Invalid', podUid: null, started: false });
    expect(event?.message).toContain('NOT VALID');
    client.close();
  });

  test('pods that go while the watch is cut and its version too old are found by a list', async () => {
    const client = await launcher.connect();
    await client.synced();
    const some = launches(5, { podOverride: HOLD });
    client.launch(some);
    client.holdLease();
    await until('all run', () => some.every(({ id }) => client.kinds(id).includes('RUNNING')), { state });

    let refuse = true;
    proxy.fault = (request) => {
      if (!isWatch(request)) {
        return null;
      }
      return refuse ? 'cut' : null;
    };
    proxy.cutWatches();
    const [gone, ended] = (await namespace.pods()).sort((one, other) =>
      (one.metadata?.name ?? '').localeCompare(other.metadata?.name ?? ''),
    );
    const idOf = (pod: typeof gone): string => pod?.metadata?.labels?.['airflow-pod-launcher/launch-id'] ?? '';
    await namespace.core.deleteNamespacedPod({
      name: gone?.metadata?.name ?? '',
      namespace: namespace.name,
      gracePeriodSeconds: 0,
    });
    await namespace.release(ended === undefined ? [] : [ended]);
    await until('one is gone, one has ended', async () => {
      const pods = await namespace.pods();
      return pods.length === 4 && pods.some((pod) => pod.status?.phase === 'Succeeded');
    });
    expect(client.terminal()).toEqual([]);

    refuse = false;
    let expired = false;
    proxy.fault = (request) => {
      if (!isWatch(request) || expired) {
        return null;
      }
      expired = true;
      return {
        status: 410,
        body: JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }),
      };
    };
    await until('both are told', () => client.terminal().length === 2, { state });
    expect(client.of(idOf(gone)).at(-1)).toMatchObject({ kind: 'LOST', started: true });
    expect(client.of(idOf(ended)).at(-1)).toMatchObject({ kind: 'SUCCEEDED' });
    client.close();
  });

  test('a full quota makes creates wait, tells it, and all go through in the end', async () => {
    await namespace.core.createNamespacedResourceQuota({
      namespace: namespace.name,
      body: Object.assign(new V1ResourceQuota(), { metadata: { name: 'pods' }, spec: { hard: { pods: '8' } } }),
    });
    await until('the quota counts', async () => {
      const quota = await namespace.core.readNamespacedResourceQuota({ name: 'pods', namespace: namespace.name });
      return quota.status?.hard?.pods === '8';
    });
    const client = await launcher.connect();
    await client.synced();
    const many = launches(60);
    client.launch(many);
    client.holdLease();
    await until('all ends are told', () => client.terminal().length === many.length, { state, timeoutMs: 50_000 });

    expect(client.terminal().filter((event) => event.kind !== 'SUCCEEDED')).toEqual([]);
    expect(new Set(client.terminal().map((event) => event.id)).size).toBe(many.length);
    expect(new Set(namespace.podsPerLaunch().values())).toEqual(new Set([1]));
    expect(client.others.find((message) => message.type === 'THROTTLED')).toMatchObject({
      namespace: namespace.name,
      reason: expect.stringContaining('exceeded quota') as string,
    });
    client.close();
  });
});
