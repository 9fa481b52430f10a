import type { Workload } from '../../../src/cli/kube/objects.js';
import { rolloutState } from '../../../src/cli/kube/rollout.js';

function workload(kind: string, spec: Workload['spec'], status: Workload['status']): Workload {
  return { apiVersion: 'apps/v1', kind, metadata: { name: 'airflow-scheduler', generation: 2 }, spec, status };
}

describe('a Deployment', () => {
  const settled = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2, readyReplicas: 2 };

  test('is done when all its replicas are new and available', () => {
    expect(rolloutState(workload('Deployment', { replicas: 2 }, settled))).toEqual({
      done: true,
      summary: '2/2 ready',
    });
  });

  test('is not done while its controller has not seen the newest spec', () => {
    expect(rolloutState(workload('Deployment', { replicas: 2 }, { ...settled, observedGeneration: 1 })).done).toBe(
      false,
    );
  });

  test('is not done while old replicas live, although enough are available', () => {
    const state = rolloutState(workload('Deployment', { replicas: 2 }, { ...settled, replicas: 3 }));
    expect(state).toEqual({ done: false, summary: '2/2 ready, 1 old' });
  });

  test('has one replica unless its spec says otherwise', () => {
    expect(rolloutState(workload('Deployment', {}, { observedGeneration: 2 })).summary).toBe('0/1 ready');
  });

  test('scaled to none is done', () => {
    expect(rolloutState(workload('Deployment', { replicas: 0 }, { observedGeneration: 2 })).done).toBe(true);
  });

  test('fails when its progress deadline has passed', () => {
    const message = 'ReplicaSet "airflow-scheduler-5d9" has timed out progressing.';
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message }];
    const state = rolloutState(workload('Deployment', {}, { observedGeneration: 2, conditions }));
    expect(state.failure).toBe(message);
  });
});

describe('a StatefulSet', () => {
  test('is done when every replica is ready at the newest revision', () => {
    const status = { observedGeneration: 2, readyReplicas: 1, currentRevision: 'a', updateRevision: 'a' };
    expect(rolloutState(workload('StatefulSet', { replicas: 1 }, status)).done).toBe(true);
  });

  test('is not done while a replica of the old revision serves', () => {
    const status = { observedGeneration: 2, readyReplicas: 1, currentRevision: 'a', updateRevision: 'b' };
    expect(rolloutState(workload('StatefulSet', { replicas: 1 }, status)).done).toBe(false);
  });
});

describe('a Job', () => {
  test('is done when it is complete', () => {
    const conditions = [{ type: 'Complete', status: 'True' }];
    expect(rolloutState(workload('Job', {}, { succeeded: 1, conditions })).done).toBe(true);
  });

  test('fails with the reason that its controller gives', () => {
    const conditions = [
      { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'too many retries' },
    ];
    expect(rolloutState(workload('Job', {}, { failed: 7, conditions })).failure).toBe(
      'BackoffLimitExceeded: too many retries',
    );
  });

  test('says how often it failed while it goes on', () => {
    expect(rolloutState(workload('Job', {}, { active: 1, failed: 2 })).summary).toBe('running, 2 failed');
  });
});
