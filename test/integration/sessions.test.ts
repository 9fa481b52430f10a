import { LABELS } from '../../constructs/contract.js';
import { TestNamespace } from './support/cluster.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

describe('the executor and its launcher', () => {
  let namespace: TestNamespace;
  let launcher: LauncherProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create('sessions');
    launcher = new LauncherProcess(namespace.policy({ keepFailedSeconds: 3600 }), namespace.kubeconfig);
    await launcher.start();
  });

  afterAll(async () => {
    await launcher.stop();
    await namespace.delete();
  });

  const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
  const podOf = async (id: string) =>
    (await namespace.pods()).find((pod) => pod.metadata?.labels?.[LABELS.LAUNCH_ID] === id);

  test('a revoked launch loses its pod and is not told of again', async () => {
    const client = await launcher.connect();
    const [running, kept] = [launch({ podOverride: HOLD }), launch({ podOverride: HOLD })];
    client.launch([running, kept]);
    client.holdLease();
    await until('both run', () => [running, kept].every(({ id }) => client.kinds(id).includes('RUNNING')), { state });

    client.revoke([running.id]);
    await until('its pod is gone', async () => (await podOf(running.id)) === undefined, { state });
    expect(client.of(running.id).map((event) => event.kind)).toEqual(['CREATED', 'RUNNING']);
    expect(await podOf(kept.id)).toBeDefined();

    const queued = launch();
    client.dropLease();
    client.launch([queued]);
    client.revoke([queued.id, kept.id]);
    const { present, absent } = await client.resync([queued, kept].map(({ id }) => ({ id, attempt: 1 })));
    expect(present).toEqual([]);
    expect(absent).toHaveLength(2);
    client.close();
  });

  test('no pod is created without a lease, or after its deadline', async () => {
    const client = await launcher.connect({ jobId: 'lapsed' });
    client.holdLease();
    const first = launch({ podOverride: HOLD });
    client.launch([first]);
    await until('the first runs', () => client.kinds(first.id).includes('RUNNING'), { state });

    client.dropLease();
    const late = launch({ notAfter: Date.now() + 1500 });
    client.launch([late]);
    await until('its deadline passes', () => client.terminal().length > 0, { state });
    expect(client.of(late.id)).toMatchObject([{ kind: 'CREATE_FAILED', reason: 'NotAfter', podUid: null }]);
    expect(namespace.podsPerLaunch().get(late.id)).toBeUndefined();

    const next = launch({ podOverride: HOLD });
    client.launch([next]);
    client.holdLease();
    await until('a new lease lets creates go on', () => client.kinds(next.id).includes('RUNNING'), { state });
    client.revoke([first.id, next.id]);
    client.close();
  });

  test('another scheduler adopts pods that run, that have ended, and that are queued', async () => {
    const first = await launcher.connect({ jobId: 'first', acknowledge: false });
    first.holdLease();
    const [running, ended, queued, never] = [launch({ podOverride: HOLD }), launch(), launch(), launch()];
    first.launch([running, ended]);
    await until('one runs, one has ended', () => {
      return first.kinds(running.id).includes('RUNNING') && first.kinds(ended.id).includes('SUCCEEDED');
    });
    first.dropLease();
    first.launch([queued]);

    const second = await launcher.connect({ jobId: 'second' });
    await until('the first connection is replaced', () => first.closed);
    expect(second.events).toEqual([]);
    const answer = await second.adopt([running.id, ended.id, queued.id, never.id]);
    expect(answer.absent).toEqual([never.id]);
    expect(answer.adopted.map(({ id }) => id)).toEqual([running.id, ended.id, queued.id]);
    const name = (await podOf(running.id))?.metadata?.name;
    expect(answer.adopted[0]).toEqual({ id: running.id, attempt: 1, podName: name, namespace: namespace.name });
    await until('the end follows', () => second.kinds(ended.id).includes('SUCCEEDED'), { state });
    expect(second.of(ended.id).at(-1)?.orphan).toBe(false);
    expect(second.kinds(running.id)).toEqual(['CREATED', 'RUNNING']);
    expect(namespace.podsPerLaunch().get(queued.id)).toBeUndefined();

    second.holdLease();
    await until('what was queued is created', () => second.kinds(queued.id).includes('SUCCEEDED'), { state });
    second.revoke([running.id]);
    second.close();
  });

  test('a pod is not deleted before its end is acknowledged, and events are told again to the same scheduler', async () => {
    const client = await launcher.connect({ jobId: 'slow', acknowledge: false });
    client.holdLease();
    const one = launch();
    client.launch([one]);
    await until('the end', () => client.kinds(one.id).includes('SUCCEEDED'), { state });
    const { bootId } = client.welcome();
    client.close();

    const again = await launcher.connect({ jobId: 'slow', bootId, acknowledge: false });
    await until('the end is told again', () => again.kinds(one.id).includes('SUCCEEDED'), { state });
    expect(again.of(one.id)).toEqual(client.of(one.id));
    expect((await podOf(one.id))?.metadata?.deletionTimestamp).toBeUndefined();
    again.acknowledgeAll();
    await until('the pod is gone', async () => (await podOf(one.id)) === undefined, { state });
    again.close();
  });

  test('pods that are deleted by force while they are Pending fail at once, and say what they waited for', async () => {
    const client = await launcher.connect({ jobId: 'pending' });
    client.holdLease();
    const [unscheduled, unpullable] = [
      launch({ podOverride: { spec: { nodeSelector: { type: 'none-such' } } } }),
      launch({ podTemplate: UNPULLABLE }),
    ];
    client.launch([unscheduled, unpullable]);
    const reasons = (id: string) => client.of(id).map((event) => event.reason);
    await until('one has no node', () => reasons(unscheduled.id).includes('Unschedulable'), { state });
    await until('one has no image', () => reasons(unpullable.id).some((reason) => reason?.includes('Image')), {
      state,
    });

    for (const { id } of [unscheduled, unpullable]) {
      const name = (await podOf(id))?.metadata?.name ?? '';
      await namespace.core.deleteNamespacedPod({ name, namespace: namespace.name, gracePeriodSeconds: 0 });
      await until('its failure', () => client.kinds(id).includes('FAILED'), { state });
      expect(client.of(id).at(-1)).toMatchObject({ reason: 'Deleted', started: false, orphan: false });
    }
    expect(client.of(unscheduled.id).at(-1)?.message).toMatch(
      /^the pod was deleted while it was Pending: 0\/\d+ nodes/,
    );
    expect(client.of(unpullable.id).at(-1)?.message).toMatch(/^the pod was deleted while it was Pending: .*none-such/);
    expect(client.of(unpullable.id).at(-1)?.node).toBe('node0');
    client.close();
  });

  test('a pod that is deleted while it runs fails at once, a failed one is kept with a label', async () => {
    const client = await launcher.connect({ jobId: 'failures' });
    client.holdLease();
    const [removed, failing] = launches(2, { podOverride: HOLD });
    if (removed === undefined || failing === undefined) {
      throw new Error('two launches are needed');
    }
    client.launch([removed, failing]);
    await until('both run', () => [removed, failing].every(({ id }) => client.kinds(id).includes('RUNNING')), {
      state,
    });

    const name = (await podOf(removed.id))?.metadata?.name ?? '';
    await namespace.core.deleteNamespacedPod({ name, namespace: namespace.name, gracePeriodSeconds: 0 });
    await until('its failure', () => client.kinds(removed.id).includes('FAILED'), { state });
    expect(client.of(removed.id).at(-1)).toMatchObject({ reason: 'Deleted', started: true, orphan: false });

    const failed = await podOf(failing.id);
    await namespace.core.patchNamespacedPodStatus({
      name: failed?.metadata?.name ?? '',
      namespace: namespace.name,
      body: [
        { op: 'replace', path: '/status/phase', value: 'Failed' },
        { op: 'replace', path: '/status/containerStatuses/0/state', value: OUT_OF_MEMORY },
      ],
    });
    await until('its failure', () => client.kinds(failing.id).includes('FAILED'), { state });
    expect(client.of(failing.id).at(-1)).toMatchObject({ reason: 'OOMKilled', exitCode: 137, started: true });
    await until('the label', async () => (await podOf(failing.id))?.metadata?.labels?.[LABELS.SETTLED] !== undefined, {
      state,
    });
    client.close();
  });

  test('a wrong deployment or protocol is refused with the reason', async () => {
    const stranger = await launcher.connect({ deployment: 'other' });
    expect(stranger.others).toMatchObject([{ type: 'ERROR', code: 'deployment' }]);
    await until('the connection ends', () => stranger.closed);
  });
});

/** On the real node: kwok starts whatever it is given. */
const UNPULLABLE = `
apiVersion: v1
kind: Pod
spec:
  nodeSelector: {kubernetes.io/hostname: node0}
  automountServiceAccountToken: false
  containers: [{name: base, image: 'registry.invalid/none-such:1'}]
`;

const OUT_OF_MEMORY = {
  terminated: {
    exitCode: 137,
    reason: 'OOMKilled',
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: '2026-01-01T00:00:01Z',
  },
};
