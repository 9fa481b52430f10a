import { PATHS, PROTOCOL_VERSION } from '../../constructs/contract.js';
import { encodeFrame, MAX_FRAME_BYTES } from '../../src/runtime/link/frames.js';
import type { LaunchSpec } from '../../src/runtime/link/messages.js';
import type { TestClient } from './support/client.js';
import { TestNamespace } from './support/cluster.js';
import { LauncherProcess, POD_TEMPLATE } from './support/launcher-process.js';
import { launch } from './support/launches.js';
import { sendRaw } from './support/raw.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

/** Larger than etcd takes. */
const LARGE = 'x'.repeat(2 * 1024 * 1024);

describe('a launcher that is told nonsense', () => {
  let namespace: TestNamespace;
  let launcher: LauncherProcess;
  let client: TestClient;
  let bootId: string;

  beforeAll(async () => {
    namespace = await TestNamespace.create('wrong-input');
    launcher = new LauncherProcess(namespace.policy(), namespace.kubeconfig);
    launcher.writeConfig(PATHS.POD_TEMPLATE_FILE, POD_TEMPLATE.replace('name: base', 'name: worker'));
    await launcher.start();
    ({ bootId } = (await connect()).welcome());
  });

  afterAll(async () => {
    await launcher.stop();
    await namespace.delete();
  });

  const state = async (): Promise<unknown> => [await namespace.state(), launcher.log()];
  const connect = async (): Promise<TestClient> => {
    client = await launcher.connect();
    client.holdLease();
    return client;
  };
  /** How a launch ends: kind, reason and message. */
  const outcome = async (changes: Partial<LaunchSpec> = {}): Promise<unknown> => {
    const one = launch(changes);
    client.launch([one]);
    await until('its end', () => client.terminal().some(({ id }) => id === one.id), { state });
    const { kind, reason, message } = client.of(one.id).at(-1) ?? {};
    return [kind, reason, message].join(': ');
  };

  test('starts with a template that has no base, and fails the launches that need it', async () => {
    const problem = `pod_template_file.yaml: 'spec.containers' ("worker") has no container 'base'`;
    expect(launcher.lines()).toContainEqual(
      expect.objectContaining({ level: 'error', msg: expect.stringContaining(problem) as string }),
    );
    expect(await outcome()).toContain(`CREATE_FAILED: InvalidPodTemplate: ${problem}`);
    expect(await outcome({ podTemplate: POD_TEMPLATE })).toContain('SUCCEEDED');
  });

  test('launches when the template is mended, and keeps it when it is broken again', async () => {
    launcher.writeConfig(PATHS.POD_TEMPLATE_FILE, POD_TEMPLATE);
    await until('it is taken over', () => launcher.logged('configuration changed'), { state });
    expect(await outcome()).toContain('SUCCEEDED');
    launcher.writeConfig(PATHS.POD_TEMPLATE_FILE, 'spec: [');
    await until('it is refused', () => launcher.logged('new pod templates are wrong, the last good ones stay'), {
      state,
    });
    expect(await outcome()).toContain('SUCCEEDED');
  });

  test.each<[string, Partial<LaunchSpec>, string]>([
    ['a template that is no YAML', { podTemplate: 'a: [' }, 'InvalidPodTemplate: pod_template_file: is not YAML'],
    [
      'a template without base',
      { podTemplate: 'spec: {containers: [{name: main}]}' },
      `InvalidPodTemplate: pod_template_file: 'spec.containers' ("main") has no container 'base'`,
    ],
    [
      'an override of the wrong shape',
      { podOverride: { spec: { containers: 'x' } } },
      `InvalidPodOverride: pod_override: 'containers' must be a list of objects`,
    ],
    [
      'an override that the API server refuses',
      { podOverride: { spec: { containers: [{ name: 'base', image: 5 }] } } },
      'BadRequest: ',
    ],
    ['a namespace of somebody else', { namespace: 'kube-system' }, `NamespaceNotAllowed: namespace 'kube-system'`],
    ['no arguments', { args: 'x' as unknown as string[] }, `InvalidLaunch: LAUNCH: 'args' ("x") must be a list`],
    ['a pod that is too large for the cluster', { args: [LARGE] }, 'RequestEntityTooLarge: '],
  ])('fails a launch with %s, and says why', async (_, changes, why) => {
    expect(await outcome(changes)).toContain(`CREATE_FAILED: ${why}`);
  });

  const hello = {
    type: 'HELLO',
    protocol: PROTOCOL_VERSION,
    deployment: 'foreign',
    jobId: '1',
    bootId: null,
    ackedSeq: 0,
  };
  const tooLong = Buffer.alloc(8);
  tooLong.writeUInt32BE(MAX_FRAME_BYTES + 1);
  test.each([
    ['a frame that is too long', tooLong, `larger than the limit of ${MAX_FRAME_BYTES}`],
    ['a frame that is no JSON', Buffer.from([0, 0, 0, 1, 0x7b]), 'frame is not JSON'],
    ['another protocol', encodeFrame({ ...hello, protocol: 2 }), 'this launcher speaks protocol 1, the executor 2'],
    ['a foreign deployment', encodeFrame(hello), `not 'foreign'`],
  ])('closes the connection that brings %s, and says so', async (_, bytes, why) => {
    const said = expect.stringContaining(why) as string;
    expect(await sendRaw(launcher.socket, bytes)).toEqual([expect.objectContaining({ type: 'ERROR', message: said })]);
    const logged = (): boolean =>
      launcher.lines().some(({ msg, error }) => msg === 'connection refused' && String(error).includes(why));
    await until('it is logged', logged, { state });
  });

  test('lives on: the same launcher launches what comes next', async () => {
    expect(await outcome()).toContain('SUCCEEDED');
    client.close();
    expect((await connect()).welcome().bootId).toBe(bootId);
    expect(await outcome()).toContain('SUCCEEDED');
    client.close();
    expect(launcher.exitCode).toBeNull();
  });
});
