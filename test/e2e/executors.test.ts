import { join } from 'node:path';
import { readFileSync, readdirSync } from 'node:fs';
import { execa } from 'execa';
import { Dags, Executor, Logs } from '../../constructs/index.js';
import { LABELS } from '../../constructs/contract.js';
import type { TaskInstance } from '../../src/cli/airflow-api.js';
import type { KubeObject, Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest, type EndedRun } from './support/airflow.js';
import { cli } from './support/cli.js';
import { Cluster, ROOT } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { deploy } from './support/stack.js';
import { until } from './support/wait.js';

const MINUTE = 60_000;
/** The release of the image that `test/e2e/dags/executors` is baked into. */
const TAG = 'executors';
const cluster = new Cluster('airflow-executors');
const teams = { a: new Cluster('airflow-team-a'), b: new Cluster('airflow-team-b') };
const all = [cluster, teams.a, teams.b];
let airflow: AirflowUnderTest;
let ended: EndedRun;

function e2e(name: string, body: () => Promise<void>, minutes = 5): void {
  itExplains(() => cluster, name, body, minutes * MINUTE);
}

function task(id: string): TaskInstance {
  const found = ended.tasks.find(({ task_id }) => task_id === id);
  if (found === undefined) {
    throw new Error(`no task ${id}`);
  }
  return found;
}

/** Ids of the tasks whose pods were made there; they are kept for their logs. */
async function launchedIn(where: Cluster): Promise<(string | undefined)[]> {
  return (await where.pods(LABELS.LAUNCH_ID)).map((pod: Pod) => pod.metadata.annotations?.task_id).sort();
}

beforeAll(async () => {
  const script = join(ROOT, 'scripts/images/load.sh');
  const args = ['--tag', `${TAG}=${join(__dirname, 'dags/executors')}`, 'postgres'];
  await execa(script, args, { stdout: 'ignore', stderr: 'inherit' });
  await Promise.all(all.map((each) => each.deleteNamespace()));
  await cluster.createNamespace();
}, 8 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await Promise.all(all.map((each) => each.abandonNamespace()));
}, 5 * MINUTE);

describe('a stack with two executors and the namespaces of two teams', () => {
  e2e(
    'is deployed with no ClusterRole, and with the namespaces of the teams',
    async () => {
      const folder = await deploy(cluster.namespace, {
        image: `docker.io/cdk8s-airflow/airflow:${TAG}`,
        dags: Dags.baked(),
        logs: Logs.ephemeral(),
        executor: Executor.combine(
          Executor.local({ parallelism: 2 }),
          Executor.kubernetes({
            alias: 'pods',
            queues: {
              'team-a': { namespace: teams.a.namespace, taskPod: { env: { TEAM: 'a' } } },
              'team-b': { namespace: teams.b.namespace, taskPod: { env: { TEAM: 'b' } } },
            },
          }),
        ),
      });
      const manifests = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
      expect(manifests.join('\n')).not.toContain('ClusterRole');
      for (const { namespace } of [teams.a, teams.b]) {
        const found = await cluster.kube.find<KubeObject>('v1', 'Namespace', '', namespace);
        expect(found?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
      }
      airflow = await AirflowUnderTest.connect(cluster);
    },
    12,
  );

  e2e('runs one task in each executor and in each namespace, in one run', async () => {
    ended = await airflow.ended(await airflow.start('executors'));
    expect(Object.fromEntries(ended.tasks.map(({ task_id, state }) => [task_id, state]))).toEqual({
      local: 'success',
      pod: 'success',
      team_a: 'success',
      team_b: 'success',
      foreign: 'failed',
    });
    expect(await launchedIn(cluster)).toEqual(['pod']);
    expect(await launchedIn(teams.a)).toEqual(['team_a']);
    expect(await launchedIn(teams.b)).toEqual(['team_b']);
  });

  e2e('shows the log of each, wherever it ran, with what its queue gives its pod', async () => {
    expect(await airflow.log(task('local'))).toContain('in a process for nobody');
    expect(await airflow.log(task('pod'))).toContain('in a pod for nobody');
    expect(await airflow.log(task('team_a'))).toContain('in a pod for a');
    expect(await airflow.log(task('team_b'))).toContain('in a pod for b');
  });

  e2e('fails the task that asks for a namespace where it has no rights, and says which it may ask for', async () => {
    const reasons = (await airflow.auditLog(ended.run)).filter(({ event }) => event === 'pod failed');
    expect(reasons.map(({ extra }) => extra)).toEqual([
      expect.stringContaining(
        `namespace 'kube-public' is not in the launch policy's 'namespaces' (${all.map(({ namespace }) => namespace).join(', ')})`,
      ) as string,
    ]);
    const launcher = `system:serviceaccount:${cluster.namespace}:airflow-airflow-scheduler`;
    const mayCreate = async (namespace: string): Promise<string> =>
      (
        await cluster
          .kubectl('auth', 'can-i', 'create', 'pods', '-n', namespace, '--as', launcher)
          .catch((error: unknown) => (error as { stdout: string }).stdout)
      ).trim();
    expect(await mayCreate(teams.a.namespace)).toBe('yes');
    expect(await mayCreate('kube-public')).toBe('no');
  });
});

describe('destroy', () => {
  e2e('removes what the stack has in the namespaces of the teams too, the pods of their tasks included', async () => {
    await cli('destroy', '--yes', '--namespace', cluster.namespace);
    for (const team of [teams.a, teams.b]) {
      await until('the pods have ended', async () => (await team.pods(LABELS.LAUNCH_ID)).length === 0);
      const kinds = 'roles,rolebindings,serviceaccounts,configmaps';
      expect(await cluster.kubectl('get', kinds, '-l', 'release=airflow', '-n', team.namespace, '-o', 'name')).toBe('');
    }
  });
});
