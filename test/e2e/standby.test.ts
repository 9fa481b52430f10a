import { join } from 'node:path';
import { execa } from 'execa';
import { Dags, Executor, Logs } from '../../constructs/index.js';
import { LABELS, TASK_CONTAINER } from '../../constructs/contract.js';
import type { DagRun } from '../../src/cli/airflow-api.js';
import type { Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest } from './support/airflow.js';
import { Cluster, ROOT } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { deploy } from './support/stack.js';
import { until } from './support/wait.js';

const MINUTE = 60_000;
const TAG = 'standby';
const STANDBY = 2;
/** The first process of a standby pod, found without `ps`, which images do without. */
const GATE = `for p in /proc/[0-9]*; do
  case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in python*' -m airflow_pod_launcher.standby ') echo \${p#/proc/};; esac
done`;
const cluster = new Cluster('airflow-standby');
let airflow: AirflowUnderTest;

function e2e(name: string, body: () => Promise<void>, minutes = 5): void {
  itExplains(() => cluster, name, body, minutes * MINUTE);
}

async function idle(): Promise<Pod[]> {
  const pods = await cluster.pods(`${LABELS.STANDBY}=idle`);
  return pods.filter(({ status }) => status?.containerStatuses?.some(({ ready }) => ready));
}

/** Waits until there are as many as there should be. */
async function full(): Promise<Pod[]> {
  return await until('two standby pods are ready', async () => {
    const pods = await idle();
    return pods.length === STANDBY && pods;
  });
}

/** Pods of a run, those that have ended and are kept included. */
async function podsOf(run: DagRun): Promise<Pod[]> {
  return (await cluster.pods(LABELS.LAUNCH_ID)).filter(
    ({ metadata }) => metadata.annotations?.run_id === run.dag_run_id && metadata.deletionTimestamp === undefined,
  );
}

beforeAll(async () => {
  const script = join(ROOT, 'scripts/images/load.sh');
  const args = ['--tag', `${TAG}=${join(__dirname, 'dags/standby')}`, 'postgres'];
  await execa(script, args, { stdout: 'ignore', stderr: 'inherit' });
  await cluster.deleteNamespace();
  await cluster.createNamespace();
}, 8 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await cluster.abandonNamespace();
}, 5 * MINUTE);

describe('standby pods', () => {
  e2e(
    'are there once the scheduler is, and belong to no task',
    async () => {
      await deploy(cluster.namespace, {
        image: `docker.io/cdk8s-airflow/airflow:${TAG}`,
        ...{ dags: Dags.baked(), logs: Logs.ephemeral() },
        executor: Executor.kubernetes({ standby: { pods: STANDBY } }),
      });
      airflow = await AirflowUnderTest.connect(cluster);
      for (const { metadata } of await full()) {
        expect(metadata.labels).not.toHaveProperty([LABELS.LAUNCH_ID]);
      }
    },
    12,
  );

  e2e('run one task each and are replaced', async () => {
    const used = new Set<string>();
    for (let runs = 1; runs <= 3; runs += 1) {
      const waiting = (await full()).map(({ metadata }) => metadata.name);
      const { run, tasks } = await airflow.ended(await airflow.start('standby_quick'));
      expect(run.state).toBe('success');
      const [pod, ...others] = await podsOf(run);
      expect(others).toEqual([]);
      expect(waiting).toContain(pod?.metadata.name);
      expect(pod?.metadata.labels).toMatchObject({ [LABELS.STANDBY]: 'claimed', task_id: 'quick' });
      used.add(pod?.metadata.name ?? '');
      expect(tasks).toHaveLength(1);
      for (const task of tasks) {
        expect(await airflow.log(task)).toContain('a task in a pod that was there before');
      }
    }
    expect(used.size).toBe(3);
  });

  e2e('show the log of their task while it runs', async () => {
    await full();
    const run = await airflow.start('standby_held');
    const task = await airflow.task(run, 'held', 'running');
    await until('the line is in the log', async () => (await airflow.log(task)).includes('that is still running'));
    const pod = await until('its pod is there', async () => (await podsOf(run))[0]);
    expect(pod.metadata.labels).toMatchObject({ [LABELS.STANDBY]: 'claimed' });
    await cluster.sh(pod, TASK_CONTAINER, 'touch /tmp/go');
    expect((await airflow.ended(run)).run.state).toBe('success');
  });

  e2e('that die when a task is handed over to them lose nothing and burn no retry', async () => {
    for (const pod of await full()) {
      await cluster.sh(pod, TASK_CONTAINER, `kill -STOP $(${GATE})`);
    }
    const started = await airflow.start('standby_quick');
    const pod = await until('a standby pod is claimed', async () => (await podsOf(started))[0]);
    expect(pod.metadata.labels).toMatchObject({ [LABELS.STANDBY]: 'claimed', [LABELS.ATTEMPT]: '1' });
    await cluster.sh(pod, TASK_CONTAINER, `kill -KILL $(${GATE})`);

    const { run, tasks } = await airflow.ended(started);
    expect(run.state).toBe('success');
    expect(tasks.map(({ state, try_number }) => [state, try_number])).toEqual([['success', 1]]);
    const ran = await until('the pod that ran the task has ended', async () => {
      const ended = (await podsOf(run)).filter(({ status }) => status?.phase === 'Succeeded');
      return ended.length > 0 && ended;
    });
    expect(ran.map(({ metadata }) => metadata.labels?.[LABELS.ATTEMPT])).toEqual(['2']);
    expect(ran[0]?.metadata.labels).not.toHaveProperty([LABELS.STANDBY]);
  });
});
