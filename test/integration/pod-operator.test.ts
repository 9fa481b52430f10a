import { TestNamespace } from './support/cluster.js';
import { launcherBundle } from './support/launcher-process.js';
import { OperatorTask } from './support/operator-task.js';
import { until } from './support/until.js';

jest.setTimeout(300_000);

/** The operators of the Python package with a real runtime and real pods; Airflow's own part is its task runner's. */
describe('PodOperator', () => {
  let namespace: TestNamespace;
  const tasks: OperatorTask[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create('pod-operator');
    launcherBundle();
  });

  afterAll(async () => {
    for (const task of tasks) {
      task.signal('SIGKILL');
    }
    await namespace.delete();
  });

  const start = (runId: string, script: string, more: object = {}, tryNumber = 1): OperatorTask => {
    const parameters = {
      image: 'busybox:1',
      cmds: ['sh', '-c'],
      arguments: [script],
      namespace: namespace.name,
      config_file: namespace.kubeconfig,
      termination_grace_period: 1,
      ...more,
    };
    const task = new OperatorTask({ runId, tryNumber, parameters });
    tasks.push(task);
    return task;
  };
  const podsOf = (runId: string) =>
    [...namespace.seen.values()].filter((pod) => pod.metadata?.labels?.run_id === runId);
  const untilGone = (name: string): Promise<void> =>
    until(`${name} is gone`, async () => (await namespace.pods()).every(({ metadata }) => metadata?.name !== name));

  test('runs a pod, logs its lines, hands on its result, and needs no Kubernetes client', async () => {
    const task = start('one', 'echo hello; echo \'{"a": 1}\' > /airflow/xcom/return.json', { do_xcom_push: true });
    const outcome = await task.ended();
    expect(outcome).toMatchObject({ result: { a: 1 }, kubernetesModules: [] });
    expect(task.said.log).toContain('[base] hello');
    expect(podsOf('one').map(({ metadata }) => metadata?.name)).toEqual([outcome.xcoms.pod_name]);
    await untilGone(outcome.xcoms.pod_name ?? '');
  });

  test('fails with the reason of the pod', async () => {
    const { error, message } = await start('two', 'exit 5').ended();
    expect(error).toBe('AirflowException');
    expect(message).toMatch(/^pod dag-task-\w+ failed: Error, exit 5/);
    expect(await start('three', 'exit 5', { skip_on_exit_code: 5 }).ended()).toMatchObject({
      error: 'AirflowSkipException',
    });
  });

  test('takes its pod along when the task is told to end, and is no success', async () => {
    const task = start('four', 'echo up; sleep 600');
    await task.logged('[base] up');
    task.signal('SIGTERM');
    const outcome = await task.ended();
    expect(outcome.error).toBe('AirflowException');
    expect(outcome.message).toContain('told to end');
    await untilGone(outcome.xcoms.pod_name ?? '');
  });

  test('goes on with the one pod when the worker was killed', async () => {
    const script = 'echo begin; sleep 5; echo end; echo 7 > /airflow/xcom/return.json';
    const first = start('five', script, { do_xcom_push: true });
    await first.logged('[base] begin');
    first.signal('SIGKILL');
    const second = start('five', script, { do_xcom_push: true }, 2);
    expect(await second.ended()).toMatchObject({ result: 7 });
    expect(second.said.log.match(/\[base\] \w+/g)).toEqual(['[base] begin', '[base] end']);
    expect(podsOf('five')).toHaveLength(1);
  });
});
