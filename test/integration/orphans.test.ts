import { LABELS } from '../../constructs/contract.js';
import { TestNamespace } from './support/cluster.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

describe('pods that nobody asks for any more, or that never start', () => {
  let namespace: TestNamespace;
  let launcher: LauncherProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create('orphans');
    launcher = new LauncherProcess(namespace.policy({ pendingTimeoutSeconds: 2 }), namespace.kubeconfig);
    await launcher.start();
  });

  afterAll(async () => {
    await launcher.stop();
    await namespace.delete();
  });

  const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
  const podOf = async (id: string) =>
    (await namespace.pods()).find((pod) => pod.metadata?.labels?.[LABELS.LAUNCH_ID] === id);

  test('ends that a dead scheduler left are told as orphans, and only what is settled loses its pod', async () => {
    const dead = await launcher.connect({ jobId: 'dead' });
    const [settled, retained] = launches(2, { podOverride: HOLD });
    if (settled === undefined || retained === undefined) {
      throw new Error('two launches are needed');
    }
    dead.launch([settled, retained]);
    dead.holdLease();
    await until('both run', () => [settled, retained].every(({ id }) => dead.kinds(id).includes('RUNNING')), { state });
    dead.close();

    const living = await launcher.connect({ jobId: 'living', acknowledge: false });
    for (const { id } of [settled, retained]) {
      await namespace.core.patchNamespacedPodStatus({
        name: (await podOf(id))?.metadata?.name ?? '',
        namespace: namespace.name,
        body: [
          { op: 'replace', path: '/status/phase', value: 'Failed' },
          { op: 'replace', path: '/status/containerStatuses/0/state', value: ENDED_LONG_AGO },
        ],
      });
    }
    await until('both are told', () => living.terminal().length === 2, { state });
    expect(living.events.map(({ kind, orphan, exitCode }) => [kind, orphan, exitCode])).toEqual([
      ['FAILED', true, 3],
      ['FAILED', true, 3],
    ]);

    living.send({ type: 'RETAIN', seqs: living.of(retained.id).map((event) => event.seq) });
    living.acknowledgeAll();
    await until('the settled one is gone', async () => (await podOf(settled.id)) === undefined, { state });
    const kept = await podOf(retained.id);
    expect(kept?.metadata?.deletionTimestamp).toBeUndefined();
    expect(kept?.metadata?.labels?.[LABELS.SETTLED]).toBeUndefined();

    // The one that was retained can still be adopted, and is then told as the scheduler's own.
    const { adopted } = await living.adopt([retained.id, settled.id]);
    expect(adopted.map(({ id }) => id)).toEqual([retained.id]);
    await until('it is told again', () => living.of(retained.id).length > 1, { state });
    expect(living.of(retained.id).at(-1)).toMatchObject({ kind: 'FAILED', orphan: false });
    living.acknowledgeAll();
    await until('its pod is gone', async () => (await podOf(retained.id)) === undefined, { state });
    living.close();
  });

  test('a pod that cannot be scheduled is deleted, and fails with what it waited for', async () => {
    const client = await launcher.connect({ jobId: 'waiting' });
    const one = launch({ podOverride: { spec: { nodeSelector: { type: 'none-such' } } } });
    client.launch([one]);
    client.holdLease();
    await until('its failure', () => client.kinds(one.id).includes('FAILED'), { state });

    expect(client.kinds(one.id)).toEqual(['CREATED', 'PENDING', 'FAILED']);
    const failure = client.of(one.id).at(-1);
    expect(failure).toMatchObject({ reason: 'Unschedulable', started: false, orphan: false });
    expect(failure?.message).toContain('the pod did not start within 2 s: 0/');
    expect(await podOf(one.id)).toBeUndefined();
    client.close();
  });
});

const ENDED_LONG_AGO = {
  terminated: {
    exitCode: 3,
    reason: 'Error',
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: '2026-01-01T00:00:01Z',
  },
};
