import { runName, taskLabels, taskSelector } from '../../../src/runtime/run/identity.js';

const TASK = {
  dagId: 'my_dag',
  taskId: 'group.Load',
  runId: 'manual__1',
  mapIndex: -1,
  tryNumber: 1,
  airflowVersion: '3.3.2',
};
const NAMED = { task: TASK, name: null, exactName: false, reattach: true };
const later = { ...NAMED, task: { ...TASK, tryNumber: 2 } };

describe('the pod of a run', () => {
  test('has the same name for every try that may go on with it', () => {
    expect(runName(NAMED, 0, 'r')).toMatch(/^my-dag-group-load-[a-z2-7]{16}$/);
    expect(runName(later, 0, 'other')).toBe(runName(NAMED, 0, 'r'));
    expect(runName(NAMED, 1, 'r')).not.toBe(runName(NAMED, 0, 'r'));
    expect(runName({ ...NAMED, task: { ...TASK, mapIndex: 0 } }, 0, 'r')).not.toBe(runName(NAMED, 0, 'r'));
  });

  test('has one name a try where tries do not share it', () => {
    const alone = { ...NAMED, reattach: false };
    expect(runName({ ...later, reattach: false }, 0, 'r')).not.toBe(runName(alone, 0, 'r'));
    expect(runName(alone, 0, 'r')).toBe(runName(alone, 0, 'q'));
  });

  test('begins with the name that is asked for, or has it', () => {
    expect(runName({ ...NAMED, name: 'Böse Zeichen!' }, 0, 'r')).toMatch(/^b-se-zeichen-[a-z2-7]{16}$/);
    expect(runName({ ...NAMED, name: 'x'.repeat(90) }, 0, 'r')).toHaveLength(57);
    expect(runName({ ...NAMED, name: 'mine', exactName: true }, 3, 'r')).toBe('mine');
    const free = { task: null, name: 'job', exactName: false, reattach: true };
    expect(runName(free, 0, 'r')).not.toBe(runName(free, 0, 'q'));
  });

  test('carries the labels of the stock operator and is found by them', () => {
    expect(taskLabels(TASK)).toEqual({
      dag_id: 'my_dag',
      task_id: 'group.Load',
      run_id: 'manual__1',
      kubernetes_pod_operator: 'True',
      try_number: '1',
      airflow_version: '3.3.2',
    });
    const found = 'dag_id=my_dag,task_id=group.Load,run_id=manual__1,kubernetes_pod_operator=True,!map_index';
    expect(taskSelector({ task: TASK, reattach: true })).toBe(found);
    expect(taskSelector({ task: { ...TASK, mapIndex: 3 }, reattach: false })).toContain('map_index=3');
    expect(taskSelector({ task: TASK, reattach: false })).toContain('try_number=1');
  });
});
