import { Dags, Logs, SecretRef } from '../../constructs/index.js';
import type { TaskInstance } from '../../src/cli/airflow-api.js';
import { AirflowUnderTest } from './support/airflow.js';
import { Cluster } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { GitServer } from './support/git-server.js';
import { deploy } from './support/stack.js';

const MINUTE = 60_000;
const cluster = new Cluster('airflow-git');
let git: GitServer;
let airflow: AirflowUnderTest;

/** A DAG whose one task prints a text. */
function dag(id: string, text: string): string {
  return `from airflow.sdk import DAG, task

with DAG("${id}", schedule=None, catchup=False):

    @task
    def say() -> None:
        print("${text}")

    say()`;
}

async function logs(tasks: readonly TaskInstance[]): Promise<string> {
  return (await Promise.all(tasks.map((task) => airflow.log(task)))).join('\n');
}

beforeAll(async () => {
  await cluster.deleteNamespace();
  await cluster.createNamespace();
}, 5 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await cluster.abandonNamespace();
}, 5 * MINUTE);

describe('git-sync from a private repository over ssh', () => {
  itExplains(
    () => cluster,
    'brings the DAGs of a stack up',
    async () => {
      git = await GitServer.start(cluster);
      await git.push('first.py', dag('first', 'from the first commit'));
      await deploy(cluster.namespace, {
        dags: Dags.gitSync({
          repo: git.repo,
          ref: 'main',
          sshKey: SecretRef.named(git.secret, 'gitSshKey'),
          knownHosts: SecretRef.named(git.secret, 'known_hosts'),
        }),
        logs: Logs.volume(),
      });
      airflow = await AirflowUnderTest.connect(cluster);
      const { run, tasks } = await airflow.ended(await airflow.start('first'));
      expect(run.state).toBe('success');
      expect(await logs(tasks)).toContain('from the first commit');
    },
    12 * MINUTE,
  );

  itExplains(
    () => cluster,
    'makes a pushed commit runnable within 30 s',
    async () => {
      await git.push('second.py', dag('second', 'from the second commit'));
      const { run, tasks } = await airflow.ended(await airflow.start('second', {}, 30));
      expect(run.state).toBe('success');
      expect(await logs(tasks)).toContain('from the second commit');
    },
    5 * MINUTE,
  );
});
