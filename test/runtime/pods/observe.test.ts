import { observe, type RawPod, viewPod, whyGone } from '../../../src/runtime/pods/observe.js';

type Status = NonNullable<RawPod['status']>;
const pod = (status: Status, spec: RawPod['spec'] = { nodeName: 'node0' }): RawPod => ({ spec, status });
const base = (state: object): Status['containerStatuses'] => [{ name: 'base', state }];

describe('what a pod says', () => {
  test('it runs when its container base runs', () => {
    const running = pod({ phase: 'Running', containerStatuses: base({ running: {} }) });
    expect(observe(running)).toMatchObject({ phase: 'running', started: true, node: 'node0' });
    const waiting = pod({ phase: 'Running', containerStatuses: base({ waiting: { reason: 'PodInitializing' } }) });
    expect(observe(waiting)).toMatchObject({ phase: 'pending', started: false, reason: null });
  });

  test.each([
    [
      'OOMKilled',
      { phase: 'Failed', containerStatuses: base({ terminated: { exitCode: 137, reason: 'OOMKilled' } }) },
      'OOMKilled',
      /exit code 137/,
      true,
      137,
    ],
    [
      'Evicted',
      { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: ephemeral-storage.' },
      'Evicted',
      /ephemeral-storage/,
      false,
      null,
    ],
    [
      'Error',
      { phase: 'Failed', containerStatuses: base({ terminated: { exitCode: 1, reason: 'Error', message: 'boom' } }) },
      'Error',
      /exit code 1 \(Error\)$/,
      true,
      1,
    ],
    [
      'StartError',
      { phase: 'Failed', containerStatuses: base({ terminated: { exitCode: 128, reason: 'StartError' } }) },
      'StartError',
      /exit code 128/,
      false,
      128,
    ],
    [
      'preempted',
      {
        phase: 'Failed',
        conditions: [
          { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: 'preempting' },
        ],
      },
      'Preempted',
      /preempting/,
      false,
      null,
    ],
    [
      'init container',
      {
        phase: 'Failed',
        initContainerStatuses: [{ name: 'git-sync', state: { terminated: { exitCode: 3, reason: 'Error' } } }],
        containerStatuses: base({ waiting: { reason: 'PodInitializing' } }),
      },
      'Error',
      /'git-sync' ended with exit code 3/,
      false,
      null,
    ],
  ] as [string, Status, string, RegExp, boolean, number | null][])(
    'why it failed: %s',
    (_, status, reason, message, started, exitCode) => {
      expect(observe(pod(status))).toMatchObject({
        phase: 'failed',
        reason,
        message: expect.stringMatching(message) as string,
        started,
        exitCode,
      });
    },
  );

  test('what it wrote last, unless it never ran', () => {
    const failed = (reason: string): RawPod =>
      pod({ phase: 'Failed', containerStatuses: base({ terminated: { exitCode: 1, reason, message: 'one\ntwo\n' } }) });
    expect(observe(failed('Error'))).toMatchObject({ output: 'one\ntwo' });
    expect(observe(failed('StartError'))).toMatchObject({
      output: null,
      message: `container 'base' ended with exit code 1 (StartError): one\ntwo\n`,
    });
    const ended = base({ terminated: { exitCode: 0, reason: 'Completed', message: 'a message' } });
    expect(observe(pod({ phase: 'Succeeded', containerStatuses: ended })).output).toBeNull();
  });

  test('that a container which the kubelet does not find ran only if it had been created', () => {
    const message = 'The container could not be located when the pod was terminated';
    const state = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message } };
    const unknown = (rest: object): RawPod =>
      pod({ phase: 'Failed', containerStatuses: base(state)?.map((status) => ({ ...status, ...rest })) });
    expect(observe(unknown({ containerID: '', restartCount: 0 }))).toMatchObject({ started: false, output: null });
    expect(observe(unknown({}))).toMatchObject({ started: false });
    expect(observe(unknown({ containerID: 'containerd://1' }))).toMatchObject({ started: true, output: null });
    expect(observe(unknown({ restartCount: 1 }))).toMatchObject({ started: true });
  });

  test.each(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'CreateContainerConfigError'])(
    'why it does not start: %s',
    (reason) => {
      const waiting = pod({ phase: 'Pending', containerStatuses: base({ waiting: { reason, message: 'because' } }) });
      expect(observe(waiting)).toMatchObject({ phase: 'pending', reason, message: 'because', started: false });
    },
  );

  test('that it cannot be scheduled', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' }];
    expect(observe(pod({ phase: 'Pending', conditions }, {}))).toMatchObject({
      reason: 'Unschedulable',
      message: '0/1 nodes',
      node: null,
    });
  });

  test('why it is gone', () => {
    expect(whyGone(pod({ phase: 'Running' })).reason).toBe('Deleted');
    const conditions = [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }];
    const gone = whyGone({ ...pod({ phase: 'Running', conditions }), spec: { nodeName: 'node7' } });
    expect(gone).toEqual({
      reason: 'NodeLost',
      message: 'lost node node7: the pod was disrupted: DeletionByTaintManager',
    });
  });

  test('whose it is, by its labels; a pod without them is none of ours', () => {
    const metadata = {
      name: 'p',
      uid: 'u',
      labels: {
        'airflow-pod-launcher/launch-id': 'L',
        'airflow-pod-launcher/attempt': '2',
        'airflow-pod-launcher/settled': '1700000000',
      },
    };
    expect(viewPod({ metadata })).toMatchObject({ id: 'L', attempt: 2, settledAt: 1_700_000_000_000 });
    expect(viewPod({ metadata: { ...metadata, labels: {} } })).toBeNull();
  });
});
