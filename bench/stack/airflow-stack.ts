import { join, resolve } from 'node:path';
import { App, Chart } from 'cdk8s';
import { execa } from 'execa';
import { Airflow, type AirflowProps, Dags, type Executor, Logs } from '../../constructs/index.js';
import type { DagRun } from '../../src/cli/airflow-api.js';
import type { Pod } from '../../src/cli/kube/objects.js';
import { AirflowUnderTest } from '../../test/e2e/support/airflow.js';
import { Cluster } from '../../test/e2e/support/cluster.js';
import { until } from '../../test/e2e/support/wait.js';
import type { Contender } from '../samples.js';
import { scratchFolder } from '../scratch.js';

const IMAGE_TAG = 'bench';
const DEPLOY_TIMEOUT_MS = 15 * 60_000;
const DAGS_PARSED_SECONDS = 180;
const RUN_SECONDS = 600;

/** When one mapped task was in which state, by Airflow's own database; milliseconds since the epoch. */
export interface TaskTimes {
  readonly mapIndex: number;
  readonly state: string | null;
  readonly queuedAt: number;
  /** NaN: it never started. */
  readonly startedAt: number;
  readonly endedAt: number;
}

interface TaskInstanceTimes {
  readonly map_index: number;
  readonly state: string | null;
  readonly queued_when: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
}

/** A whole Airflow on the real node, deployed as a user deploys it, with the executor that is measured. */
export class AirflowStack {
  private static readonly deployed = new Set<AirflowStack>();
  private airflow: AirflowUnderTest | undefined;
  readonly cluster: Cluster;

  private constructor(readonly contender: Contender) {
    this.cluster = new Cluster(`bench-${contender}`);
  }

  /** Builds the image with the benchmark's DAGs in it, unless it is there, and loads it into the cluster. */
  static async loadImages(): Promise<void> {
    const args = ['--tag', `${IMAGE_TAG}=${resolve('bench/dags')}`, 'postgres'];
    await execa('scripts/images/load.sh', args, { stdout: 'ignore', stderr: 'inherit', timeout: DEPLOY_TIMEOUT_MS });
  }

  /** Deploys it, and waits until its DAGs can be run. All is left at its default but for what keeps logs and DAGs. */
  static async deploy(contender: Contender, executor: Executor): Promise<AirflowStack> {
    const stack = new AirflowStack(contender);
    await stack.cluster.deleteNamespace();
    AirflowStack.deployed.add(stack);
    await stack.cluster.createNamespace();
    await stack.apply({
      image: `docker.io/cdk8s-airflow/airflow:${IMAGE_TAG}`,
      ...{ executor, dags: Dags.baked(), logs: Logs.volume() },
    });
    stack.airflow = await AirflowUnderTest.connect(stack.cluster);
    for (const dag of ['one', 'sixty', 'forty', 'forty_at_once', 'waiting']) {
      const id = `bench_${dag}`;
      await until(`DAG ${id} is parsed`, () => stack.connected.api.dag(id), { timeout: DAGS_PARSED_SECONDS });
      await stack.connected.api.unpause(id);
    }
    // The first run pays for what is loaded once.
    await stack.ended(await stack.start('one'));
    return stack;
  }

  /** Has those that are still there deleted, without waiting for it: the bench was interrupted. */
  static async abandonAll(): Promise<void> {
    await Promise.allSettled([...AirflowStack.deployed].map(({ cluster }) => cluster.abandonNamespace()));
  }

  async delete(): Promise<void> {
    await this.airflow?.close();
    await this.cluster.deleteNamespace();
    AirflowStack.deployed.delete(this);
  }

  /** @param dag its name without the prefix */
  async start(dag: string): Promise<DagRun> {
    return await this.connected.api.trigger(`bench_${dag}`);
  }

  /** Waits for the end of the run. */
  async ended(run: DagRun): Promise<TaskTimes[]> {
    await until(
      `${run.dag_id} of ${this.contender} ends`,
      async () => ['success', 'failed'].includes((await this.connected.api.run(run.dag_id, run.dag_run_id)).state),
      { timeout: RUN_SECONDS, every: 1000 },
    );
    return await this.times(run);
  }

  async times(run: DagRun): Promise<TaskTimes[]> {
    const { dag_id: dag, dag_run_id: id } = run;
    const path = `/dags/${dag}/dagRuns/${encodeURIComponent(id)}/taskInstances?limit=100`;
    const { task_instances: found } = (await this.connected.api.send('GET', path)) as {
      task_instances: TaskInstanceTimes[];
    };
    return found.map(({ map_index, state, queued_when, start_date, end_date }) => ({
      ...{ mapIndex: map_index, state },
      ...{ queuedAt: time(queued_when), startedAt: time(start_date), endedAt: time(end_date) },
    }));
  }

  /** Waits until the tasks of the run are as wanted, however long the API server is away. @returns their times */
  async whenTimes(
    run: DagRun,
    wanted: (times: readonly TaskTimes[]) => boolean,
    timeout = 120,
  ): Promise<readonly TaskTimes[]> {
    return await until(
      `tasks of ${run.dag_id} of ${this.contender}`,
      async () => {
        const times = await this.times(run);
        return wanted(times) ? times : undefined;
      },
      { timeout, every: 400 },
    );
  }

  /** Waits until the executor has deleted the pods of a DAG. */
  async podsGone(dag: string): Promise<void> {
    await until(`the pods of ${dag} are gone`, async () => (await this.cluster.pods(`dag_id=${dag}`)).length === 0);
  }

  /** The pod that the executor runs in. */
  async schedulerPod(): Promise<Pod> {
    return await this.cluster.ready('scheduler');
  }

  private async apply(props: AirflowProps): Promise<void> {
    const outdir = scratchFolder('stack');
    const app = new App({ outdir });
    new Airflow(new Chart(app, 'airflow', { namespace: this.cluster.namespace }), 'airflow', props);
    app.synth();
    const cli = join('dist', 'lib', 'src', 'cli', 'main.js');
    const args = ['deploy', '--no-synth', '--app-output', outdir, '--namespace', this.cluster.namespace];
    await execa(process.execPath, [cli, ...args, '--timeout', '10m', '--output', 'json'], {
      ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'inherit', timeout: DEPLOY_TIMEOUT_MS },
    });
  }

  private get connected(): AirflowUnderTest {
    if (this.airflow === undefined) {
      throw new Error('the stack is not deployed');
    }
    return this.airflow;
  }
}

function time(text: string | null): number {
  return text === null ? NaN : Date.parse(text);
}
