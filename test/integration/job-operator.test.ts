import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchV1Api, KubeConfig, type V1Job } from '@kubernetes/client-node';
import { TestNamespace } from './support/cluster.js';
import { launcherBundle } from './support/launcher-process.js';
import { OperatorTask } from './support/operator-task.js';
import { until } from './support/until.js';

jest.setTimeout(300_000);

const TASK = 'example_kubernetes_job_operator';

/** JobOperator with a real runtime, real Jobs and real pods; Airflow's own part is its task runner's. */
describe('JobOperator', () => {
  let namespace: TestNamespace;
  let batch: BatchV1Api;
  const folder = mkdtempSync(join(tmpdir(), 'job-operator-'));
  const tasks: OperatorTask[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create('job-operator');
    const config = new KubeConfig();
    config.loadFromFile(namespace.kubeconfig);
    batch = config.makeApiClient(BatchV1Api);
    launcherBundle();
    fillIn();
  });

  afterAll(async () => {
    for (const task of tasks) {
      task.signal('SIGKILL');
    }
    await namespace.delete();
  });

  /** The examples as they are, but for the places that they leave open, and for an image that is to be had here. */
  const fillIn = (): void => {
    cpSync('examples/job-operator', folder, { recursive: true });
    const values: [string, string][] = [
      ['/path/to/airflow', folder],
      ['<WRITE YOUR AIRFLOW NAMESPACE HERE>', namespace.name],
      ['in_cluster=True', `config_file=${JSON.stringify(namespace.kubeconfig)}`],
      ['/path/to/.kube/config', namespace.kubeconfig],
      ["cluster_context='my_kube_config_context'", 'cluster_context=None'],
      ["'/tmp'", `'${folder}/written'`],
      ['centos:7', 'busybox:1'],
      ['bin/bash', 'bin/sh'],
      ['sleep 60', 'sleep 1'],
    ];
    for (const name of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) {
        const path = join(name.parentPath, name.name);
        const text = readFileSync(path, 'utf8');
        writeFileSync(
          path,
          values.reduce((filled, [open, value]) => filled.replaceAll(open, value), text),
        );
      }
    }
  };
  const started = (given: object): OperatorTask => {
    const task = new OperatorTask({ tryNumber: 1, ...given });
    tasks.push(task);
    return task;
  };
  const example = (name: string, task = TASK): OperatorTask =>
    started({ runId: name, file: join(folder, `dags/${name}.py`), task });
  const start = (runId: string, script: string, more: object = {}, tryNumber = 1): OperatorTask =>
    started({
      runId,
      tryNumber,
      operator: 'job:JobOperator',
      parameters: {
        image: 'busybox:1',
        cmds: ['sh', '-c'],
        arguments: [script],
        namespace: namespace.name,
        config_file: namespace.kubeconfig,
        termination_grace_period: 1,
        backoff_limit: 0,
        ...more,
      },
    });
  const jobs = async (): Promise<V1Job[]> => (await batch.listNamespacedJob({ namespace: namespace.name })).items;
  const jobOf = async (name: string): Promise<V1Job | undefined> =>
    (await jobs()).find(({ metadata }) => metadata?.name === name);
  const podsOf = (runId: string) =>
    [...namespace.seen.values()].filter((pod) => pod.metadata?.labels?.run_id === runId);
  const untilGone = (runId: string): Promise<void> =>
    until(`Job and pods of ${runId} are gone`, async () =>
      [...(await jobs()), ...(await namespace.pods())].every(({ metadata }) => metadata?.labels?.run_id !== runId),
    );
  const counted = (task: OperatorTask): string[] => task.said.log.match(/\[counter\] \d/g) ?? [];
  const down = (from: number): string[] => Array.from({ length: from }, (_, at) => `[counter] ${from - at}`);

  test('runs the examples of the Kubernetes Job Operator, which change their import and nothing else', async () => {
    const first = ['countdown_config_file', 'countdown_templated', 'countdown_written'].map((name) => example(name));
    for (const [at, task] of first.entries()) {
      const { error, message, kubernetesModules } = await task.ended();
      expect({ error, message, kubernetesModules }).toEqual({ kubernetesModules: [] });
      expect(counted(task)).toEqual(down(at === 0 ? 9 : 5));
    }
    const kept = await jobOf('countdown');
    expect(kept?.status?.succeeded).toBe(1);
    expect((await jobOf('countdown-templated-1'))?.spec?.backoffLimit).toBe(1);
    expect(readFileSync(join(folder, 'written/rendered.yaml'), 'utf8')).toContain('countdown-templated-separated');

    // The same names again: Jobs that have ended make room.
    const again = [example('countdown_searchpath'), example('countdown_tail', 'tail_only_at_end')];
    for (const [at, task] of again.entries()) {
      expect(await task.ended()).not.toHaveProperty('error');
      expect(counted(task)).toEqual(down(at === 0 ? 9 : 5));
    }
    expect((await jobOf('countdown'))?.metadata?.uid).not.toBe(kept?.metadata?.uid);
  });

  test('runs an indexed Job, tells its pods apart and hands on their results', async () => {
    const script =
      'echo "part $JOB_COMPLETION_INDEX"; sleep 1; echo "[$JOB_COMPLETION_INDEX]" > /airflow/xcom/return.json';
    const indexed = { completions: 2, parallelism: 2, completion_mode: 'Indexed', do_xcom_push: true };
    const task = start('indexed', script, indexed);
    expect(await task.ended()).toMatchObject({ result: [[0], [1]] });
    expect(task.said.log.match(/\[base \d\] part \d/g)?.sort()).toEqual(['[base 0] part 0', '[base 1] part 1']);
    await untilGone('indexed');
  });

  test('fails with the reasons of the Job and of its pod, and with what is wrong in a file', async () => {
    const failing = start('failing', 'exit 5');
    const yaml = join(folder, 'wrong.yaml');
    writeFileSync(
      yaml,
      'spec:\n  template:\n    spec:\n      containers: [{name: a, image: b}]\n      restartPolice: Never\n',
    );
    const file = { image: null, cmds: null, arguments: null, yaml_file_name: yaml, random_name_suffix: true };
    const wrong = start('wrong', '', { ...file, termination_grace_period: null });
    const { error, message } = await failing.ended();
    expect(error).toBe('AirflowException');
    expect(message).toMatch(/^job dag-task-\w+ failed: BackoffLimitExceeded \(.*exit code 5/);
    expect((await wrong.ended()).message).toMatch(
      /^Refused: .*wrong.yaml as rendered, line 5: .*unknown field "spec.template.spec.restartPolice"/,
    );
    expect((await jobs()).filter(({ metadata }) => metadata?.labels?.run_id === 'wrong')).toEqual([]);
  });

  test('takes its Job along when the task is told to end, and is no success', async () => {
    const task = start('ended', 'echo up; sleep 600');
    await task.logged('[base] up');
    task.signal('SIGTERM');
    const outcome = await task.ended();
    expect(outcome.error).toBe('AirflowException');
    expect(outcome.message).toContain('told to end; its job');
    await untilGone('ended');
  });

  test('goes on with the one Job when the worker was killed', async () => {
    const script = 'echo begin; sleep 5; echo end';
    const first = start('killed', script);
    await first.logged('[base] begin');
    first.signal('SIGKILL');
    const second = start('killed', script, {}, 2);
    expect(await second.ended()).not.toHaveProperty('error');
    expect(second.said.log.match(/\[base\] \w+/g)).toEqual(['[base] begin', '[base] end']);
    expect(new Set(podsOf('killed').map(({ metadata }) => metadata?.ownerReferences?.[0]?.uid)).size).toBe(1);
  });
});
