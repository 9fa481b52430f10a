import { LABELS, STANDBY_UNUSED } from '../../../constructs/contract.js';
import type { Observation, RawPod } from '../../../src/runtime/pods/observe.js';
import {
  asOfTask,
  buildStandbyPod,
  claimPatch,
  templateHash,
  viewClaimed,
  viewStandby,
} from '../../../src/runtime/standby/pod.js';
import { launch } from '../../integration/support/launches.js';

const CONTEXT = { deployment: 'airflow', namespaces: ['jobs'] };
const TEMPLATE = { metadata: { labels: { tier: 'airflow' } }, spec: { containers: [{ name: 'base', image: 'i' }] } };
const GIVEN = { name: 'airflow-standby-1', namespace: 'jobs', owner: 'scheduler-0', template: 'hash' };
const built = buildStandbyPod(TEMPLATE, CONTEXT, { ...GIVEN, secret: Buffer.alloc(32, 7) }) as RawPod;

function live(pod: RawPod, base: object, status: object = {}): RawPod {
  const containerStatuses = [{ name: 'base', ...base }];
  return {
    ...pod,
    metadata: { ...pod.metadata, uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
    status: { phase: 'Running', podIP: '10.0.0.9', containerStatuses, ...status },
  };
}

describe('a standby pod', () => {
  test('is of the template, waits, and belongs to no launch', () => {
    expect(built).toMatchObject({
      metadata: {
        name: 'airflow-standby-1',
        namespace: 'jobs',
        labels: { tier: 'airflow', [LABELS.DEPLOYMENT]: 'airflow', [LABELS.STANDBY]: 'idle' },
      },
      spec: {
        restartPolicy: 'Never',
        containers: [{ image: 'i', args: ['python', '-m', 'airflow_pod_launcher.standby'] }],
      },
    });
    expect(built.metadata?.labels).not.toHaveProperty([LABELS.LAUNCH_ID]);
  });

  test('is ready when its startup probe has succeeded, and over when it ends or is deleted', () => {
    const running = { state: { running: {} } };
    expect(viewStandby(live(built, running))).toMatchObject({ ...GIVEN, state: 'starting' });
    const ready = viewStandby(live(built, { ...running, started: true }));
    expect(ready).toMatchObject({ state: 'ready', ip: '10.0.0.9', secret: Buffer.alloc(32, 7) });
    expect(viewStandby(live(built, {}, { phase: 'Failed' }))?.state).toBe('over');
    const deleted = live(built, { ...running, started: true });
    const metadata = { ...deleted.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(viewStandby({ ...deleted, metadata })?.state).toBe('over');
  });

  test('is replaced when the template or the launcher has another version', () => {
    expect(templateHash(TEMPLATE, '1')).toBe(templateHash(structuredClone(TEMPLATE), '1'));
    expect(templateHash(TEMPLATE, '1')).not.toBe(templateHash(TEMPLATE, '2'));
    expect(templateHash(TEMPLATE, '1')).not.toBe(templateHash({ spec: {} }, '1'));
  });

  test('is claimed for one launch: only while it is idle, with all that finds and adopts a launch', () => {
    const spec = launch({ attempt: 1 });
    const patch = claimPatch(spec, 'u', CONTEXT);
    expect(patch.filter(({ op }) => op === 'test').map(({ path, value }) => [path, value])).toEqual([
      ['/metadata/uid', 'u'],
      ['/metadata/labels/airflow-pod-launcher~1standby', 'idle'],
    ]);
    const values = Object.fromEntries(patch.map(({ path, value }) => [path, value]));
    expect(values).toMatchObject({
      '/metadata/labels/airflow-pod-launcher~1launch-id': spec.id,
      '/metadata/labels/airflow-pod-launcher~1attempt': '1',
      '/metadata/labels/dag_id': 'example_dag',
      '/metadata/annotations/run_id': 'manual__2026-01-01',
    });
    const claimed = { ...built, metadata: { ...built.metadata, uid: 'u', labels: { [LABELS.STANDBY]: 'claimed' } } };
    expect(viewStandby(claimed)).toBeNull();
    expect(viewClaimed(claimed)).toMatchObject({ name: GIVEN.name });
  });
});

describe('what a claimed standby pod says about the task', () => {
  const seen: Observation = {
    ...{ phase: 'running', reason: null, message: null, exitCode: null, started: true, node: 'n', output: null },
  };
  const failed: Observation = { ...seen, phase: 'failed', reason: 'Error', message: 'm', exitCode: 137 };

  test('is nothing before the task was handed over', () => {
    expect(asOfTask('open', seen)).toMatchObject({ phase: 'pending', started: false });
    expect(asOfTask('open', failed)).toMatchObject({ phase: 'failed', reason: 'Error', started: false });
  });

  test('is what any pod says afterwards, and when nobody knows better', () => {
    for (const state of ['none', 'done', 'unknown'] as const) {
      expect(asOfTask(state, seen)).toBe(seen);
      expect(asOfTask(state, failed)).toBe(failed);
    }
  });

  test('is that the task never started, when the pod ended unused', () => {
    const unused = { ...failed, exitCode: STANDBY_UNUSED };
    expect(asOfTask('unknown', unused)).toMatchObject({ reason: 'StandbyLost', started: false });
    expect(asOfTask('none', unused)).toBe(unused);
  });
});
