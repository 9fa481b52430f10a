import { V1Node, type V1Pod } from '@kubernetes/client-node';
import { LABELS } from '../../constructs/contract.js';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy, POD_LIST, type ProxiedRequest } from './support/fault-proxy.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { SchedulerProcess } from './support/scheduler-process.js';
import { until } from './support/until.js';

jest.setTimeout(240_000);

const isCreate = ({ method, path }: ProxiedRequest): boolean => method === 'POST' && path.endsWith('/pods');
const isWatch = ({ path }: ProxiedRequest): boolean => path.includes('watch=true');
const isList = ({ path }: ProxiedRequest): boolean => POD_LIST.test(path);
/** Longer than any deadline of the launcher. */
const DEADLINE = { timeoutMs: 90_000, everyMs: 100 };

/** Each of these waits for about a minute, so they wait together. */
describe('a launcher and what is only seen after a minute', () => {
  const over: (() => Promise<void> | void)[] = [];

  afterAll(async () => {
    for (const end of over.reverse()) {
      await end();
    }
  });

  const newNamespace = async (purpose: string): Promise<TestNamespace> => {
    const namespace = await TestNamespace.create(purpose);
    over.push(() => namespace.delete());
    return namespace;
  };
  const newLauncher = (namespace: TestNamespace, kubeconfig = namespace.kubeconfig): LauncherProcess => {
    const launcher = new LauncherProcess(namespace.policy(), kubeconfig);
    over.push(() => launcher.stop());
    return launcher;
  };
  const newProxy = async (namespace: TestNamespace): Promise<FaultProxy> => {
    const proxy = await FaultProxy.start(namespace.kubeconfig);
    over.push(() => {
      proxy.close();
    });
    return proxy;
  };

  test.concurrent(
    'a scheduler and its launcher that sleep for 60 s create nothing that another took over',
    async () => {
      const PAUSE_MS = 60_000;
      const TAKEN_FOR_DEAD_MS = 30_000;
      const namespace = await newNamespace('paused');
      const [sleeper, living] = [newLauncher(namespace), newLauncher(namespace)];
      await Promise.all([sleeper.start(), living.start()]);
      const scheduler = new SchedulerProcess(sleeper, '1');
      over.push(() => {
        scheduler.kill();
      });
      const state = async (): Promise<unknown> => [await namespace.state(), sleeper.log(), living.log()];

      // Paused in the middle of its creates: some pods have ended, some run, some are on their way, some have none.
      const many = launches(600).map((one, index) => (index % 3 === 0 ? { ...one, podOverride: HOLD } : one));
      scheduler.launch(many);
      await until('pods are made', () => namespace.seen.size >= 100, { state });
      scheduler.pause();
      sleeper.pause();
      const pausedAt = Date.now();

      const other = await living.connect({ jobId: '2' });
      await other.synced();
      other.holdLease();
      await until('it is taken for dead', () => Date.now() - pausedAt > TAKEN_FOR_DEAD_MS, DEADLINE);
      const settled = scheduler.ended();
      const left = many.filter(({ id }) => !settled.has(id));
      scheduler.takenOver(left.map(({ id }) => id));
      const { adopted, absent } = await other.adopt(left.map(({ id }) => id));
      expect(adopted.length).toBeGreaterThan(0);
      expect(absent.length).toBeGreaterThan(0);
      // Airflow resets what has no pod and queues it again: the same tasks under other launch ids.
      const again = left.filter(({ id }) => absent.includes(id)).map((one) => launch({ ...one, id: launch().id }));
      other.launch(again);

      await until('a minute', () => Date.now() - pausedAt > PAUSE_MS, DEADLINE);
      const leases = scheduler.leases.length;
      scheduler.wake();
      sleeper.wake();
      await until('a lease of the sleeper', () => scheduler.leases.length > leases, { state });
      expect(scheduler.leases.at(leases)).toBeGreaterThan(0);
      // New work of the sleeper goes through, behind whatever it still had in mind.
      const fresh = launches(10).map((one, index) => ({ ...one, key: { ...one.key, mapIndex: 1000 + index } }));
      scheduler.launch(fresh);
      await until('the new ends', () => fresh.every(({ id }) => scheduler.ended().has(id)), { state });

      const hold = ({ metadata }: V1Pod): boolean => metadata?.labels?.['kwok/hold'] === 'true';
      await until(
        'the other ends',
        async () => {
          await namespace.release((await namespace.pods()).filter(hold));
          const ends = new Set(other.terminal().map(({ id }) => id));
          return [...adopted, ...again].every(({ id }) => ends.has(id));
        },
        { ...DEADLINE, everyMs: 500, state },
      );

      expect(new Set(other.terminal().map(({ kind }) => kind))).toEqual(new Set(['SUCCEEDED']));
      // Nobody can call back what was being written when it was stopped. Of these pods none may stay.
      const late = new Set(absent.filter((id) => namespace.podsPerLaunch().has(id)));
      expect(late.size).toBeLessThanOrEqual(namespace.policy().maxInFlightCreates);
      const isLate = ({ metadata }: V1Pod): boolean => late.has(metadata?.labels?.[LABELS.LAUNCH_ID] ?? '');
      await until('what was written late is gone', async () => !(await namespace.pods()).some(isLate), {
        ...DEADLINE,
        state,
      });
      const perTask = new Map<string, number>();
      for (const pod of [...namespace.seen.values()].filter((one) => !isLate(one))) {
        const task = pod.metadata?.labels?.map_index ?? '';
        perTask.set(task, (perTask.get(task) ?? 0) + 1);
      }
      expect(perTask.size).toBe(many.length + fresh.length);
      expect(new Set(perTask.values())).toEqual(new Set([1]));
      other.close();
    },
  );

  test.concurrent('the answer to a create does not end: there is one pod, and it is told', async () => {
    const namespace = await newNamespace('endless');
    const proxy = await newProxy(namespace);
    const launcher = await newLauncher(namespace, proxy.kubeconfig).start();
    const client = await launcher.connect();
    await client.synced();
    const endless = new Set<string>();
    proxy.fault = (request) => {
      if (isWatch(request)) {
        return 'cut';
      }
      if (isCreate(request) && endless.size < 5) {
        endless.add(`${endless.size}`);
        return 'endless-answer';
      }
      return null;
    };
    proxy.cutWatches();
    const some = launches(5, { podOverride: HOLD });
    client.launch(some);
    client.holdLease();
    const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
    await until('all are told', () => some.every(({ id }) => client.kinds(id).includes('CREATED')), {
      ...DEADLINE,
      state,
    });

    expect(proxy.count('POST', /\/pods$/)).toBe(10);
    expect((await namespace.pods()).map((pod) => pod.metadata?.labels?.[LABELS.LAUNCH_ID]).sort()).toEqual(
      some.map(({ id }) => id).sort(),
    );
    client.close();
  });

  test.concurrent('the answer to a list does not end: it is asked again', async () => {
    const namespace = await newNamespace('endless-list');
    const proxy = await newProxy(namespace);
    let lists = 0;
    proxy.fault = (request) => (isList(request) && (lists += 1) === 1 ? 'endless-answer' : null);
    const launcher = await newLauncher(namespace, proxy.kubeconfig).start();
    const client = await launcher.connect();
    expect(client.welcome().synced).toBe(false);
    const state = (): unknown => launcher.log();
    await until('it is synced', () => client.welcome().synced, { ...DEADLINE, state });

    expect(lists).toBe(2);
    client.close();
  });

  test.concurrent('a node goes, and its pods with it: each is told with the node that is lost', async () => {
    const namespace = await newNamespace('node');
    const launcher = await newLauncher(namespace).start();
    const node = `${namespace.name}-node`;
    await addNode(namespace, node);
    over.push(() => removeNode(namespace, node));
    const client = await launcher.connect();
    await client.synced();
    const some = launches(5, { podOverride: HOLD, podTemplate: templateFor(node) });
    client.launch(some);
    client.holdLease();
    const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
    await until('all run', () => some.every(({ id }) => client.kinds(id).includes('RUNNING')), { state });

    await removeNode(namespace, node);
    await until('all are told', () => client.terminal().length === some.length, { ...DEADLINE, state });

    for (const { id } of some) {
      expect(client.of(id).at(-1)).toMatchObject({ kind: 'FAILED', reason: 'NodeLost', node, started: true });
      expect(client.of(id).at(-1)?.message).toContain(node);
    }
    client.close();
  });

  test.concurrent(
    'a node is cut off, and nobody confirms the end of its pods: they are told all the same',
    async () => {
      const namespace = await newNamespace('cut-off');
      const launcher = await newLauncher(namespace).start();
      const node = `${namespace.name}-node`;
      await addNode(namespace, node, {});
      over.push(() => removeNode(namespace, node));
      const client = await launcher.connect();
      await client.synced();
      const [started, waiting] = [launch({ podTemplate: boundTo(node) }), launch({ podTemplate: boundTo(node) })];
      client.launch([started, waiting]);
      client.holdLease();
      const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
      const name = (id: string): string => client.of(id)[0]?.podName ?? '';
      await until('both are there', () => name(started.id) !== '' && name(waiting.id) !== '', { state });
      // What its kubelet would have said: this node has none.
      await namespace.core.patchNamespacedPodStatus({
        name: name(started.id),
        namespace: namespace.name,
        body: [{ op: 'add', path: '/status/containerStatuses', value: [RUNNING] }],
      });
      await until('it runs', () => client.kinds(started.id).includes('RUNNING'), { state });

      // As the node lifecycle does when a node is not heard of any more.
      const cutOff = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }];
      await namespace.core.patchNode({ name: node, body: [{ op: 'add', path: '/spec/taints', value: cutOff }] });
      await until('both are told', () => client.terminal().length === 2, { ...DEADLINE, state });

      for (const { id } of [started, waiting]) {
        const event = client.of(id).at(-1);
        expect(event).toMatchObject({ kind: 'FAILED', reason: 'NodeLost', node, started: id === started.id });
        expect(event?.message).toContain(node);
      }
      expect(await namespace.pods()).toHaveLength(2);
      client.close();
    },
  );
});

/** Its pods are taken away at once from a node that is not heard of, and not five minutes later. */
const boundTo = (node: string): string => `
apiVersion: v1
kind: Pod
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 3
  tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 0}]
  containers: [{name: base, image: apache/airflow:3.3.2}]
`;

const RUNNING = {
  name: 'base',
  image: 'apache/airflow:3.3.2',
  imageID: '',
  ready: true,
  restartCount: 0,
  state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
};

const templateFor = (node: string): string => `
apiVersion: v1
kind: Pod
spec:
  nodeSelector: {kubernetes.io/hostname: ${node}}
  tolerations: [{operator: Exists}]
  containers: [{name: base, image: apache/airflow:3.3.2}]
`;

/** A node that kwok plays, for this test alone: other tests' pods choose nodes by the label `type`. */
async function addNode(
  namespace: TestNamespace,
  name: string,
  annotations: Record<string, string> = { 'kwok.x-k8s.io/node': 'fake' },
): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name };
  const room = { cpu: '100', memory: '100Gi', pods: '100' };
  await namespace.core.createNode({
    body: Object.assign(new V1Node(), {
      metadata: { name, labels, annotations },
      spec: { taints: [{ key: 'launcher-test', value: name, effect: 'NoSchedule' }] },
      status: { allocatable: room, capacity: room },
    }),
  });
}

async function removeNode(namespace: TestNamespace, name: string): Promise<void> {
  const { items } = await namespace.core.listNode({ fieldSelector: `metadata.name=${name}` });
  if (items.length > 0) {
    await namespace.core.deleteNode({ name });
  }
}
