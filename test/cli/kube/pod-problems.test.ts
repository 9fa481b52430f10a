import type { ContainerStatus, KubeEvent, Pod, Workload } from '../../../src/cli/kube/objects.js';
import { describeProblem, podProblems, workloadProblems } from '../../../src/cli/kube/pod-problems.js';

const NAME = 'airflow-scheduler-7c9d-x2x';

function pod(status: Pod['status'], metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: NAME, uid: 'u1', ...metadata },
    spec: { containers: [{ name: 'scheduler' }] },
    status,
  };
}

function container(state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name: 'scheduler', ready: false, restartCount: 0, state, ...more };
}

function event(reason: string, message: string, uid = 'u1', lastTimestamp = '2026-01-01T00:00:00Z'): KubeEvent {
  const metadata = { name: `e-${reason}` };
  return { apiVersion: 'v1', kind: 'Event', metadata, involvedObject: { uid }, reason, message, lastTimestamp };
}

function told(...args: Parameters<typeof podProblems>): string[] {
  return podProblems(...args).map(describeProblem);
}

describe('why a pod is not ready', () => {
  test('no node takes it', () => {
    const message = '0/1 nodes are available: 1 Insufficient memory.';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    expect(told(pod({ phase: 'Pending', conditions }))).toEqual([`${NAME}: Unschedulable: ${message}`]);
  });

  test('its image cannot be pulled, and waiting does not help', () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "a/b:1"' };
    const problems = podProblems(pod({ phase: 'Pending', containerStatuses: [container({ waiting })] }));
    expect(problems.map(describeProblem)).toEqual([
      `${NAME} (scheduler): ImagePullBackOff: Back-off pulling image "a/b:1"`,
    ]);
    expect(problems[0]?.lasting).toBe(true);
  });

  test('a Secret that it reads does not exist, which the Job that makes it may still change', () => {
    const waiting = { reason: 'CreateContainerConfigError', message: 'secret "airflow-fernet-key" not found' };
    const [problem] = podProblems(pod({ phase: 'Pending', containerStatuses: [container({ waiting })] }));
    expect(problem).toMatchObject({ reason: 'CreateContainerConfigError', lasting: false, hasLog: false });
  });

  test('it crashes again and again: the exit code says more than the back-off', () => {
    const status = container(
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } },
      { restartCount: 4, lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
    );
    const [problem] = podProblems(pod({ phase: 'Running', containerStatuses: [status] }));
    expect(problem).toMatchObject({ message: 'exit code 137 (OOMKilled), restarted 4 times', hasLog: true });
  });

  test('an init container failed', () => {
    const init = {
      ...container({ terminated: { exitCode: 1, reason: 'Error' } }),
      name: 'wait-for-airflow-migrations',
    };
    const main = container({ waiting: { reason: 'PodInitializing' } });
    expect(told(pod({ phase: 'Pending', initContainerStatuses: [init], containerStatuses: [main] }))).toEqual([
      `${NAME} (wait-for-airflow-migrations): Error: exit code 1`,
    ]);
  });

  test('a volume cannot be mounted: the newest event says so', () => {
    const main = container({ waiting: { reason: 'ContainerCreating' } });
    const events = [
      event('FailedMount', 'configmap "airflow-config" not found', 'u1', '2026-01-01T00:00:02Z'),
      event('FailedMount', 'older', 'u1', '2026-01-01T00:00:01Z'),
      event('FailedMount', 'of another pod', 'u2', '2026-01-01T00:00:03Z'),
    ];
    expect(told(pod({ phase: 'Pending', containerStatuses: [main] }), events)).toEqual([
      `${NAME}: FailedMount: configmap "airflow-config" not found`,
    ]);
  });

  test('its probe fails', () => {
    const conditions = [{ type: 'Ready', status: 'False' }];
    const running = pod({ phase: 'Running', conditions, containerStatuses: [container({ running: {} })] });
    expect(told(running, [event('Unhealthy', 'Readiness probe failed: HTTP 503')])).toEqual([
      `${NAME}: Unhealthy: Readiness probe failed: HTTP 503`,
    ]);
  });

  test('it was evicted', () => {
    expect(told(pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' }))).toEqual([
      `${NAME}: Evicted: The node was low on memory.`,
    ]);
  });

  test('nothing is wrong with one that starts, is ready, has ended well or is being deleted', () => {
    const starting = container({ waiting: { reason: 'ContainerCreating' } });
    const ready = [{ type: 'Ready', status: 'True' }];
    const failing = container({ terminated: { exitCode: 1 } });
    expect(podProblems(pod({ phase: 'Pending', containerStatuses: [starting] }))).toEqual([]);
    const serving = pod({ phase: 'Running', conditions: ready, containerStatuses: [container({ running: {} })] });
    expect(podProblems(serving, [event('Unhealthy', 'once, at its start')])).toEqual([]);
    expect(podProblems(pod({ phase: 'Succeeded' }))).toEqual([]);
    expect(podProblems(pod({ containerStatuses: [failing] }, { deletionTimestamp: '2026-01-01T00:00:00Z' }))).toEqual(
      [],
    );
  });
});

describe('why a workload has no pod', () => {
  const base: Workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'airflow-api-server', uid: 'w1' },
    spec: {},
  };

  test('the ReplicaSet is not allowed to create it', () => {
    const message = 'pods "airflow-api-server-" is forbidden: violates PodSecurity "restricted:latest"';
    const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }];
    expect(workloadProblems({ ...base, status: { conditions } }).map(describeProblem)).toEqual([
      `airflow-api-server: FailedCreate: ${message}`,
    ]);
  });

  test('a StatefulSet or Job says it by an event alone, which is over once it has a pod', () => {
    const events = [event('FailedCreate', 'exceeded quota: pods', 'w1')];
    const set = { ...base, kind: 'StatefulSet' };
    expect(workloadProblems({ ...set, status: {} }, events)).toHaveLength(1);
    expect(workloadProblems({ ...set, status: { replicas: 1 } }, events)).toEqual([]);
  });
});
