import { TestNamespace } from './support/cluster.js';
import { LauncherProcess } from './support/launcher-process.js';
import { launches } from './support/launches.js';
import { until } from './support/until.js';

describe('500 queued tasks', () => {
  let namespace: TestNamespace;
  let launcher: LauncherProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create('many');
    launcher = await new LauncherProcess(namespace.policy(), namespace.kubeconfig).start();
  });

  afterAll(async () => {
    await launcher.stop();
    await namespace.delete();
  });

  test('become 500 pods, each once, every end is told, and every pod is deleted with one DELETE', async () => {
    const client = await launcher.connect();
    await client.synced();
    const many = launches(500);
    client.launch(many);
    client.holdLease();
    const state = async () => ({
      told: client.terminal().length,
      ...((await namespace.state()) as object),
      log: launcher.log(),
    });

    await until('500 ends', () => client.terminal().length >= 500, { timeoutMs: 60_000, state });
    await until('no pod is left', async () => (await namespace.pods()).length === 0, { state, everyMs: 200 });

    const perLaunch = namespace.podsPerLaunch();
    expect(perLaunch.size).toBe(500);
    expect(new Set(perLaunch.values())).toEqual(new Set([1]));
    for (const { id } of many) {
      expect(client.kinds(id).filter((kind) => kind !== 'PENDING')).toEqual(
        expect.arrayContaining(['CREATED', 'SUCCEEDED']),
      );
    }
    expect(client.terminal()).toHaveLength(500);
    client.close();
  });
});
