import type { V1Pod } from '@kubernetes/client-node';
import { LABELS, PATHS } from '../../constructs/contract.js';
import { TestNamespace } from './support/cluster.js';
import { FaultProxy } from './support/fault-proxy.js';
import { LauncherProcess } from './support/launcher-process.js';
import { launch, launches } from './support/launches.js';
import { STANDBY_TEMPLATE, StandbyKubelet } from './support/standby-kubelet.js';
import { until } from './support/until.js';

jest.setTimeout(120_000);

const STANDBY = 2;

/** The real launcher and real standby processes; only the kubelet between them is played. */
describe('standby pods', () => {
  let namespace: TestNamespace;
  let proxy: FaultProxy;
  let kubelet: StandbyKubelet;
  let launcher: LauncherProcess;
  let launchers: LauncherProcess[];

  beforeEach(async () => {
    namespace = await TestNamespace.create('standby');
    proxy = await FaultProxy.start(namespace.kubeconfig);
    kubelet = new StandbyKubelet(namespace);
    kubelet.start();
    launchers = [];
    launcher = launcherOf('first');
    await launcher.start();
  });

  afterEach(async () => {
    await launcher.stop();
    kubelet.stop();
    proxy.close();
    await namespace.delete();
  });

  const launcherOf = (host: string): LauncherProcess => {
    const made = new LauncherProcess(namespace.policy({ standbyPods: STANDBY }), proxy.kubeconfig, { HOSTNAME: host });
    made.writeConfig(PATHS.POD_TEMPLATE_FILE, STANDBY_TEMPLATE);
    launchers.push(made);
    return made;
  };
  const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
  const labelled = async (value: string): Promise<V1Pod[]> =>
    (await namespace.pods()).filter(({ metadata }) => metadata?.labels?.[LABELS.STANDBY] === value);
  /** Does its launcher know that it is ready? A launch before that gets a pod of its own. */
  const isKnown = ({ metadata }: V1Pod): boolean =>
    launchers.some((one) =>
      one.lines().some(({ pod, msg }) => pod === metadata?.name && msg === 'standby pod is ready'),
    );
  const ready = async (count = STANDBY): Promise<V1Pod[]> => {
    let pods: V1Pod[] = [];
    await until(
      `${count} standby pods are ready`,
      async () => {
        pods = (await labelled('idle')).filter(({ status }) => status?.containerStatuses?.[0]?.started === true);
        return pods.length === count && pods.every(isKnown);
      },
      { state },
    );
    return pods;
  };
  const podsOf = async (id: string): Promise<V1Pod[]> =>
    (await namespace.pods()).filter(({ metadata }) => metadata?.labels?.[LABELS.LAUNCH_ID] === id);

  /** The one pod of the launch. */
  const podOf = async (id: string): Promise<V1Pod> => {
    const [pod, ...others] = await podsOf(id);
    if (pod === undefined || others.length > 0) {
      throw new Error(`launch ${id} has ${pod === undefined ? 'no pod' : 'several pods'}`);
    }
    return pod;
  };

  test('take one task each, are replaced, and are settled like any pod', async () => {
    const client = await launcher.connect();
    client.holdLease();
    const waiting = await ready();
    const one = launch();
    client.launch([one]);
    await until('it runs', () => client.kinds(one.id).includes('RUNNING'), { state });

    const pod = await podOf(one.id);
    expect(waiting.map(({ metadata }) => metadata?.uid)).toContain(pod.metadata?.uid);
    await until('its worker has the task', () => kubelet.given(pod).length > 0);
    expect(kubelet.given(pod)).toEqual([one.args]);
    expect(JSON.stringify(pod)).not.toContain('--json-string');
    expect(client.kinds(one.id)).toEqual(['CREATED', 'RUNNING']);
    await ready();
    expect(namespace.seen.size).toBe(STANDBY + 1);

    // Told again: what has a pod gets no other.
    client.launch([one]);
    const another = launch();
    client.launch([another]);
    await until('the other runs', () => client.kinds(another.id).includes('RUNNING'), { state });
    expect(await podsOf(one.id)).toHaveLength(1);
    client.revoke([one.id, another.id]);
    await until(
      'their pods are gone',
      async () => (await podsOf(one.id)).length + (await podsOf(another.id)).length === 0,
    );
  });

  test('are made of the template in force, and are gone after DRAIN', async () => {
    const client = await launcher.connect();
    client.holdLease();
    const before = await ready();
    launcher.writeConfig(PATHS.POD_TEMPLATE_FILE, STANDBY_TEMPLATE.replace('3.3.2', '3.3.3'));
    const gone = new Set(before.map(({ metadata }) => metadata?.uid));
    await until(
      'they are replaced',
      async () => {
        const pods = await labelled('idle');
        return pods.length === STANDBY && pods.every(({ metadata }) => !gone.has(metadata?.uid));
      },
      { state },
    );
    for (const { spec } of await ready()) {
      expect(spec?.containers[0]?.image).toContain('3.3.3');
    }
    client.send({ type: 'DRAIN' });
    await until('none is left', async () => (await namespace.pods()).length === 0, { state });
  });

  test('leave other launches to ordinary pods', async () => {
    const client = await launcher.connect();
    client.holdLease();
    await ready();
    const own = launch({ podOverride: { metadata: { labels: { mine: 'yes' } } } });
    const again = launch({ attempt: 2 });
    client.launch([own, again]);
    await until('they have pods', () => client.kinds(own.id).length + client.kinds(again.id).length === 2, { state });
    for (const pod of [...(await podsOf(own.id)), ...(await podsOf(again.id))]) {
      expect(pod.metadata?.labels).not.toHaveProperty([LABELS.STANDBY]);
    }
    await ready();
  });

  test('that die when a task is handed over to them leave the launch to the executor, as not started', async () => {
    const client = await launcher.connect();
    client.holdLease();
    for (const pod of await ready()) {
      kubelet.freeze(pod);
    }
    const one = launch();
    client.launch([one]);
    await until('it is claimed', async () => (await podsOf(one.id)).length === 1, { state });
    const pod = await podOf(one.id);
    kubelet.kill(pod);
    await until('its end is told', () => client.kinds(one.id).includes('FAILED'), { state });
    expect(client.of(one.id).at(-1)).toMatchObject({ attempt: 1, started: false });
    expect(client.kinds(one.id)).not.toContain('RUNNING');
    expect(kubelet.given(pod)).toEqual([]);
    client.launch([{ ...one, attempt: 2 }]);
    await until('it has another pod', () =>
      client.of(one.id).some(({ kind, attempt }) => kind === 'CREATED' && attempt === 2),
    );
  });

  test('that do not know their secret get no task', async () => {
    kubelet.env = { POD_LAUNCHER_STANDBY_SECRET: '00'.repeat(32) };
    const client = await launcher.connect();
    client.holdLease();
    const pods = await ready();
    const one = launch();
    client.launch([one]);
    await until('its end is told', () => client.kinds(one.id).includes('FAILED'), { state });
    expect(client.of(one.id).at(-1)).toMatchObject({ reason: 'StandbyLost', started: false });
    expect(client.of(one.id).at(-1)?.message).toContain('does not know its secret');
    expect(pods.flatMap((pod) => kubelet.given(pod))).toEqual([]);
  });

  test('are claimed by one launch only, when two launchers have the same pods', async () => {
    const second = launcherOf('second');
    await second.start();
    try {
      const [here, there] = [await launcher.connect({ jobId: '1' }), await second.connect({ jobId: '2' })];
      here.holdLease();
      there.holdLease();
      await ready(2 * STANDBY);
      const [ours, theirs] = [launches(3), launches(3)];
      here.launch(ours);
      there.launch(theirs);
      const all = [...ours, ...theirs];
      const told = (id: string): number => here.of(id).length + there.of(id).length;
      await until('all have pods', () => all.every(({ id }) => told(id) > 0), { state });
      await until(
        'four run',
        () => [...here.events, ...there.events].filter(({ kind }) => kind === 'RUNNING').length >= 2 * STANDBY,
        { state },
      );
      const counts = namespace.podsPerLaunch();
      expect(all.map(({ id }) => counts.get(id))).toEqual(all.map(() => 1));
      const claimed = await labelled('claimed');
      await until('the workers have them', () => claimed.every((pod) => kubelet.given(pod).length > 0));
      const given = claimed.map((pod) => kubelet.given(pod).length);
      expect(given).toEqual(given.map(() => 1));
    } finally {
      await second.stop();
    }
  });

  test('claimed by a launcher that was killed before the hand-over are taken away, and nothing runs twice', async () => {
    const client = await launcher.connect();
    client.holdLease();
    for (const pod of await ready()) {
      kubelet.freeze(pod);
    }
    const one = launch();
    client.launch([one]);
    await until('it is claimed', async () => (await podsOf(one.id)).length === 1, { state });
    const pod = await podOf(one.id);
    await launcher.kill();
    kubelet.thaw();
    await launcher.start();
    const next = await launcher.connect();
    await next.synced();
    expect((await next.resync([one])).present).toEqual([{ id: one.id, attempt: 1 }]);
    await until('its end is told', () => next.kinds(one.id).includes('FAILED'), { state });
    expect(next.of(one.id).at(-1)).toMatchObject({ reason: 'StandbyLost', started: false });
    expect(kubelet.given(pod)).toEqual([]);
  });

  test('that have their task keep it when the launcher is killed', async () => {
    const client = await launcher.connect();
    client.holdLease();
    await ready();
    const one = launch();
    client.launch([one]);
    await until('it runs', () => client.kinds(one.id).includes('RUNNING'), { state });
    await launcher.kill();
    await launcher.start();
    const next = await launcher.connect();
    await next.synced();
    await next.resync([one]);
    await until('it is told as running', () => next.kinds(one.id).includes('RUNNING'), { state });
    const pod = await podOf(one.id);
    await until('its worker has the task', () => kubelet.given(pod).length > 0);
    expect(kubelet.given(pod)).toEqual([one.args]);
    kubelet.end(pod);
    await until('its end is told', () => next.kinds(one.id).includes('SUCCEEDED'), { state });
    expect(namespace.podsPerLaunch().get(one.id)).toBe(1);
  });

  test.each(['drop-answer', 'cut'] as const)('are claimed once when the claim meets: %s', async (fault) => {
    let met = 0;
    proxy.fault = (request) => (request.method === 'PATCH' && (met += 1) === 1 ? fault : null);
    const client = await launcher.connect();
    client.holdLease();
    await ready();
    const one = launch();
    client.launch([one]);
    await until('it runs', () => client.kinds(one.id).includes('RUNNING'), { state });
    const pods = await podsOf(one.id);
    await until('its worker has the task', () => pods.every((pod) => kubelet.given(pod).length > 0));
    expect(pods.map((pod) => kubelet.given(pod))).toEqual([[one.args]]);
    expect(met).toBeGreaterThan(0);
    expect(namespace.podsPerLaunch().get(one.id)).toBe(1);
  });
});
