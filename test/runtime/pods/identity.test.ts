import { podName, safeLabelValue } from '../../../src/runtime/pods/identity.js';

const KEY = { dagId: 'My_DAG', taskId: 'group.task', runId: 'r', tryNumber: 1, mapIndex: -1 };
const IDENTITY = { deployment: 'airflow', tiId: 'ti', key: KEY, id: 'L', attempt: 1 };

describe('the name of a pod', () => {
  test('is the same for every repeat and readable', () => {
    expect(podName(IDENTITY)).toMatch(/^my-dag-group-task-[a-z2-7]{16}$/);
    expect(podName({ ...IDENTITY })).toBe(podName(IDENTITY));
  });

  test.each([
    ['deployment', { deployment: 'other' }],
    ['task instance', { tiId: 'other' }],
    ['try', { key: { ...KEY, tryNumber: 2 } }],
    ['launch', { id: 'other' }],
    ['attempt', { attempt: 2 }],
  ])('differs with the %s', (_, change) => {
    expect(podName({ ...IDENTITY, ...change })).not.toBe(podName(IDENTITY));
  });

  test('is a DNS label for any task', () => {
    for (const dagId of ['', '___', 'x'.repeat(300), 'Ünïcode…', '1'.repeat(39) + '_x']) {
      const name = podName({ ...IDENTITY, key: { ...KEY, dagId, taskId: '' } });
      expect(name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
      expect(name.length).toBeLessThanOrEqual(57);
    }
  });
});

// Computed with make_safe_label_value of apache-airflow-providers-cncf-kubernetes 10.25.0.
test.each([
  ['manual__2026-01-01T00:00:00+00:00', 'manual__2026-01-01T0000000000-daff4c10d'],
  ['_x_', 'x-c72b28028'],
  ['a'.repeat(70), `${'a'.repeat(53)}-0f5c6c4e7`],
  ['döner', 'dner-25a8ff238'],
  ['ok.name', 'ok.name'],
])('the label value of %s is the one that Airflow computes', (text, label) => {
  expect(safeLabelValue(text)).toBe(label);
});
