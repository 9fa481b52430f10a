import { V1ResourceQuota } from '@kubernetes/client-node';
import { EXIT_CODES, LABELS } from '../../constructs/contract.js';
import { POD_VERBS } from '../../src/runtime/permissions.js';
import type { TestClient } from './support/client.js';
import { TestNamespace } from './support/cluster.js';
import { LauncherProcess, POD_TEMPLATE } from './support/launcher-process.js';
import { HOLD, launch, launches } from './support/launches.js';
import { TestServiceAccount } from './support/service-account.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const TEMPLATE_FILE = 'pod_template_file.gpu.yaml';
const templateFor = (hardware: string): string =>
  POD_TEMPLATE.replace('kind: Pod', `kind: Pod\nmetadata: {labels: {hardware: ${hardware}}}`);

describe('a launcher of two teams', () => {
  let a: TestNamespace;
  let b: TestNamespace;
  let launcher: LauncherProcess;
  let client: TestClient;

  beforeAll(async () => {
    [a, b] = await Promise.all([TestNamespace.create('team-a'), TestNamespace.create('team-b')]);
    const queues = { gpu: { template: TEMPLATE_FILE }, b: { namespace: b.name } };
    launcher = new LauncherProcess(a.policy({ namespaces: [a.name, b.name], queues }), a.kubeconfig);
    launcher.writeConfig(TEMPLATE_FILE, templateFor('cuda'));
    await launcher.start();
    client = await launcher.connect();
    client.holdLease();
  });

  afterAll(async () => {
    client.close();
    await launcher.stop();
    await Promise.all([a.delete(), b.delete()]);
  });

  const state = async (): Promise<unknown> => [await a.state(), await b.state(), launcher.log()];
  const running = (ids: readonly { id: string }[]): number =>
    ids.filter(({ id }) => client.kinds(id).includes('RUNNING')).length;
  /** Launches and returns `namespace/hardware` of each pod. */
  const placesOf = async (queues: readonly string[]): Promise<unknown[]> => {
    const asked = queues.map((queue) => launch({ queue }));
    client.launch(asked);
    await until('all end', () => asked.every(({ id }) => client.kinds(id).includes('SUCCEEDED')), { state });
    const pods = [...a.seen.values(), ...b.seen.values()];
    return asked.map(({ id }) => {
      const made = pods.find(({ metadata }) => metadata?.labels?.[LABELS.LAUNCH_ID] === id);
      return [made?.metadata?.namespace, made?.metadata?.labels?.hardware];
    });
  };

  test('takes template and namespace of a launch from its queue, and the defaults for any other', async () => {
    expect(await placesOf(['default', 'gpu', 'b', 'unknown'])).toEqual([
      [a.name, undefined],
      [a.name, 'cuda'],
      [b.name, undefined],
      [a.name, undefined],
    ]);
  });

  test('takes a new template of a queue over while it runs', async () => {
    launcher.writeConfig(TEMPLATE_FILE, templateFor('tpu'));
    await until('it is taken over', () => launcher.logged('configuration changed'), { state });
    expect(await placesOf(['gpu'])).toEqual([[a.name, 'tpu']]);
  });

  test('launches for one team while the quota of the other is full', async () => {
    await a.core.createNamespacedResourceQuota({
      namespace: a.name,
      body: Object.assign(new V1ResourceQuota(), { metadata: { name: 'two-pods' }, spec: { hard: { pods: '2' } } }),
    });
    const quotaIsCounted = async (): Promise<boolean> =>
      (await a.core.readNamespacedResourceQuota({ namespace: a.name, name: 'two-pods' })).status?.hard !== undefined;
    await until('the quota is counted', quotaIsCounted, { state });

    const [ofA, ofB] = [launches(5, { podOverride: HOLD }), launches(5, { podOverride: HOLD, queue: 'b' })];
    client.launch([...ofA, ...ofB]);
    await until('all of b run', () => running(ofB) === 5, { state });
    await until('the quota is full', () => running(ofA) === 2, { state });
    const throttled = client.others.flatMap((message) => (message.type === 'THROTTLED' ? [message.namespace] : []));
    expect(new Set(throttled)).toEqual(new Set([a.name]));

    await a.release(await a.pods());
    await until('the next two of a run', () => running(ofA) === 4, { state });
    client.revoke([...ofA, ...ofB].map(({ id }) => id));
    await until('no pod is left', async () => (await a.pods()).length + (await b.pods()).length === 0, { state });
  });

  test('ends at its start when it has rights in one namespace only, and names the other', async () => {
    const account = await TestServiceAccount.create(a, 'launcher', POD_VERBS);
    await account.useToken('launcher');
    const lacking = new LauncherProcess(launcher.policy, account.kubeconfig);
    await lacking.start();
    expect(lacking.exitCode).toBe(EXIT_CODES.PERMISSION);
    const missing = POD_VERBS.map((verb) => `${verb} pods in namespace '${b.name}'`);
    expect(lacking.lines().at(-1)).toMatchObject({ level: 'error', missing });
    await lacking.stop();
  });
});
