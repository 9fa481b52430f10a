import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duration } from 'cdk8s';
import { execa } from 'execa';
import { Dags, Executor, Logs } from '../../constructs/index.js';
import { LABELS, PATHS } from '../../constructs/contract.js';
import type { DagRun } from '../../src/cli/airflow-api.js';
import type { Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest } from './support/airflow.js';
import { cli } from './support/cli.js';
import { Cluster, ROOT } from './support/cluster.js';
import { itExplains } from './support/diagnostics.js';
import { deploy } from './support/stack.js';
import { tokenHolders } from './support/token-holders.js';
import { until } from './support/wait.js';

const MINUTE = 60_000;
const cluster = new Cluster('airflow');
let airflow: AirflowUnderTest;

/** The stack of src/main.ts, but for the props that a test changes. */
const stack = { dags: Dags.volume(), logs: Logs.volume() };

function e2e(name: string, body: () => Promise<void>, minutes = 5): void {
  itExplains(() => cluster, name, body, minutes * MINUTE);
}

/** Copies one DAG file into the DAG volume, as people do by hand. */
async function copyDag(file: string): Promise<void> {
  const processor = await cluster.ready('dag-processor');
  const source = readFileSync(join(__dirname, 'dags', file), 'utf8');
  const target = `${PATHS.DAGS}/${file}`;
  await cluster.sh(
    processor,
    'dag-processor',
    `cat > ${target}.tmp <<'EOF'\n${source}\nEOF\nmv ${target}.tmp ${target}`,
  );
}

/** How often each mapped task of a run executed, counted by the files that the executions left. */
async function executions(runId: string): Promise<Record<string, number>> {
  const processor = await cluster.ready('dag-processor');
  const folder = `${PATHS.LOGS}/e2e-marks/${runId.replaceAll(':', '_')}`;
  const marks = (await cluster.sh(processor, 'dag-processor', `ls ${folder}`))
    .split('\n')
    .filter((line) => line !== '');
  const counts: Record<string, number> = {};
  for (const mark of marks) {
    const task = mark.split('.')[0] ?? '';
    counts[task] = (counts[task] ?? 0) + 1;
  }
  return counts;
}

function oneEach(tasks: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: tasks }, (_, index) => [String(index), 1]));
}

async function taskPods(): Promise<Pod[]> {
  return await cluster.pods(LABELS.LAUNCH_ID);
}

async function podsOf(run: DagRun): Promise<Pod[]> {
  return (await taskPods()).filter(({ metadata }) => metadata.annotations?.run_id === run.dag_run_id);
}

beforeAll(async () => {
  await cluster.deleteNamespace();
}, 5 * MINUTE);

afterAll(async () => {
  await (airflow as AirflowUnderTest | undefined)?.close();
  await cluster.abandonNamespace();
}, 5 * MINUTE);

describe('the default stack, synthesized by cdk8s and applied by kubectl', () => {
  e2e(
    'comes up on an unmodified cluster under Pod Security "restricted"',
    async () => {
      const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-airflow-e2e-'));
      await execa('npx', ['cdk8s', 'synth', '--output', outdir], { cwd: ROOT, timeout: 2 * MINUTE });
      await cluster.kubectl('apply', '-f', outdir);
      for (const component of ['api-server', 'scheduler', 'dag-processor', 'triggerer']) {
        await until(`${component} is ready`, () => cluster.ready(component), { timeout: 300 });
      }
      airflow = await AirflowUnderTest.connect(cluster);
      await until('the first user can log in', async () => Array.isArray(await airflow.api.dags()), { timeout: 180 });

      const namespace = await cluster.kubectl('get', 'namespace', cluster.namespace, '-o', 'json');
      expect(JSON.parse(namespace)).toMatchObject({
        metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      });
    },
    10,
  );

  e2e('gives a Kubernetes token to the launcher and the log-reading webserver alone', async () => {
    const holders: Record<string, string[]> = {};
    for (const pod of await cluster.pods('tier=airflow,component in (scheduler,api-server,dag-processor,triggerer)')) {
      const component = pod.metadata.labels?.component ?? '';
      holders[component] = tokenHolders(pod);
    }
    expect(holders).toEqual({
      scheduler: ['pod-launcher'],
      'api-server': ['api-server'],
      'dag-processor': [],
      triggerer: [],
    });
    const scheduler = await cluster.ready('scheduler');
    expect(
      await cluster.sh(scheduler, 'scheduler', `test -e ${PATHS.SERVICE_ACCOUNT_DIR}/token && echo token || echo none`),
    ).toBe('none\n');
    expect(
      await cluster.kubectl(
        'auth',
        'can-i',
        '--list',
        '-n',
        'airflow',
        '--as',
        'system:serviceaccount:airflow:airflow-airflow-api-server',
      ),
    ).not.toMatch(/pods\s.*(create|delete)/);
    expect(await cluster.kubectl('get', 'clusterrolebindings', '-o', 'json')).not.toContain('"namespace": "airflow"');
  });
});

describe('the example DAGs', () => {
  beforeAll(async () => {
    await cli('dags', 'push', 'examples/dags/basic', '--namespace', cluster.namespace);
  }, 5 * MINUTE);

  e2e('run each task in a pod that the launcher made and deleted', async () => {
    const seen = new Map<string, Pod>();
    const run = await airflow.start('example_passing');
    const watching = until(
      'the run ends',
      async () => {
        for (const pod of await podsOf(run)) {
          seen.set(pod.metadata.name, pod);
        }
        return (await airflow.api.run(run.dag_id, run.dag_run_id)).state === 'success';
      },
      { timeout: 180, every: 200 },
    );
    await watching;
    const { tasks } = await airflow.ended(run);
    expect(tasks.map(({ state }) => state)).toEqual(tasks.map(() => 'success'));
    expect([...seen.values()].map((pod) => pod.metadata.labels?.task_id).sort()).toEqual(
      tasks.map(({ task_id }) => task_id).sort(),
    );
    expect([...seen.values()].flatMap(tokenHolders)).toEqual([]);
    await until('the pods are deleted', async () => (await taskPods()).length === 0);
  });

  e2e('show a failed task with its reason and its log', async () => {
    const { run, tasks } = await airflow.ended(await airflow.start('example_failing'));
    expect(run.state).toBe('failed');
    const failed = tasks.find(({ state }) => state === 'failed');
    expect(failed).toBeDefined();
    if (failed !== undefined) {
      expect(await airflow.log(failed, failed.try_number)).toMatch(
        /not found|No such file|exit code|returned a non-zero/i,
      );
    }
  });
});

describe('a DAG volume', () => {
  e2e('makes a copied file runnable within 30 s, and serves the log of a running task', async () => {
    await copyDag('e2e_live_log.py');
    const run = await airflow.start('e2e_live_log', {}, 30);
    const task = await airflow.task(run, 'talk', 'running');
    await until('the line is readable while the task runs', async () =>
      (await airflow.log(task)).includes('a line from a task that is still running'),
    );
    expect((await airflow.tasks(run))[0]?.state).toBe('running');
    const processor = await cluster.ready('dag-processor');
    const gates = `${PATHS.LOGS}/e2e-gates`;
    const gate = `${gates}/${run.dag_run_id.replaceAll(':', '_')}`;
    await cluster.sh(processor, 'dag-processor', `mkdir -p ${gates} && touch ${gate}`);
    expect((await airflow.ended(run)).run.state).toBe('success');
  });
});

describe('a scheduler that dies', () => {
  e2e(
    'leaves no task behind and runs none twice',
    async () => {
      await copyDag('e2e_marks.py');
      const run = await airflow.start('e2e_marks', { tasks: 6, seconds: 20 });
      await until('two tasks run', async () => {
        const running = (await airflow.tasks(run)).filter(
          ({ task_id, state }) => task_id === 'mark' && state === 'running',
        );
        return running.length >= 2;
      });
      const scheduler = await cluster.ready('scheduler');
      await cluster.kubectl(
        ...['delete', 'pod', scheduler.metadata.name, '-n', cluster.namespace],
        ...['--grace-period=0', '--force', '--wait=false'],
      );
      const { run: ended, tasks } = await airflow.ended(run, 300);
      expect(ended.state).toBe('success');
      expect(tasks.map(({ try_number }) => try_number)).toEqual(tasks.map(() => 1));
      expect(await executions(run.dag_run_id)).toEqual(oneEach(6));
      await until('every pod is deleted', async () => (await taskPods()).length === 0);
    },
    7,
  );
});

describe('a new release of the image', () => {
  const image = (release: string) => `docker.io/cdk8s-airflow/airflow:${release}`;

  beforeAll(async () => {
    const script = join(ROOT, 'scripts/images/load.sh');
    await execa(script, ['--tag', '1.0.1', '--tag', '1.0.2'], { stdout: 'ignore', stderr: 'inherit' });
  }, 5 * MINUTE);

  e2e(
    'lets a running task end on the old one and starts the next on the new one',
    async () => {
      await copyDag('e2e_release.py');
      await deploy(cluster.namespace, { ...stack, image: image('1.0.1') });
      const first = await airflow.start('e2e_release', { seconds: 60 });
      const task = await airflow.task(first, 'release', 'running');
      await deploy(cluster.namespace, { ...stack, image: image('1.0.2') });
      expect((await airflow.ended(first)).run.state).toBe('success');
      const log = await airflow.log(task);
      expect(log).toContain('started on release 1.0.1');
      expect(log).toContain('ended on release 1.0.1');

      const second = await airflow.ended(await airflow.start('e2e_release', { seconds: 0 }));
      expect(second.run.state).toBe('success');
      expect(await airflow.log(second.tasks[0] ?? task)).toContain('ended on release 1.0.2');
    },
    12,
  );
});

describe('the executor switch', () => {
  e2e(
    'from Executor.kubernetes() to Executor.local() works on the running stack',
    async () => {
      await deploy(cluster.namespace, { ...stack, executor: Executor.local() });
      const run = await airflow.start('e2e_marks', { tasks: 2, seconds: 0 });
      const { run: ended } = await airflow.ended(run);
      expect(ended.state).toBe('success');
      expect(await executions(run.dag_run_id)).toEqual(oneEach(2));
      expect(await podsOf(run)).toEqual([]);
      const scheduler = await cluster.ready('scheduler');
      expect((scheduler.spec.initContainers ?? []).map(({ name }) => name)).not.toContain('pod-launcher');
      expect(tokenHolders(scheduler)).toEqual([]);
    },
    8,
  );
});

describe('the clean-ups', () => {
  const runNow = async (cronJob: string): Promise<void> => {
    const job = `${cronJob}-now`;
    await cluster.kubectl('create', 'job', job, `--from=cronjob/${cronJob}`, '-n', cluster.namespace);
    await cluster.kubectl('wait', `job/${job}`, '-n', cluster.namespace, '--for=condition=Complete', '--timeout=180s');
  };

  e2e(
    'remove what is old, and nothing else',
    async () => {
      await deploy(cluster.namespace, {
        ...stack,
        logs: Logs.volume({ retention: Duration.days(1) }),
        executor: Executor.local(),
        databaseCleanup: { retentionDays: 1 },
      });
      const processor = await cluster.ready('dag-processor');
      const logs = `${PATHS.LOGS}/cleanup`;
      const sh = (script: string) => cluster.sh(processor, 'dag-processor', script);
      await sh(`mkdir -p ${logs}/old ${logs}/new && touch ${logs}/old/1.log ${logs}/new/1.log`);
      await sh(`touch -d '3 days ago' ${logs}/old/1.log`);
      await runNow('airflow-log-cleanup');
      expect((await sh(`find ${logs} -type f`)).trim()).toBe(`${logs}/new/1.log`);

      const postgres = await cluster.ready('postgresql');
      const sql = (query: string) =>
        cluster.sh(
          postgres,
          'postgresql',
          `PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U postgres -Atqc "${query}"`,
        );
      await sql("INSERT INTO log (dttm, event) VALUES (now() - interval '3 days', 'e2e_old'), (now(), 'e2e_new')");
      await runNow('airflow-database-cleanup');
      expect((await sql("SELECT event FROM log WHERE event LIKE 'e2e_%'")).trim()).toBe('e2e_new');
    },
    8,
  );
});
