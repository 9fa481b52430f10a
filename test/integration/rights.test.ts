import { EXIT_CODES } from '../../constructs/contract.js';
import { POD_VERBS } from '../../src/runtime/permissions.js';
import { TestNamespace } from './support/cluster.js';
import { LauncherProcess } from './support/launcher-process.js';
import { HOLD, launch } from './support/launches.js';
import { TestServiceAccount } from './support/service-account.js';
import { until } from './support/until.js';

jest.setTimeout(90_000);

describe('a launcher with a service account', () => {
  let namespace: TestNamespace;

  beforeAll(async () => {
    namespace = await TestNamespace.create('rights');
  });

  afterAll(async () => {
    await namespace.delete();
  });

  test('that lacks rights ends at once and names what is missing', async () => {
    const account = await TestServiceAccount.create(namespace, 'lacking', ['create', 'delete', 'get', 'list']);
    await account.useToken('lacking');
    const launcher = new LauncherProcess(namespace.policy(), account.kubeconfig);
    await launcher.start();
    expect(launcher.exitCode).toBe(EXIT_CODES.PERMISSION);
    const where = `pods in namespace '${namespace.name}'`;
    expect(launcher.lines()).toMatchObject([
      {
        level: 'error',
        missing: [`patch ${where}`, `watch ${where}`],
        msg: expect.stringContaining(`the service account may not: patch ${where}; watch ${where}. Apply`) as string,
      },
    ]);
    await launcher.stop();
  });

  test('goes on with the new token of its file when the old one is revoked', async () => {
    const account = await TestServiceAccount.create(namespace, 'launcher', POD_VERBS);
    const old = await account.useToken('first');
    const launcher = new LauncherProcess(namespace.policy(), account.kubeconfig);
    await launcher.start();
    const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
    const client = await launcher.connect();
    const [before, after] = [launch({ podOverride: HOLD }), launch()];
    client.launch([before]);
    client.holdLease();
    await until('it runs', () => client.kinds(before.id).includes('RUNNING'), { state });

    await account.useToken('second');
    await account.revokeToken('first');
    await until('the old token is refused', () => account.isRefused(old), { everyMs: 200 });
    client.launch([after]);
    await until('the end', () => client.kinds(after.id).includes('SUCCEEDED'), { state });
    await namespace.release((await namespace.pods()).filter((pod) => pod.metadata?.labels?.['kwok/hold'] === 'true'));
    await until('the watch still tells', () => client.kinds(before.id).includes('SUCCEEDED'), { state });
    await until('no pod is left', async () => (await namespace.pods()).length === 0, { state });

    expect(launcher.lines().filter((line) => line.status === 401).length).toBeLessThanOrEqual(2);
    expect([...namespace.podsPerLaunch().values()]).toEqual([1, 1]);
    client.close();
    await launcher.stop();
  });
});
