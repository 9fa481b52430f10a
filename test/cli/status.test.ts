import type { Pod, Workload } from '../../src/cli/kube/objects.js';
import { statusOf, statusText } from '../../src/cli/status.js';

const workload: Workload = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'airflow-scheduler', generation: 1 },
  spec: { replicas: 1, template: { spec: { containers: [{ name: 'scheduler', image: 'airflow:1' }] } } },
  status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 0 },
};
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'airflow-scheduler-1' },
  spec: {
    nodeName: 'node0',
    containers: [{ name: 'scheduler', image: 'airflow:1' }],
    initContainers: [{ name: 'wait-for-airflow-migrations' }, { name: 'pod-launcher', restartPolicy: 'Always' }],
  },
  status: {
    phase: 'Running',
    initContainerStatuses: [
      { name: 'wait-for-airflow-migrations', ready: true, restartCount: 0 },
      { name: 'pod-launcher', ready: true, restartCount: 2 },
    ],
    containerStatuses: [
      { name: 'scheduler', ready: false, restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } } },
    ],
  },
};

describe('the status of a stack', () => {
  const status = statusOf({ workloads: [workload], pods: [pod], claims: [], events: [] });

  test('is not ready while a workload is not', () => {
    expect(status.ready).toBe(false);
  });

  test('counts a native sidecar as one of the containers, and its restarts', () => {
    expect(status.pods[0]).toMatchObject({ ready: '1/2', restarts: 3 });
  });

  test('names the problem once, below the tables', () => {
    expect(statusText(status)).toContain('PROBLEMS\nairflow-scheduler-1 (scheduler): CrashLoopBackOff');
  });

  test('of nothing is not ready', () => {
    expect(statusOf({ workloads: [], pods: [], claims: [], events: [] }).ready).toBe(false);
  });
});
