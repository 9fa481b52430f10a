import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Airflow, Dags, Executor, Logs } from '../../constructs/index.js';
import { PATHS } from '../../constructs/contract.js';
import type { DagRun, TaskInstance } from '../../src/cli/airflow-api.js';
import type { Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest } from './support/airflow.js';
import { cli } from './support/cli.js';
import { Cluster, ROOT } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { deploy } from './support/stack.js';
import { until } from './support/wait.js';

const MINUTE = 60_000;
/** The release of the image that has the DAGs and helm. */
const TAG = 'operators';
const cluster = new Cluster('airflow-operators');
/** Where the example DAGs have their pods. */
const jobs = new Cluster('jobs');
let airflow: AirflowUnderTest;

function e2e(name: string, body: () => Promise<void>, minutes = 5): void {
  itExplains(() => cluster, name, body, minutes * MINUTE);
}

/** What the example DAGs need. */
function allow({ tasks }: Airflow): void {
  const write = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
  tasks.allow({
    namespace: jobs.namespace,
    ...{ pods: true, jobs: true, volumeClaims: true, spark: 'spark', deferrable: true },
    rules: [
      { apiGroups: [''], resources: ['configmaps'], verbs: write },
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: write },
    ],
  });
  tasks.serviceAccount('etl').allow({ namespace: jobs.namespace, pods: true, secrets: ['warehouse'] });
}

/** Pods that operators made for a run. */
async function podsOf(run: DagRun): Promise<Pod[]> {
  const pods = await jobs.pods('kubernetes_pod_operator');
  return pods.filter(({ metadata }) => metadata.annotations?.run_id === run.dag_run_id);
}

async function noPodIsLeft(): Promise<void> {
  await until('no pod is left', async () => (await jobs.pods('')).length === 0);
}

/** The tasks of a run that has ended as it should: a state of each task. Their logs explain when it has not. */
async function endedAs(run: DagRun, states: Readonly<Record<string, string>>): Promise<Record<string, TaskInstance>> {
  const { tasks } = await airflow.ended(run);
  const found = Object.fromEntries(tasks.map((task) => [task.task_id, task]));
  const different = tasks.filter(({ task_id, state }) => task_id in states && states[task_id] !== state);
  for (const task of different) {
    process.stderr.write(`=== log of ${task.task_id}\n${await airflow.log(task, task.try_number)}\n`);
  }
  expect(Object.fromEntries(tasks.map(({ task_id, state }) => [task_id, state]))).toMatchObject(states);
  return found;
}

async function run(
  dagId: string,
  states: Readonly<Record<string, string>>,
  conf: Record<string, unknown> = {},
): Promise<Record<string, TaskInstance>> {
  return await endedAs(await airflow.start(dagId, conf), states);
}

function named(tasks: Readonly<Record<string, TaskInstance>>, taskId: string): TaskInstance {
  const found = tasks[taskId];
  if (found === undefined) {
    throw new Error(`no task ${taskId} in ${Object.keys(tasks).join(', ')}`);
  }
  return found;
}

/** What is added to the image: the DAGs, and helm, which is no part of it. */
async function imageFolder(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cdk8s-airflow-operators-'));
  for (const dags of ['examples/dags/operators', 'test/e2e/dags/operators']) {
    cpSync(join(ROOT, dags), folder, { recursive: true });
  }
  const { stdout: helm } = await execa(join(ROOT, 'scripts/helm.sh'), { stderr: 'inherit' });
  cpSync(helm, join(folder, 'bin/helm'));
  return folder;
}

beforeAll(async () => {
  const script = join(ROOT, 'scripts/images/load.sh');
  const images = ['--tag', `${TAG}=${await imageFolder()}`, 'postgres', 'python', 'job-1.0.1', 'job-1.0.2', 'spark'];
  await execa(script, images, { stdout: 'ignore', stderr: 'inherit' });
  await Promise.all([cluster.deleteNamespace(), jobs.deleteNamespace()]);
  // Its images run as root.
  await jobs.create({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: jobs.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
  });
  await jobs.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'warehouse' },
    stringData: { password: 'fourteen chars' },
  });
}, 8 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await Promise.all([cluster.abandonNamespace(), jobs.abandonNamespace()]);
}, 5 * MINUTE);

describe('a stack whose tasks may run pods', () => {
  e2e(
    'comes up and takes the DAGs',
    async () => {
      const executor = Executor.kubernetes({
        taskPod: { env: { PATH: `${PATHS.DAGS}/bin:/home/airflow/.local/bin:/usr/local/bin:/usr/bin:/bin` } },
        queues: { etl: { taskPod: { serviceAccountName: 'etl' } } },
      });
      const image = `docker.io/cdk8s-airflow/airflow:${TAG}`;
      await deploy(cluster.namespace, { image, executor, dags: Dags.baked(), logs: Logs.volume() }, allow);
      airflow = await AirflowUnderTest.connect(cluster);
    },
    12,
  );

  e2e('runs the pod that passes, and fails the one that lacks its program, with the reason', async () => {
    const tasks = await run('kubernetes_sample', { 'passing-task': 'success', 'failing-task': 'failed' });
    const [passing, failing] = [named(tasks, 'passing-task'), named(tasks, 'failing-task')];
    expect([passing.try_number, failing.try_number]).toEqual([1, 2]);
    expect(await airflow.log(passing)).toContain('hello world');
    expect(await airflow.log(failing, 2)).toMatch(/failed: StartError, exit 128 .*python.* executable file not found/);
    await noPodIsLeft();
  });

  e2e('runs the release that it is told, and a task that runs meanwhile ends on its own', async () => {
    const first = await airflow.start('production_release', { release: '1.0.1', seconds: 30 });
    await until('the old release runs', async () => (await podsOf(first)).some(isRunning));
    const second = await run('production_release', { production_task: 'success' }, { release: '1.0.2' });
    expect(await airflow.xcom(named(second, 'production_task'))).toEqual({ release: '1.0.2' });
    expect((await podsOf(first)).map(imageOf)).toEqual(['my-production-job:release-1.0.1']);
    const task = named(await endedAs(first, { production_task: 'success' }), 'production_task');
    expect(await airflow.xcom(task)).toEqual({ release: '1.0.1' });
    expect(await airflow.log(task)).toContain('release 1.0.1 has done its work');
    await noPodIsLeft();
  });

  e2e('runs functions in pods, and hands the result of one to the next', async () => {
    const tasks = await run('functions_in_pods', { numbers: 'success', add: 'success' });
    expect(await airflow.xcom(named(tasks, 'numbers'))).toEqual([0, 1, 2, 3, 4]);
    expect(await airflow.xcom(named(tasks, 'add'))).toBe(10);
    expect(await airflow.log(named(tasks, 'add'))).toContain('adding in the pod');
    await noPodIsLeft();
  });

  e2e('gives a Secret to the task that may know it, and to no other one', async () => {
    const tasks = await run('need_to_know', { may_know: 'success', may_not_know: 'failed' });
    const [may, mayNot] = [named(tasks, 'may_know'), named(tasks, 'may_not_know')];
    expect(await airflow.log(may)).toContain('the password has 14 characters');
    expect(await airflow.log(mayNot)).toMatch(/may not use the Secret warehouse in namespace jobs: name it in/);
    await noPodIsLeft();
  });

  e2e('defers a pod to the triggerer, with its log and result', async () => {
    const run = await airflow.start('deferred_pod');
    await airflow.task(run, 'wait_for_it', 'deferred');
    const task = named(await endedAs(run, { wait_for_it: 'success' }), 'wait_for_it');
    expect(await airflow.xcom(task)).toEqual({ rows: 3 });
    expect(await airflow.log(task)).toContain('it has been worth the wait');
    await noPodIsLeft();
  });

  e2e('makes a volume and settings for two pods, and deletes both', async () => {
    const all = ['make_volume', 'apply_settings', 'write', 'read', 'delete_settings', 'delete_volume'];
    const tasks = await run('scratch_volume', Object.fromEntries(all.map((task) => [task, 'success'])));
    expect(await airflow.log(named(tasks, 'read'))).toContain('hello');
    const made = ['configmaps/settings', 'pvc/scratch', '--namespace', jobs.namespace];
    expect(await jobs.kubectl('get', ...made, '--ignore-not-found', '-o', 'name')).toBe('');
  });

  e2e('runs Spark: a driver and its executors', async () => {
    const tasks = await run('spark_pi', { pi: 'success' });
    expect(await airflow.log(named(tasks, 'pi'))).toContain('Pi is roughly 3.');
    await noPodIsLeft();
  });

  e2e('runs a Job from YAML templates', async () => {
    const tasks = await run('templated_job', { countdown: 'success' });
    expect(counted(await airflow.log(named(tasks, 'countdown')))).toEqual(['5', '4', '3', '2', '1']);
    await noPodIsLeft();
    expect(await jobs.kubectl('get', 'jobs', '-n', jobs.namespace, ...QUIET)).toBe('');
  });

  e2e('installs, upgrades, tests and uninstalls a Helm chart', async () => {
    const states = { install: 'success', upgrade: 'success', test: 'success', uninstall: 'success' };
    const tasks = await run('helm_release', states);
    expect(await airflow.xcom(named(tasks, 'upgrade'))).toMatchObject({ release: 'greeter', revision: 2 });
    await noPodIsLeft();
    expect(await jobs.kubectl('get', 'deployments', '-n', jobs.namespace, ...QUIET)).toBe('');
  });

  e2e('deletes the pod of a task that is marked as failed in the UI, which is then no success', async () => {
    const slow = await airflow.start('slow');
    const task = await airflow.task(slow, 'slow', 'running');
    await until('its line is readable while it runs', async () => (await airflow.log(task)).includes('it runs'));
    await airflow.mark(task, 'failed');
    await noPodIsLeft();
    await endedAs(slow, { slow: 'failed' });
  });

  e2e('leaves no right and no policy behind when it is destroyed', async () => {
    await cli('destroy', '--yes', '--namespace', cluster.namespace);
    const kinds = 'roles,rolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings';
    const selector = `cdk8s-airflow/stack-namespace=${cluster.namespace}`;
    expect(await cluster.kubectl('get', kinds, '--all-namespaces', '--selector', selector, '-o', 'name')).toBe('');
  });
});

const QUIET = ['-o', 'name', '--ignore-not-found'];

/** The numbers that the countdown has logged. */
function counted(log: string): string[] {
  return [...log.matchAll(/"event":"\[counter[^\]]*\] (\d)"/g)].map(([, number]) => number ?? '');
}

function isRunning({ status }: Pod): boolean {
  return status?.phase === 'Running';
}

function imageOf({ spec }: Pod): string | undefined {
  return spec.containers[0]?.image;
}
