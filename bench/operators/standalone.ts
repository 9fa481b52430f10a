import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { until } from '../../test/integration/support/until.js';
import type { AirflowHome } from '../contenders/airflow-home.js';
import { killGroup, track } from '../contenders/children.js';

const START_MS = 180_000;
const RUN_MS = 120_000;
const COMPONENTS = ['scheduler', 'dag-processor', 'triggerer'] as const;

/** One task instance, by Airflow's own database; milliseconds since the epoch. */
export interface TaskTimes {
  readonly state: string | null;
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface StandaloneOptions {
  readonly airflow: AirflowHome;
  /** Folder of the byte-compiled package. */
  readonly packages: string;
  readonly env: Readonly<Record<string, string>>;
  /** @default - All. */
  readonly components?: readonly (typeof COMPONENTS)[number][];
  /** Writes to the new database before anything runs. */
  readonly prepare?: (env: Record<string, string>) => Promise<void>;
}

/** A whole Airflow in processes of this machine: tasks are children of the scheduler (LocalExecutor). */
export class StandaloneAirflow {
  private said = '';
  private token = '';
  private readonly children = new Map<string, ChildProcess>();

  private constructor(
    private readonly options: StandaloneOptions,
    private readonly env: Record<string, string>,
    private readonly port: number,
  ) {}

  static async start(options: StandaloneOptions): Promise<StandaloneAirflow> {
    const port = await freePort();
    const fresh = options.airflow.fresh('');
    const env: Record<string, string> = {
      ...fresh,
      ...options.env,
      PYTHONPATH: options.packages,
      AIRFLOW__CORE__EXECUTOR: 'LocalExecutor',
      AIRFLOW__CORE__PARALLELISM: '2',
      AIRFLOW__CORE__DAGS_FOLDER: resolve('bench/operators/dags'),
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `http://localhost:${port}/execution/`,
      AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True',
      AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: 'False',
      AIRFLOW__LOGGING__LOGGING_LEVEL: 'INFO',
      AIRFLOW__TRIGGERER__CAPACITY: '2000',
    };
    await options.prepare?.(env);
    const airflow = new StandaloneAirflow(options, env, port);
    airflow.run('api-server', ['--port', String(port), '--workers', '1']);
    await until('the API server of Airflow answers', () => airflow.logIn(), {
      timeoutMs: START_MS,
      everyMs: 500,
      state: () => airflow.said,
    });
    for (const name of options.components ?? COMPONENTS) {
      airflow.run(name, []);
    }
    return airflow;
  }

  /** The process of a component, as the first of its group. */
  pid(component: (typeof COMPONENTS)[number]): number {
    return this.children.get(component)?.pid ?? 0;
  }

  stop(): void {
    for (const child of this.children.values()) {
      killGroup(child);
    }
  }

  async parsed(dag: string): Promise<void> {
    await until(`DAG ${dag} is parsed`, async () => (await this.send('GET', `/dags/${dag}`)).ok, {
      timeoutMs: START_MS,
      everyMs: 500,
      state: () => this.said,
    });
  }

  /** Runs a DAG of one task to its end. @throws Error when the task does not succeed */
  async task(dag: string): Promise<TaskTimes> {
    const started = await this.send('POST', `/dags/${dag}/dagRuns`, { logical_date: null });
    const { dag_run_id: run } = (await started.json()) as { dag_run_id: string };
    let times: TaskTimes | undefined;
    const state = (): unknown => ({ times, said: this.said });
    await until(
      `${dag} ends`,
      async () => {
        times = await this.times(dag, run);
        return times !== undefined && ['success', 'failed', 'up_for_retry', 'skipped'].includes(times.state ?? '');
      },
      { timeoutMs: RUN_MS, everyMs: 300, state },
    );
    if (times?.state !== 'success') {
      throw new Error(`the task of ${dag} is ${times?.state ?? 'not there'}:\n${this.logs(dag, run).slice(-3000)}`);
    }
    return times;
  }

  /** How many task instances of a DAG are in this state. */
  async count(dag: string, state: string): Promise<number> {
    const answer = await this.send('GET', `/dags/${dag}/dagRuns/~/taskInstances?state=${state}&limit=1`);
    return ((await answer.json()) as { total_entries: number }).total_entries;
  }

  /** All that was logged by the tasks of a DAG's run, workers and triggerers one after the other. */
  logs(dag: string, run = ''): string {
    const folder = join(this.env.AIRFLOW_HOME ?? '', 'logs', `dag_id=${dag}`);
    if (!existsSync(folder)) {
      return '';
    }
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.includes(run) && name.endsWith('.log'),
    );
    return files.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
  }

  private async times(dag: string, run: string): Promise<TaskTimes | undefined> {
    const answer = await this.send('GET', `/dags/${dag}/dagRuns/${encodeURIComponent(run)}/taskInstances`);
    const { task_instances: found } = (await answer.json()) as {
      task_instances: { state: string | null; start_date: string | null; end_date: string | null }[];
    };
    const [task] = found;
    return task === undefined
      ? undefined
      : { state: task.state, startedAt: time(task.start_date), endedAt: time(task.end_date) };
  }

  private async logIn(): Promise<boolean> {
    try {
      const answer = await fetch(`http://localhost:${this.port}/auth/token`);
      this.token = ((await answer.json()) as { access_token?: string }).access_token ?? '';
      return this.token !== '';
    } catch {
      return false;
    }
  }

  private send(method: string, path: string, body?: object): Promise<Response> {
    return fetch(`http://localhost:${this.port}/api/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  private run(component: string, args: readonly string[]): void {
    const child = track(
      spawn(this.options.airflow.python, ['-m', 'airflow', component, ...args], {
        env: this.env,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      }),
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (this.said = (this.said + chunk.toString()).slice(-6000)));
    }
    this.children.set(component, child);
  }
}

function time(text: string | null): number {
  return text === null ? NaN : Date.parse(text);
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        done(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
