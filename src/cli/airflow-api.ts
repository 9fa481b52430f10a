import { setTimeout as pause } from 'node:timers/promises';
import { CliError, errorMessage, EXIT_CODES } from './errors.js';

export interface Dag {
  readonly dag_id: string;
  readonly is_paused: boolean;
  readonly is_stale: boolean;
  readonly relative_fileloc: string | null;
  readonly fileloc: string;
  readonly last_parsed_time: string | null;
  readonly tags: readonly { readonly name: string }[];
}

export interface ImportError {
  readonly import_error_id: number;
  readonly timestamp: string;
  readonly filename: string;
  readonly stack_trace: string;
}

export interface DagRun {
  readonly dag_run_id: string;
  readonly dag_id: string;
  readonly state: string;
  readonly run_after: string;
}

export interface TaskInstance {
  readonly id: string;
  readonly dag_id: string;
  readonly dag_run_id: string;
  readonly task_id: string;
  readonly map_index: number;
  readonly state: string | null;
  readonly try_number: number;
  readonly hostname: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
}

/** One entry of a task's log, or a bare line of a log that is not structured. */
export type LogEntry =
  string | { readonly timestamp?: string | null; readonly event: string; readonly [field: string]: unknown };

export interface LogPage {
  readonly content: readonly LogEntry[];
  /** Unset: the log has ended. */
  readonly continuation_token: string | null;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** An answer of Airflow's API that is no success. */
export class AirflowApiError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = 'AirflowApiError';
  }
}

/** How the versions of Airflow's REST API differ. */
export interface ApiVersion {
  /** Path that all others are below. */
  readonly prefix: string;
  /** Undefined: a token is had for name and password first. */
  readonly authorization?: (login: Login) => string;
  /** Query for all DAGs, also of files that are gone. */
  readonly allDags: Readonly<Record<string, string>>;
  /** Field by which runs are sorted. */
  readonly runOrder: string;
  /** A body that starts a run at once. */
  readonly runNow: object;
  /** The log of a try comes as text, all at once. */
  readonly plainLogs: boolean;
}

/** Airflow 3. */
export const API_V2: ApiVersion = {
  prefix: '/api/v2',
  allDags: { exclude_stale: 'false' },
  runOrder: 'run_after',
  runNow: { logical_date: null },
  plainLogs: false,
};

/** Airflow 2. */
export const API_V1: ApiVersion = {
  prefix: '/api/v1',
  authorization: ({ username, password }) =>
    `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`,
  allDags: { only_active: 'false' },
  runOrder: 'execution_date',
  runNow: {},
  plainLogs: true,
};

const PAGE = 100;
/** A webserver that has just become ready, or is replaced, may drop a connection. */
const CONNECT_TRIES = 10;

/** Client of Airflow's REST API, logged in by name and password; logs in again when the token ends. */
export class AirflowApi {
  private token: string | undefined;

  /**
   * @param base address without `/api/v2`, such as http://127.0.0.1:8080
   * @param version which API is there. @default that of Airflow 3
   */
  constructor(
    private readonly base: string,
    private readonly login: Login,
    private readonly version: ApiVersion = API_V2,
  ) {}

  async dags(): Promise<Dag[]> {
    return await this.all<Dag>('/dags', 'dags', this.version.allDags);
  }

  async dag(dagId: string): Promise<Dag> {
    return await this.get<Dag>(`/dags/${encodeURIComponent(dagId)}`);
  }

  async importErrors(): Promise<ImportError[]> {
    return await this.all<ImportError>('/importErrors', 'import_errors');
  }

  async unpause(dagId: string): Promise<void> {
    await this.send('PATCH', `/dags/${encodeURIComponent(dagId)}?update_mask=is_paused`, { is_paused: false });
  }

  /** @param conf parameters of the run. @default none */
  async trigger(dagId: string, conf: Readonly<Record<string, unknown>> = {}): Promise<DagRun> {
    const body = { ...this.version.runNow, conf };
    return (await this.send('POST', `/dags/${encodeURIComponent(dagId)}/dagRuns`, body)) as DagRun;
  }

  async run(dagId: string, runId: string): Promise<DagRun> {
    return await this.get<DagRun>(`/dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(runId)}`);
  }

  /** The run that was to start last; undefined if the DAG never ran. */
  async latestRun(dagId: string): Promise<DagRun | undefined> {
    const query = `order_by=-${this.version.runOrder}&limit=1`;
    const page = await this.get<{ dag_runs: DagRun[] }>(`/dags/${encodeURIComponent(dagId)}/dagRuns?${query}`);
    return page.dag_runs[0];
  }

  async taskInstances(dagId: string, runId: string): Promise<TaskInstance[]> {
    const path = `/dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(runId)}/taskInstances`;
    return await this.all<TaskInstance>(path, 'task_instances');
  }

  /** One page of a try's log; ask again with its token for what comes later. */
  async log(task: TaskInstance, tryNumber: number, token?: string): Promise<LogPage> {
    const path =
      `/dags/${encodeURIComponent(task.dag_id)}/dagRuns/${encodeURIComponent(task.dag_run_id)}` +
      `/taskInstances/${encodeURIComponent(task.task_id)}/logs/${tryNumber}`;
    const query = new URLSearchParams({ map_index: String(task.map_index) });
    if (this.version.plainLogs) {
      query.set('full_content', 'true');
      const text = (await this.send('GET', `${path}?${query.toString()}`, undefined, 'text/plain')) as string;
      return { content: text.split('\n').filter((line) => line !== ''), continuation_token: null };
    }
    if (token === undefined) {
      query.set('full_content', 'false');
    } else {
      query.set('token', token);
    }
    return await this.get<LogPage>(`${path}?${query.toString()}`);
  }

  private async all<T>(path: string, field: string, query: Record<string, string> = {}): Promise<T[]> {
    const items: T[] = [];
    for (;;) {
      const search = new URLSearchParams({ ...query, limit: String(PAGE), offset: String(items.length) });
      const page = await this.get<Record<string, T[]>>(`${path}?${search.toString()}`);
      const got = page[field] ?? [];
      items.push(...got);
      if (got.length < PAGE) {
        return items;
      }
    }
  }

  private async get<T>(path: string): Promise<T> {
    return (await this.send('GET', path)) as T;
  }

  /**
   * A request that has no method of its own here.
   * @param path below `/api/v2` or `/api/v1`
   * @param accept what the answer is to be
   * @returns the body of the answer, undefined if it has none
   * @throws AirflowApiError if the answer is no success
   */
  async send(method: string, path: string, body?: unknown, accept = 'application/json'): Promise<unknown> {
    for (let again = true; ; again = false) {
      const authorization = this.version.authorization?.(this.login) ?? `Bearer ${(this.token ??= await this.logIn())}`;
      const response = await this.fetch(`${this.version.prefix}${path}`, {
        method,
        headers: { ...jsonHeaders, authorization, accept },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.status === 401 && again && this.token !== undefined) {
        this.token = undefined;
        continue;
      }
      if (response.ok && accept === 'text/plain') {
        return await response.text();
      }
      return await answerOf(response, `${method} ${path}`);
    }
  }

  private async logIn(): Promise<string> {
    const response = await this.fetch('/auth/token', {
      method: 'POST',
      headers: jsonHeaders,
      body: JSON.stringify(this.login),
    });
    if (response.status === 401) {
      throw new CliError(
        EXIT_CODES.REFUSED,
        `Airflow refuses the login of user '${this.login.username}' that its Secret holds.`,
      );
    }
    return ((await answerOf(response, 'POST /auth/token')) as { access_token: string }).access_token;
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    for (let left = CONNECT_TRIES; ; left--) {
      try {
        const response = await fetch(this.base + path, init);
        // 503 comes while the webserver is being replaced; a POST may have been carried out behind other errors.
        if (response.status !== 503 || left === 1) {
          return response;
        }
      } catch (error) {
        if (left === 1 || (init.method === 'POST' && path !== '/auth/token')) {
          throw new CliError(EXIT_CODES.NOT_READY, `Airflow does not answer: ${causeOf(error)}`, { cause: error });
        }
      }
      await pause(500);
    }
  }
}

const jsonHeaders = { 'content-type': 'application/json', accept: 'application/json' };

async function answerOf(response: Response, what: string): Promise<unknown> {
  const text = await response.text();
  if (!response.ok) {
    throw new AirflowApiError(response.status, `${what}: HTTP ${response.status}: ${detailOf(text)}`);
  }
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === 'string' ? detail : JSON.stringify(detail ?? text);
  } catch {
    return text.slice(0, 300);
  }
}

function causeOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? errorMessage(error.cause) : errorMessage(error);
}
