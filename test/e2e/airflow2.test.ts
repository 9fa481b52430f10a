import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { Dags, Executor, Logs } from '../../constructs/index.js';
import { LABELS, PATHS, TASK_CONTAINER } from '../../constructs/contract.js';
import type { DagRun, TaskInstance } from '../../src/cli/airflow-api.js';
import type { Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest } from './support/airflow.js';
import { Cluster, ROOT } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { deploy } from './support/stack.js';
import { until } from './support/wait.js';

const MINUTE = 60_000;
const cluster = new Cluster('airflow-two');
let airflow: AirflowUnderTest;

function e2e(name: string, body: () => Promise<void>, minutes = 5): void {
  itExplains(() => cluster, name, body, minutes * MINUTE);
}

/** The pods that were made for a run; they are kept when they have ended, so each execution is one of them. */
async function podsOf(run: DagRun): Promise<Pod[]> {
  const pods = await cluster.pods(LABELS.LAUNCH_ID);
  return pods.filter(({ metadata }) => metadata.annotations?.run_id === run.dag_run_id);
}

async function outputOf(pod: Pod): Promise<string> {
  return await cluster.kubectl('logs', pod.metadata.name, '-n', cluster.namespace, '-c', TASK_CONTAINER);
}

function only<T>(found: readonly T[]): T {
  expect(found).toHaveLength(1);
  return found[0] as T;
}

async function allRunning(run: DagRun, count: number): Promise<TaskInstance[]> {
  return await until(`${count} tasks of ${run.dag_id} run`, async () => {
    const tasks = (await airflow.tasks(run)).filter(({ state }) => state === 'running');
    return tasks.length === count ? tasks : undefined;
  });
}

beforeAll(async () => {
  const script = join(ROOT, 'scripts/images/load.sh');
  await execa(script, ['airflow2', 'postgres'], { stdout: 'ignore', stderr: 'inherit' });
  await cluster.deleteNamespace();
  await cluster.createNamespace();
}, 8 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await cluster.abandonNamespace();
}, 5 * MINUTE);

describe('a stack of Airflow 2.11', () => {
  e2e(
    'comes up with a webserver and without a DAG processor, and takes the DAGs that the scheduler parses',
    async () => {
      await deploy(
        cluster.namespace,
        {
          airflowVersion: '2.11.2',
          ...{ executor: Executor.kubernetes(), dags: Dags.volume(), logs: Logs.ephemeral() },
        },
        ({ tasks }) => {
          tasks.allow({ pods: true });
        },
      );
      airflow = await AirflowUnderTest.connect(cluster);
      expect(await cluster.pods('component in (api-server,dag-processor)')).toEqual([]);
      const dag = readFileSync(join(__dirname, 'dags/airflow2/airflow2.py'));
      const scheduler = await cluster.ready('scheduler');
      await cluster.sh(scheduler, 'scheduler', `head -c ${dag.length} >${PATHS.DAGS}/airflow2.py`, dag);
      const answer = await airflow.api.importErrors();
      expect(answer).toEqual([]);
    },
    12,
  );

  e2e('runs PodOperator, whose result is in XCom and whose pod is gone', async () => {
    const { run, tasks } = await airflow.ended(await airflow.start('two_pod', {}, 120));
    expect(run.state).toBe('success');
    expect(await airflow.xcom(only(tasks))).toBe('[1, 2]');
    expect(await outputOf(only(await podsOf(run)))).toContain('a pod of pod');
    expect(await cluster.pods('kubernetes_pod_operator')).toEqual([]);
  });

  e2e('runs a task in a pod that the task overrides, and fails one that fails', async () => {
    const [good, bad] = [await airflow.start('two_ok', {}, 120), await airflow.start('two_fails')];
    expect((await airflow.ended(good)).run.state).toBe('success');
    expect(await outputOf(only(await podsOf(good)))).toContain('VARIANT is from the override');
    const { run, tasks } = await airflow.ended(bad);
    expect([run.state, only(tasks).state]).toEqual(['failed', 'failed']);
    expect(await outputOf(only(await podsOf(bad)))).toContain('this task fails');
  });

  e2e('shows the log of a running task, and has its scheduler die without running a task twice', async () => {
    const run = await airflow.start('two_marks');
    const [task] = await allRunning(run, 3);
    const wanted = `task ${task?.map_index} is running`;
    await until('the log of the running task', async () =>
      task === undefined ? undefined : (await airflow.log(task)).includes(wanted),
    );
    const scheduler = await cluster.ready('scheduler');
    await cluster.kubectl(
      ...['delete', 'pod', scheduler.metadata.name, '-n', cluster.namespace],
      ...['--grace-period=0', '--force', '--wait=false'],
    );
    const { run: ended, tasks } = await airflow.ended(run, 300);
    expect(ended.state).toBe('success');
    expect(tasks.map(({ try_number }) => try_number)).toEqual([1, 1, 1]);
    const indices = (await podsOf(run)).map(({ metadata }) => metadata.labels?.map_index);
    expect(indices.sort()).toEqual(['0', '1', '2']);
  });

  e2e('runs a task that is cleared while it runs again, and ends the pod of one that is marked as failed', async () => {
    const [marked, cleared] = [await airflow.start('two_long'), await airflow.start('two_long')];
    await airflow.mark(only(await allRunning(marked, 1)), 'failed');
    await allRunning(cleared, 1);
    // Not by the REST API: that of 2.11 answers 200 and leaves a running task as it is.
    await cluster.sh(
      await cluster.ready('scheduler'),
      'scheduler',
      'airflow tasks clear --yes --only-running two_long',
    );
    await until('the pod of the marked task has ended', async () =>
      (await podsOf(marked)).every(({ status }) => ['Succeeded', 'Failed'].includes(status?.phase ?? '')),
    );
    expect((await airflow.ended(marked)).run.state).toBe('failed');
    const again = await airflow.ended(cleared);
    expect([again.run.state, only(again.tasks).try_number]).toEqual(['success', 2]);
    const outputs = await Promise.all((await podsOf(cleared)).map(outputOf));
    expect(outputs.filter((output) => output.includes('not so long this time'))).toHaveLength(1);
  });
});
