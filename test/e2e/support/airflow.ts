import {
  AirflowApi,
  type ApiVersion,
  type DagRun,
  type LogEntry,
  type TaskInstance,
} from '../../../src/cli/airflow-api.js';
import { apiVersionOf } from '../../../src/cli/airflow.js';
import { API_COMPONENTS, isReady } from '../../../src/cli/kube/pods.js';
import { forwardPort, type Forward } from '../../../src/cli/kube/port-forward.js';
import { PORTS } from '../../../constructs/contract.js';
import type { KubeObject, Pod } from '../../../src/cli/kube/objects.js';
import type { Cluster } from './cluster.js';
import { until } from './wait.js';

interface Secret extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

/** What the UI gets of a log that it follows: all of it up to now, each time that it asks. */
export interface StreamedLog {
  readonly contentType: string | null;
  /** One JSON object a line. */
  readonly text: string;
}

/** A DAG run that has ended, with its task instances. */
export interface EndedRun {
  readonly run: DagRun;
  readonly tasks: readonly TaskInstance[];
}

/** Airflow as its API shows it, reached through a forwarded port. */
export class AirflowUnderTest {
  private constructor(
    readonly api: AirflowApi,
    private readonly version: ApiVersion,
    private readonly forward: Forward,
    private readonly login: { readonly username: string; readonly password: string },
  ) {}

  static async connect(cluster: Cluster): Promise<AirflowUnderTest> {
    const secret = await until('the first user', () =>
      cluster.kube.find<Secret>('v1', 'Secret', cluster.namespace, 'airflow-first-user'),
    );
    const password = Buffer.from(secret.data.password ?? '', 'base64').toString();
    const selector = `component in (${API_COMPONENTS.join(',')})`;
    const server = (): Promise<Pod> =>
      until('a ready pod that serves the API', async () => (await cluster.pods(selector)).find(isReady));
    const version = apiVersionOf(await server());
    const forward = await forwardPort(cluster.kube, {
      pod: server,
      targetPort: PORTS.API_SERVER,
    });
    const login = { username: 'admin', password };
    const api = new AirflowApi(`http://127.0.0.1:${forward.port}`, login, version);
    return new AirflowUnderTest(api, version, forward, login);
  }

  async close(): Promise<void> {
    await this.forward.close();
  }

  /** Waits until the DAG is parsed, unpauses it and starts a run. */
  async start(dagId: string, conf: Record<string, unknown> = {}, timeout = 60): Promise<DagRun> {
    await until(`DAG ${dagId} is parsed`, () => this.api.dag(dagId), { timeout });
    await this.api.unpause(dagId);
    return await this.api.trigger(dagId, conf);
  }

  async tasks(run: DagRun): Promise<TaskInstance[]> {
    return await this.api.taskInstances(run.dag_id, run.dag_run_id);
  }

  /** Waits until the run has ended, well or not. */
  async ended(run: DagRun, timeout = 240): Promise<EndedRun> {
    const ended = await until(
      `run ${run.dag_run_id} of ${run.dag_id} ends`,
      async () => {
        const now = await this.api.run(run.dag_id, run.dag_run_id);
        return ['success', 'failed'].includes(now.state) ? now : undefined;
      },
      { timeout },
    );
    return { run: ended, tasks: await this.tasks(run) };
  }

  /** Waits for the task instance to be in a state. */
  async task(run: DagRun, taskId: string, state: string, timeout = 120): Promise<TaskInstance> {
    return await until(
      `task ${taskId} of ${run.dag_id} is ${state}`,
      async () => (await this.tasks(run)).find((task) => task.task_id === taskId && task.state === state),
      { timeout },
    );
  }

  /** Sets the state of a task by hand, as the UI's "Mark as" does. */
  async mark(task: TaskInstance, state: 'success' | 'failed'): Promise<void> {
    const path = `/dags/${task.dag_id}/dagRuns/${encodeURIComponent(task.dag_run_id)}/taskInstances/${task.task_id}`;
    await this.api.send('PATCH', path, {
      new_state: state,
      // The API of Airflow 2 only shows what it would do unless it is told to.
      ...(this.version.plainLogs && { dry_run: false }),
    });
  }

  /** Has a task run again, as the UI's "Clear" does. */
  async clear(task: TaskInstance): Promise<void> {
    await this.api.send('POST', `/dags/${task.dag_id}/clearTaskInstances`, {
      dag_run_id: task.dag_run_id,
      task_ids: [task.task_id],
      dry_run: false,
      only_failed: false,
    });
  }

  /** What the task has returned; with Airflow 2 as text. */
  async xcom(task: TaskInstance): Promise<unknown> {
    const run = `/dags/${task.dag_id}/dagRuns/${encodeURIComponent(task.dag_run_id)}`;
    const path = `${run}/taskInstances/${task.task_id}/xcomEntries/return_value`;
    const { value } = (await this.api.send('GET', this.version.plainLogs ? path : `${path}?deserialize=true`)) as {
      value: unknown;
    };
    return value;
  }

  /** What the audit log says of the tasks of a run. */
  async auditLog(run: DagRun): Promise<{ event: string; extra: string | null }[]> {
    const query = new URLSearchParams({ dag_id: run.dag_id, run_id: run.dag_run_id }).toString();
    const answer = (await this.api.send('GET', `/eventLogs?${query}`)) as {
      event_logs: { event: string; extra: string | null }[];
    };
    return answer.event_logs;
  }

  /** The log of a running task's first try as the UI asks for it: as a stream of JSON lines. */
  async streamedLog(task: TaskInstance): Promise<StreamedLog> {
    const base = `http://127.0.0.1:${this.forward.port}`;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(this.login);
    const login = await fetch(`${base}/auth/token`, { method: 'POST', headers, body });
    const { access_token: bearer } = (await login.json()) as { access_token: string };
    const path = `/dags/${task.dag_id}/dagRuns/${encodeURIComponent(task.dag_run_id)}/taskInstances/${task.task_id}/logs/1`;
    const answer = await fetch(`${base}/api/v2${path}`, {
      headers: { accept: 'application/x-ndjson', authorization: `Bearer ${bearer}` },
    });
    if (!answer.ok) {
      throw new Error(`GET ${path}: HTTP ${answer.status}`);
    }
    return { contentType: answer.headers.get('content-type'), text: await answer.text() };
  }

  /** The log of a task's try as lines of text. */
  async log(task: TaskInstance, tryNumber = 1): Promise<string> {
    const { content } = await this.api.log(task, tryNumber);
    return content.map((entry: LogEntry) => (typeof entry === 'string' ? entry : JSON.stringify(entry))).join('\n');
  }
}
