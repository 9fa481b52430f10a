import { setTimeout as pause } from 'node:timers/promises';
import { LABELS } from '../../constructs/contract.js';
import type { AirflowApi, Dag, DagRun, LogEntry, TaskInstance } from './airflow-api.js';
import { CliError, EXIT_CODES } from './errors.js';
import { LiveList } from './kube/live-list.js';
import type { Pod } from './kube/objects.js';
import type { Session } from './session.js';
import { formatLogEntry, hasEnded, readTaskLog } from './task-log.js';

/** Tag of an example DAG whose run is to fail. */
const FAILS_TAG = 'fails-on-purpose';
const RUN_POLL = 1000;

export interface TaskReport {
  readonly dag: string;
  readonly run: string;
  readonly task: string;
  /** Unset: the task ran in no pod (an empty operator, or a skipped task). */
  readonly pod: string | undefined;
  readonly state: string | null;
  readonly try: number;
  readonly log: readonly LogEntry[];
}

export interface RunReport {
  readonly dag: string;
  readonly run: string;
  readonly state: string;
  /** Did it end as its DAG says it will? */
  readonly asExpected: boolean;
  readonly tasks: readonly TaskReport[];
}

/** Names of the pods that tasks ran in: they are deleted soon after, so they are written down while they live. */
class PodRecord {
  private readonly names = new Map<string, string>();
  private readonly phases = new Map<string, string>();

  /** @returns is its phase new? */
  see(pod: Pod): boolean {
    const { metadata } = pod;
    const of = (name: string): string => metadata.annotations?.[name] ?? metadata.labels?.[name] ?? '';
    const mapIndex = of('map_index') === '' ? '-1' : of('map_index');
    this.names.set([of('dag_id'), of('run_id'), of('task_id'), mapIndex, of('try_number')].join(' '), metadata.name);
    const phase = phaseOf(pod);
    const changed = this.phases.get(metadata.name) !== phase;
    this.phases.set(metadata.name, phase);
    return changed;
  }

  nameFor(task: TaskInstance): string | undefined {
    const { dag_id, dag_run_id, task_id, map_index, try_number } = task;
    const seen = this.names.get([dag_id, dag_run_id, task_id, map_index, try_number].join(' '));
    return seen ?? (task.hostname === null || task.hostname === '' ? undefined : task.hostname);
  }
}

function phaseOf({ status }: Pod): string {
  return status?.phase ?? 'Pending';
}

/**
 * Unpauses and triggers each DAG, and waits until its run has ended.
 * @param deadline milliseconds since the epoch
 * @throws CliError NOT_READY at the deadline
 */
export async function runDags(
  session: Session,
  api: AirflowApi,
  dagIds: readonly string[],
  deadline: number,
  onProgress: (line: string) => void,
): Promise<RunReport[]> {
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const record = new PodRecord();
  const pods = new LiveList<Pod>(session.client, {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: session.namespace,
    labelSelector: `${LABELS.DEPLOYMENT}=${session.release}`,
    signal,
    onChange: () => undefined,
    onObject: (pod) => {
      if (record.see(pod)) {
        onProgress(`pod ${pod.metadata.name} ${phaseOf(pod)}`);
      }
    },
  });
  const watching = pods.run();
  try {
    const runs: DagRun[] = [];
    for (const id of dagIds) {
      await api.unpause(id);
      runs.push(await api.trigger(id));
      onProgress(`${id} triggered`);
    }
    const reports: RunReport[] = [];
    for (const run of runs) {
      const ended = await waitForRun(api, run, deadline, session.signal);
      onProgress(`${run.dag_id} ${ended.state}`);
      reports.push(await report(api, ended, record));
    }
    return reports;
  } finally {
    over.abort();
    await watching.catch(() => undefined);
  }
}

async function waitForRun(api: AirflowApi, run: DagRun, deadline: number, signal: AbortSignal): Promise<DagRun> {
  for (;;) {
    const now = await api.run(run.dag_id, run.dag_run_id);
    if (now.state === 'success' || now.state === 'failed') {
      return now;
    }
    if (Date.now() > deadline) {
      const tasks = await api.taskInstances(run.dag_id, run.dag_run_id);
      const states = tasks.map(({ task_id, state }) => `${task_id} ${state ?? 'not scheduled'}`);
      throw new CliError(
        EXIT_CODES.NOT_READY,
        `${run.dag_id} is still ${now.state} (${states.join(', ')}); "cdk8s-airflow status" may say why.`,
      );
    }
    // Airflow's API has no way to be told of a change.
    await pause(RUN_POLL, undefined, { signal });
  }
}

async function report(api: AirflowApi, run: DagRun, record: PodRecord): Promise<RunReport> {
  const dag = await api.dag(run.dag_id);
  const tasks: TaskReport[] = [];
  for (const task of await api.taskInstances(run.dag_id, run.dag_run_id)) {
    const ran = task.try_number > 0 && hasEnded(task) && task.start_date !== null;
    tasks.push({
      dag: run.dag_id,
      run: run.dag_run_id,
      task: task.map_index < 0 ? task.task_id : `${task.task_id}[${task.map_index}]`,
      pod: record.nameFor(task),
      state: task.state,
      try: task.try_number,
      log: ran ? await readTaskLog(api, task, task.try_number) : [],
    });
  }
  const expected = failsOnPurpose(dag) ? 'failed' : 'success';
  return { dag: run.dag_id, run: run.dag_run_id, state: run.state, asExpected: run.state === expected, tasks };
}

function failsOnPurpose(dag: Dag): boolean {
  return dag.tags.some(({ name }) => name === FAILS_TAG);
}

/** The report for people: each task with its pod, state, try and log. */
export function runsText(runs: readonly RunReport[]): string {
  return runs
    .flatMap((run) => [
      `DAG ${run.dag}: ${run.state}${run.asExpected && run.state === 'failed' ? ' (as it should)' : ''}`,
      ...run.tasks.flatMap((task) => [
        `  task ${task.task}: ${task.state ?? 'no state'}, try ${task.try}, pod ${task.pod ?? '-'}`,
        ...task.log.flatMap((entry) => formatLogEntry(entry).split('\n')).map((line) => `    | ${line}`),
      ]),
    ])
    .join('\n');
}
