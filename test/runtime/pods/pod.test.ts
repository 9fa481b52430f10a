import type { LaunchSpec } from '../../../src/runtime/link/messages.js';
import type { PodManifest } from '../../../src/runtime/pods/merge.js';
import { buildPod, placePod } from '../../../src/runtime/pods/pod.js';

const CONTEXT = { deployment: 'airflow', namespaces: ['jobs', 'team-a'] };
const LAUNCH: LaunchSpec = {
  id: 'launch-1',
  attempt: 2,
  key: { dagId: 'dag', taskId: 'task', runId: 'manual__2026-01-01T00:00:00+00:00', tryNumber: 3, mapIndex: 4 },
  tiId: 'ti',
  args: ['python', '-m', 'x'],
  queue: 'default',
  podOverride: null,
  podTemplate: null,
  namespace: null,
  notAfter: 0,
  airflowVersion: '3.3.2',
};
const TEMPLATE: PodManifest = {
  metadata: { labels: { tier: 'airflow' }, annotations: { a: '1' } },
  spec: {
    serviceAccountName: 'worker',
    initContainers: [{ name: 'git-sync', image: 'git' }],
    containers: [
      {
        name: 'base',
        image: 'airflow',
        args: ['old'],
        env: [{ name: 'A', value: '1' }],
        securityContext: { runAsUser: 1 },
      },
      { name: 'sidecar', image: 'side' },
    ],
    volumes: [{ name: 'dags', emptyDir: {} }],
  },
};

interface Built {
  metadata: { name: string; namespace: string; labels: Record<string, string>; annotations: Record<string, string> };
  spec: Record<string, unknown> & { containers: Record<string, unknown>[]; volumes: unknown[] };
}

function build(podOverride: Record<string, unknown> | null, template = TEMPLATE): Built {
  const launch = { ...LAUNCH, podOverride };
  return buildPod(launch, template, CONTEXT, placePod(launch, CONTEXT)) as unknown as Built;
}

describe('the pod of a launch', () => {
  test('carries the task in its container base, and its identity in labels and annotations', () => {
    const { metadata, spec } = build(null);
    expect(spec.restartPolicy).toBe('Never');
    expect(spec.containers[0]).toMatchObject({
      name: 'base',
      image: 'airflow',
      args: LAUNCH.args,
      env: [
        { name: 'A', value: '1' },
        { name: 'AIRFLOW_IS_K8S_EXECUTOR_POD', value: 'True' },
      ],
    });
    expect(metadata.labels).toEqual({
      tier: 'airflow',
      dag_id: 'dag',
      task_id: 'task',
      run_id: 'manual__2026-01-01T0000000000-daff4c10d',
      try_number: '3',
      map_index: '4',
      airflow_version: '3.3.2',
      'airflow-pod-launcher/deployment': 'airflow',
      'airflow-pod-launcher/launch-id': 'launch-1',
      'airflow-pod-launcher/attempt': '2',
    });
    expect(metadata.annotations).toMatchObject({ a: '1', dag_id: 'dag', run_id: LAUNCH.key.runId, map_index: '4' });
  });

  test('takes the override of the task over the template as Airflow merges it', () => {
    const { spec, metadata } = build({
      metadata: { labels: { team: 'a' }, annotations: {} },
      spec: {
        serviceAccountName: '',
        nodeSelector: { disk: 'ssd' },
        containers: [
          { name: 'base', image: 'mine', env: [{ name: 'B', value: '2' }], securityContext: { runAsUser: 2 } },
          { name: 'extra', image: 'extra' },
        ],
        volumes: [
          { name: 'dags', persistentVolumeClaim: { claimName: 'dags' } },
          { name: 'data', emptyDir: {} },
        ],
      },
    });
    expect(spec.serviceAccountName).toBe('worker');
    expect(spec.nodeSelector).toEqual({ disk: 'ssd' });
    expect(spec.containers.map(({ name, image }) => [name, image])).toEqual([
      ['base', 'mine'],
      ['sidecar', 'side'],
      ['extra', 'extra'],
    ]);
    expect((spec.containers[0]?.env as { name: string }[]).map(({ name }) => name)).toEqual([
      'A',
      'AIRFLOW_IS_K8S_EXECUTOR_POD',
      'B',
    ]);
    expect(spec.containers[0]?.securityContext).toEqual({ runAsUser: 2 });
    expect(spec.volumes).toEqual([
      { name: 'dags', persistentVolumeClaim: { claimName: 'dags' } },
      { name: 'data', emptyDir: {} },
    ]);
    expect(metadata.labels).toMatchObject({ tier: 'airflow', team: 'a' });
  });

  test('merges a container without a name into the one at its place, and counts false as given', () => {
    const { spec } = build(
      { spec: { automountServiceAccountToken: false, containers: [{ image: 'mine' }] } },
      { ...TEMPLATE, spec: { ...(TEMPLATE.spec as object), automountServiceAccountToken: true } },
    );
    expect(spec.containers[0]).toMatchObject({ name: 'base', image: 'mine' });
    expect(spec.automountServiceAccountToken).toBe(false);
  });

  test('keeps its identity whatever the override says, and never the label of the stock executor', () => {
    const { metadata } = build({
      metadata: {
        name: 'mine',
        labels: {
          'airflow-pod-launcher/launch-id': 'other',
          'airflow-pod-launcher/settled': '1',
          kubernetes_executor: 'True',
        },
      },
    });
    expect(metadata.name).toMatch(/^dag-task-/);
    expect(metadata.labels['airflow-pod-launcher/launch-id']).toBe('launch-1');
    expect(Object.keys(metadata.labels)).not.toContain('kubernetes_executor');
    expect(Object.keys(metadata.labels)).not.toContain('airflow-pod-launcher/settled');
  });

  test('goes where the launch or its override says, if the policy allows it', () => {
    expect(placePod(LAUNCH, CONTEXT).namespace).toBe('jobs');
    expect(placePod({ ...LAUNCH, namespace: 'team-a' }, CONTEXT).namespace).toBe('team-a');
    const override = { metadata: { namespace: 'team-a' } };
    expect(placePod({ ...LAUNCH, podOverride: override }, CONTEXT).namespace).toBe('team-a');
    expect(() => placePod({ ...LAUNCH, namespace: 'kube-system' }, CONTEXT)).toThrow(
      `namespace 'kube-system' is not in the launch policy's 'namespaces' (jobs, team-a)`,
    );
  });

  test('goes to the namespace of its queue, unless it says otherwise', () => {
    const context = { ...CONTEXT, queues: { a: { namespace: 'team-a' }, b: {} } };
    expect(placePod({ ...LAUNCH, queue: 'a' }, context).namespace).toBe('team-a');
    expect(placePod({ ...LAUNCH, queue: 'a', namespace: 'jobs' }, context).namespace).toBe('jobs');
    for (const queue of ['b', 'unknown', 'constructor']) {
      expect(placePod({ ...LAUNCH, queue }, context).namespace).toBe('jobs');
    }
  });

  test('is refused with the field when the override has the wrong shape', () => {
    expect(() => build({ spec: { containers: 'x' } })).toThrow(`pod_override: 'containers' must be a list of objects`);
  });
});
