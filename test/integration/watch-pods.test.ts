import { V1Pod } from '@kubernetes/client-node';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { WatchProcess } from './support/watch-process.js';

jest.setTimeout(180_000);

const MANY = 30;
const SHARED = 'labelSelector=kubernetes_pod_operator';

/** Pods that kwok plays: they run until they are told to end. */
describe('watch-pods', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  const running: WatchProcess[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create('watch-pods');
    proxy = await FaultProxy.start(namespace.kubeconfig);
  });

  afterEach(() => {
    proxy.fault = () => null;
    proxy.letGo();
    for (const watch of running.splice(0)) {
      watch.kill();
    }
  });

  afterAll(async () => {
    proxy.close();
    await namespace.delete();
  });

  const start = (): WatchProcess => {
    const watch = new WatchProcess(proxy.kubeconfig);
    running.push(watch);
    return watch;
  };
  const create = async (name: string): Promise<{ name: string; uid: string; pod: V1Pod }> => {
    const pod = await namespace.core.createNamespacedPod({
      namespace: namespace.name,
      body: Object.assign(new V1Pod(), {
        metadata: { name, labels: { kubernetes_pod_operator: 'True', 'kwok/hold': 'true', run_id: name } },
        spec: {
          restartPolicy: 'Never',
          nodeSelector: { type: 'kwok' },
          tolerations: [{ operator: 'Exists' }],
          containers: [{ name: 'base', image: 'busybox:1' }],
        },
      }),
    });
    return { name, uid: pod.metadata?.uid ?? '', pod };
  };
  const followed = ({ name, uid }: { name: string; uid: string }, more: object = {}) => ({
    namespace: namespace.name,
    attach: { name, uid },
    task: { dagId: 'dag', taskId: 'task', runId: name, tryNumber: 1 },
    ...more,
  });
  const isRunning = (watch: WatchProcess, id: string): boolean =>
    watch.of(id, 'state').some(({ state }) => state === 'running');
  const remove = (name: string): Promise<unknown> =>
    namespace.core.deleteNamespacedPod({ name, namespace: namespace.name, gracePeriodSeconds: 0 });

  test('follows many pods with one watch, and tells each end to the one that it belongs to', async () => {
    const pods = await Promise.all(Array.from({ length: MANY }, (_, at) => create(`many-${at}`)));
    const from = proxy.requests.length;
    const watch = start();
    for (const pod of pods) {
      watch.follow(pod.name, followed(pod));
    }
    await watch.until('all pods run', () => pods.every(({ name }) => isRunning(watch, name)));
    expect(proxy.requests.slice(from).map(({ path }) => path.includes(SHARED))).toEqual([true, true]);

    await namespace.release(pods.map(({ pod }) => pod));
    await watch.until('all have ended', () => pods.every(({ name }) => watch.of(name, 'ended').length === 1));
    const ends = pods.map(({ name }) => watch.of(name, 'ended')[0]);
    expect(new Set(ends.map((end) => `${end?.outcome}, ${end?.pod}`))).toEqual(new Set(['succeeded, deleted']));
    // Each run counts its own requests: here that of the deletion.
    expect(new Set(ends.map((end) => end?.requests))).toEqual(new Set([1]));
    expect(proxy.requests.slice(from).filter(({ path }) => path.includes(SHARED))).toHaveLength(2);
  });

  test('kills one pod, lets go of another, and leaves all of them when its input ends', async () => {
    const [killed, released, left] = await Promise.all([create('killed'), create('released'), create('left')]);
    const watch = start();
    for (const pod of [killed, released, left]) {
      watch.follow(pod.name, followed(pod));
    }
    await watch.until('all run', () => [killed, released, left].every(({ name }) => isRunning(watch, name)));
    watch.order({ type: 'kill', id: 'killed' });
    watch.order({ type: 'release', id: 'released' });
    await watch.until('the one is killed', () => watch.of('killed', 'ended').length === 1);
    expect(watch.of('killed', 'ended')[0]).toMatchObject({ outcome: 'killed', pod: 'deleted' });
    watch.end();
    await watch.until('it ends', () => watch.exitCode === 0);
    const there = (await namespace.pods()).map(({ metadata }) => metadata?.name);
    expect(there).toEqual(expect.arrayContaining(['released', 'left']));
    expect(watch.of('released', 'ended')).toEqual([]);
  });

  test('keeps a pod for a while after its end was told, and no later try takes it for its own', async () => {
    const pod = await create('held');
    const watch = start();
    watch.follow('held', followed(pod, { holdSeconds: 600 }));
    await watch.until('it runs', () => isRunning(watch, 'held'));
    await namespace.release([pod.pod]);
    await watch.until('its end is told', () => watch.of('held', 'outcome').length === 1);
    const there = (await namespace.pods()).find(({ metadata }) => metadata?.name === 'held');
    expect(there?.metadata?.labels?.already_checked).toBe('True');
    watch.order({ type: 'kill', id: 'held' });
    await watch.until('it is cleaned up', () => watch.of('held', 'ended')[0]?.pod === 'deleted');
  });

  test('tells a pod that vanished while nobody saw it, and one that was never there', async () => {
    const [vanished, stays] = await Promise.all([create('vanished'), create('stays')]);
    const watch = start();
    watch.follow('vanished', followed(vanished));
    watch.follow('stays', followed(stays));
    await watch.until('both run', () => isRunning(watch, 'vanished') && isRunning(watch, 'stays'));
    // The watch breaks, and what comes next is too old for the API server: only a list can tell.
    const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    let away = true;
    proxy.fault = ({ path }) =>
      path.includes('watch=true')
        ? away
          ? { status: 410, body: JSON.stringify(expired) }
          : null
        : away
          ? 'cut'
          : null;
    proxy.cutWatches();
    await remove('vanished');
    away = false;
    await watch.until('it is told', () => watch.of('vanished', 'ended').length === 1);
    expect(watch.of('vanished', 'ended')[0]).toMatchObject({ outcome: 'failed', reason: 'Deleted', pod: 'gone' });

    watch.follow('never', followed({ name: 'never', uid: '0' }));
    await watch.until('it is told', () => watch.of('never', 'ended').length === 1);
    expect(watch.of('never', 'ended')[0]).toMatchObject({ outcome: 'failed', reason: 'Deleted', pod: 'gone' });
    expect(watch.of('stays', 'ended')).toEqual([]);
  });

  test('tells whoever may not watch pods, and a request that makes no sense', async () => {
    const forbidden = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'pods is forbidden' };
    proxy.fault = ({ path }) => (path.includes(SHARED) ? { status: 403, body: JSON.stringify(forbidden) } : null);
    const watch = start();
    watch.follow('mine', followed({ name: 'any', uid: '0' }));
    watch.follow('wrong', { namespace: namespace.name });
    await watch.until('both are told', () => ['mine', 'wrong'].every((id) => watch.of(id, 'error').length === 1));
    expect(watch.of('mine', 'error')[0]).toMatchObject({ code: 'Forbidden' });
    expect(watch.of('wrong', 'error')[0]).toMatchObject({ code: 'InvalidRequest' });
    expect(watch.of('wrong', 'error')[0]?.message).toContain("'attach'");
  });
});
