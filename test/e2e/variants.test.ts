import { join } from 'node:path';
import { execa } from 'execa';
import { Duration } from 'cdk8s';
import { type AirflowProps, Dags, type Database, Executor, Logs } from '../../constructs/index.js';
import { LABELS } from '../../constructs/contract.js';
import type { DagRun, TaskInstance } from '../../src/cli/airflow-api.js';
import type { KubeObject, Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest } from './support/airflow.js';
import { cli } from './support/cli.js';
import { Cluster, ROOT } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { externalDatabase } from './support/external-database.js';
import { deploy } from './support/stack.js';
import { tokenHolders } from './support/token-holders.js';
import { until } from './support/wait.js';

const MINUTE = 60_000;
/** The release of the image that `test/e2e/dags/baked` is baked into. */
const TAG = 'variants';
const cluster = new Cluster('airflow-variants');
let airflow: AirflowUnderTest;
let database: Database;
let synthesized: string;

function e2e(name: string, body: () => Promise<void>, minutes = 5): void {
  itExplains(() => cluster, name, body, minutes * MINUTE);
}

const launcher = Executor.kubernetes({ pendingTimeout: Duration.seconds(60) });

/** Deploys the stack of these tests: nothing in it is a default of the other end-to-end tests. */
async function deployWith(executor: Executor): Promise<string> {
  const props: AirflowProps = {
    image: `docker.io/cdk8s-airflow/airflow:${TAG}`,
    ...{ database, dags: Dags.baked(), logs: Logs.ephemeral(), executor },
  };
  return await deploy(cluster.namespace, props);
}

/** The pods that were made for a run, those that have ended and are kept included. */
async function podsOf(run: DagRun, label: string = LABELS.LAUNCH_ID): Promise<Pod[]> {
  return (await cluster.pods(label)).filter(({ metadata }) => metadata.annotations?.run_id === run.dag_run_id);
}

function states(tasks: readonly TaskInstance[]): Record<string, string | null> {
  return Object.fromEntries(
    tasks.map(({ task_id, map_index, state }) => [map_index < 0 ? task_id : `${task_id}[${map_index}]`, state]),
  );
}

function only<T>(found: readonly T[]): T {
  expect(found).toHaveLength(1);
  return found[0] as T;
}

/** Resource versions of all Secrets of the namespace. */
async function secretVersions(): Promise<Record<string, string | undefined>> {
  const secrets = await cluster.kube.list<KubeObject>('v1', 'Secret', cluster.namespace);
  return Object.fromEntries(secrets.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
}

beforeAll(async () => {
  const script = join(ROOT, 'scripts/images/load.sh');
  const args = ['--tag', `${TAG}=${join(__dirname, 'dags/baked')}`, 'postgres'];
  await execa(script, args, { stdout: 'ignore', stderr: 'inherit' });
  await cluster.deleteNamespace();
  await cluster.createNamespace();
}, 8 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await cluster.abandonNamespace();
}, 5 * MINUTE);

describe('a stack on an external database, with baked DAGs and ephemeral logs', () => {
  const runs: Record<string, DagRun> = {};
  const run = (name: string): DagRun => {
    const started = runs[name];
    if (started === undefined) {
      throw new Error(`${name} was not started`);
    }
    return started;
  };

  e2e(
    'comes up with a login that holds every special character',
    async () => {
      database = await externalDatabase(cluster, `p@ss/w:rd%&'"\\$ #?=+`);
      synthesized = await deployWith(launcher);
      airflow = await AirflowUnderTest.connect(cluster);
      for (const name of ['unpullable', 'retried', 'overridden', 'deferred', 'mapped']) {
        runs[name] = await airflow.start(`variants_${name}`);
      }
    },
    12,
  );

  e2e('shows the log of each try after its end, from the pods that are kept', async () => {
    const { run: ended, tasks } = await airflow.ended(run('retried'));
    expect(ended.state).toBe('success');
    const retried = only(tasks);
    expect(retried.try_number).toBe(2);
    const first = await airflow.log(retried, 1);
    expect(first).toContain('this is try 1');
    expect(first).toContain('the first try fails');
    const second = await airflow.log(retried, 2);
    expect(second).toContain('this is try 2');
    expect(second).not.toContain('this is try 1');
  });

  e2e('gives a pod what its task overrides', async () => {
    const task = only((await airflow.ended(run('overridden'))).tasks);
    expect(await airflow.log(task)).toContain('VARIANT is from the override');
    const pods = await podsOf(run('overridden'), 'variants/label=overridden');
    expect(only(pods).metadata.labels).toMatchObject({ task_id: 'overridden', component: 'worker' });
  });

  e2e('resumes a deferred task in a second pod, and in no third', async () => {
    const { run: ended, tasks } = await airflow.ended(run('deferred'));
    expect(ended.state).toBe('success');
    const task = only(tasks);
    expect(task.try_number).toBe(1);
    const launches = (await podsOf(run('deferred'))).map(({ metadata }) => metadata.labels?.[LABELS.LAUNCH_ID]);
    expect(new Set(launches).size).toBe(2);
    expect(launches).toHaveLength(2);
    const log = await airflow.log(task);
    expect(log).toContain('before the wait');
    expect(log).toContain('after the wait');
  });

  e2e('runs each of ten mapped tasks in one pod', async () => {
    const { run: ended, tasks } = await airflow.ended(run('mapped'));
    expect(ended.state).toBe('success');
    expect(states(tasks)).toEqual(
      Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`mapped[${index}]`, 'success'])),
    );
    const pods = await podsOf(run('mapped'));
    const indices = pods.map(({ metadata }) => Number(metadata.labels?.map_index));
    expect(indices.sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, index) => index));
    for (const task of tasks) {
      expect(await airflow.log(task)).toContain(`mapped ${task.map_index}`);
    }
  });

  e2e('fails a task whose image cannot be pulled for a second pod either, in one try, and says so', async () => {
    const { run: ended, tasks } = await airflow.ended(run('unpullable'));
    expect(ended.state).toBe('failed');
    expect(states(tasks)).toEqual({ unpullable: 'failed' });
    expect(only(tasks).try_number).toBe(1);
    const reason = /^image cannot be pulled: .*no-such-image/;
    const entries = await airflow.auditLog(run('unpullable'));
    for (const said of ['pod relaunched', 'pod failed']) {
      expect(entries.filter(({ event }) => event === said)).toEqual([
        expect.objectContaining({ extra: expect.stringMatching(reason) as string }),
      ]);
    }
    await until('its pod is gone', async () => (await podsOf(run('unpullable'))).length === 0);
  });

  e2e('ends the pod of a running task that is marked as failed, and of one that is cleared', async () => {
    const marked = await airflow.start('variants_long');
    const cleared = await airflow.start('variants_long');
    const running = async (pods: readonly Pod[]): Promise<number> =>
      (
        await Promise.all(
          pods.map(({ metadata }) => cluster.kube.find<Pod>('v1', 'Pod', cluster.namespace, metadata.name)),
        )
      ).filter((pod) => ['Pending', 'Running'].includes(pod?.status?.phase ?? '')).length;
    const toMark = await airflow.task(marked, 'long', 'running');
    const toClear = await airflow.task(cleared, 'long', 'running');
    const pods = [...(await podsOf(marked)), ...(await podsOf(cleared))];
    expect(await running(pods)).toBe(2);

    await airflow.mark(toMark, 'failed');
    await airflow.clear(toClear);
    await until('both pods have ended', async () => (await running(pods)) === 0, { timeout: 60 });
    expect((await airflow.ended(marked)).run.state).toBe('failed');
    const again = await airflow.ended(cleared);
    expect(again.run.state).toBe('success');
    expect(only(again.tasks).try_number).toBe(2);
    expect(await airflow.log(only(again.tasks), 2)).toContain('not so long this time');
  });

  e2e('changes no Secret when it is deployed or applied again', async () => {
    const before = await secretVersions();
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining([
        'airflow-fernet-key',
        'airflow-jwt-secret',
        'airflow-api-secret-key',
        'airflow-first-user',
      ]),
    );
    await cluster.kubectl('delete', 'job', '-n', cluster.namespace, '-l', 'component=create-secrets');
    await deployWith(launcher);
    expect(await secretVersions()).toEqual(before);
    await cluster.kubectl('apply', '-f', synthesized);
    expect(await secretVersions()).toEqual(before);
  });
});

describe('the switch to the executor of Airflow itself', () => {
  e2e(
    'runs tasks by it, with a token for the scheduler',
    async () => {
      await deployWith(Executor.stockKubernetes());
      const scheduler = await cluster.ready('scheduler');
      expect(tokenHolders(scheduler)).toEqual(['scheduler']);
      const stock = await airflow.start('variants_overridden');
      expect((await airflow.ended(stock)).run.state).toBe('success');
      expect(await podsOf(stock)).toEqual([]);
    },
    10,
  );
});

describe('destroy', () => {
  e2e('removes all but what holds data and keys, the pods of tasks of both executors too', async () => {
    const keys = await secretVersions();
    await cli('destroy', '--yes', '--namespace', cluster.namespace);
    await until('the pods have ended', async () => (await cluster.pods('release=airflow')).length === 0);
    expect(await cluster.kubectl('get', 'all', '-l', 'release=airflow', '-n', cluster.namespace, '-o', 'name')).toBe(
      '',
    );
    expect(await secretVersions()).toEqual(keys);
  });
});
