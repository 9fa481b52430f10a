import { TestNamespace } from './support/cluster.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { until } from './support/until.js';

jest.setTimeout(90_000);

const COUNT = 200;

describe('a launcher that is killed', () => {
  let namespace: TestNamespace;
  let launcher: LauncherProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create('crash');
    launcher = new LauncherProcess(namespace.policy(), namespace.kubeconfig);
    await launcher.start();
  });

  afterAll(async () => {
    await launcher.stop();
    await namespace.delete();
  });

  test('with 200 pods alive misses nothing after its restart, and launches nothing twice', async () => {
    const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
    const before = await launcher.connect();
    await before.synced();
    const many = launches(COUNT, { podOverride: HOLD });
    before.launch(many);
    before.holdLease();
    await until('all run', () => many.every(({ id }) => before.kinds(id).includes('RUNNING')), {
      state,
      timeoutMs: 60_000,
    });

    await launcher.kill('SIGKILL');
    await until('the socket ends', () => before.closed);
    const held = await namespace.pods();
    const ending = held.slice(0, 20);
    await namespace.release(ending);
    await until('20 end while it is down', async () => {
      const pods = await namespace.pods();
      return pods.filter((pod) => pod.status?.phase === 'Succeeded').length === 20;
    });

    await launcher.start();
    const after = await launcher.connect({ bootId: before.welcome().bootId, ackedSeq: before.ackedSeq() });
    expect(after.welcome().bootId).not.toBe(before.welcome().bootId);
    const never = launch();
    const answer = await after.resync([...many, never]);
    expect(answer.absent).toEqual([{ id: never.id, attempt: 1 }]);
    expect(answer.present).toHaveLength(COUNT);
    await until('the 20 ends are told', () => after.terminal().length >= 20, { state });

    // The executor sends everything again: nothing of it may become a second pod.
    after.launch(many);
    after.holdLease();
    await namespace.release(held.slice(20));
    // An end that was settled before the repeated LAUNCH came is told once more: at least once, never another.
    const ended = (): Set<string> => new Set(after.terminal().map((event) => event.id));
    await until('all ends are told', () => ended().size >= COUNT, { state });
    await until('no pod is left', async () => (await namespace.pods()).length === 0, { state, everyMs: 200 });

    expect(ended()).toEqual(new Set(many.map(({ id }) => id)));
    expect(new Set(after.terminal().map((event) => event.kind))).toEqual(new Set(['SUCCEEDED']));
    expect(namespace.podsPerLaunch().size).toBe(COUNT);
    expect(new Set(namespace.podsPerLaunch().values())).toEqual(new Set([1]));
    after.close();
  });
});
