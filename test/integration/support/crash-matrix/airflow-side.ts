import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from '../until.js';

const CALL_MS = 180_000;

export interface TaskRow {
  readonly ti: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  readonly state: string;
  readonly launch: string | null;
}

export interface Rows {
  /** State of the DAG run. */
  readonly run: string;
  readonly tasks: readonly TaskRow[];
  /** Launch ids of the tries that Airflow reset. */
  readonly givenUp: readonly string[];
}

/** One process of Airflow's side. */
export class AirflowProcess {
  pid = 0;
  /** Exit code, negative for a signal; null while it lives. */
  code: number | null = null;

  constructor(
    readonly what: string,
    private readonly replyFile: string,
    private readonly side: AirflowSide,
  ) {}

  signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGCONT'): void {
    if (this.code === null) {
      process.kill(this.pid, signal);
    }
  }

  /** What it told; waits for it. */
  async told<Answer>(timeoutMs = CALL_MS): Promise<Answer> {
    await until(`an answer of ${this.what}`, () => existsSync(this.replyFile) || this.code !== null, {
      timeoutMs,
      state: () => this.side.errors(),
    });
    if (!existsSync(this.replyFile)) {
      throw new Error(`${this.what} ended with ${this.code} before it answered:\n${this.side.errors()}`);
    }
    return JSON.parse(readFileSync(this.replyFile, 'utf8')) as Answer;
  }

  async ended(timeoutMs = CALL_MS): Promise<void> {
    await until(`the end of ${this.what}`, () => this.code !== null, { timeoutMs, state: () => this.side.errors() });
  }

  /** Is it stopped by SIGSTOP? */
  stopped(): boolean {
    return /^State:\s+T/m.test(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
  }
}

/** Airflow's real scheduler, execution API and database layer, each in processes that can be killed (airflow_side.py). */
export class AirflowSide {
  private readonly home = mkdtempSync(join(tmpdir(), 'crash-matrix-airflow-'));
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly processes = new Map<number, AirflowProcess>();
  private output = '';
  private ready = false;
  private calls = 0;

  private constructor(database: string) {
    const python = execFileSync('bash', ['scripts/python-test.sh', '--python'], { encoding: 'utf8' }).trim();
    this.child = spawn(python, [resolve(__dirname, 'airflow_side.py')], {
      env: environment(this.home, database),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stderr.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-20_000)));
    this.child.stdin.on('error', () => undefined);
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.hear(JSON.parse(line) as Heard);
    });
  }

  /** Starts it on an empty database and makes the tables. */
  static async start(database: string): Promise<AirflowSide> {
    const side = new AirflowSide(database);
    await until('Airflow to be imported', () => side.ready || side.child.exitCode !== null, {
      timeoutMs: CALL_MS,
      state: () => side.errors(),
    });
    await side.ask('migrate', {});
    return side;
  }

  /** Starts a process that runs one of the functions of calls.py. */
  async run(call: string, args: object): Promise<AirflowProcess> {
    const id = (this.calls += 1);
    const started = new AirflowProcess(`${call} (${id})`, join(this.home, 'replies', String(id)), this);
    this.processes.set(id, started);
    this.child.stdin.write(`${JSON.stringify({ id, call, args })}\n`);
    await until(`${call} to start`, () => started.pid !== 0, { state: () => this.errors() });
    return started;
  }

  /** Runs one of the functions of calls.py to its end. */
  async ask<Answer>(call: string, args: object): Promise<Answer> {
    const asked = await this.run(call, args);
    return asked.told<Answer>();
  }

  /** Makes a DAG of one task that is mapped so many times, and a running DAG run of it. */
  async makeRun(dagId: string, count: number): Promise<void> {
    await this.ask('make_run', { dag_id: dagId, count });
  }

  rows(dagId: string): Promise<Rows> {
    return this.ask<Rows>('rows', { dag_id: dagId });
  }

  /** How many processes were killed or stopped by a signal. */
  killed(): number {
    return [...this.processes.values()].filter(({ code }) => code !== null && code < 0).length;
  }

  /** Kills all that is left of it. */
  async stop(): Promise<void> {
    for (const process of this.processes.values()) {
      process.signal('SIGKILL');
    }
    this.child.stdin.end();
    await until('the end of Airflow', () => this.child.exitCode !== null);
    rmSync(this.home, { recursive: true, force: true });
  }

  /** The end of what was written to stderr. */
  errors(): string {
    return this.output.slice(-6_000);
  }

  private hear(heard: Heard): void {
    this.ready ||= heard.ready === true;
    const process = this.processes.get(heard.id ?? 0);
    if (process !== undefined) {
      process.pid = heard.pid ?? process.pid;
      process.code = heard.code ?? process.code;
    }
  }
}

interface Heard {
  readonly ready?: boolean;
  readonly id?: number;
  readonly pid?: number;
  readonly code?: number;
}

function environment(home: string, database: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home,
    AIRFLOW_HOME: home,
    PYTHONPATH: resolve('python/src'),
    PYTHONDONTWRITEBYTECODE: '1',
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: database,
    AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
    AIRFLOW__CORE__EXECUTOR: 'airflow_pod_launcher.executor.PodLauncherExecutor',
    AIRFLOW__CORE__PARALLELISM: '1000',
    AIRFLOW__API_AUTH__JWT_SECRET: 'only-for-the-crash-matrix-only-for-the-crash-matrix-only-for-the-cr',
    AIRFLOW__LOGGING__LOGGING_LEVEL: 'WARNING',
    // Small batches: every kill point is come to many times.
    AIRFLOW__SCHEDULER__MAX_TIS_PER_QUERY: '4',
    AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: '0.2',
    // A second scheduler looks for orphans as often as this.
    AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL: '2',
  };
}
