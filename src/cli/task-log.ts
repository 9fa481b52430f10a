import { setTimeout as pause } from 'node:timers/promises';
import type { AirflowApi, LogEntry, TaskInstance } from './airflow-api.js';

/** Fields of a log entry that its line shows already, or that nobody reads. */
const QUIET_FIELDS = new Set([
  ...['event', 'timestamp', 'level', 'logger', 'filename', 'lineno', 'loc', 'ti', 'error_detail'],
  // Which task it is: the reader asked for it.
  ...['ti_id', 'dag_id', 'task_id', 'run_id', 'try_number', 'map_index'],
]);

/** States in which a try writes no more. */
const ENDED = new Set([
  'success',
  'failed',
  'skipped',
  'upstream_failed',
  'removed',
  'up_for_retry',
  'up_for_reschedule',
]);

export function hasEnded(task: Pick<TaskInstance, 'state'>): boolean {
  return ENDED.has(task.state ?? '');
}

/** One line (or more, with a traceback) for people. */
export function formatLogEntry(entry: LogEntry): string {
  if (typeof entry === 'string') {
    return entry;
  }
  const time = typeof entry.timestamp === 'string' ? `[${entry.timestamp}] ` : '';
  const level = typeof entry.level === 'string' ? `${entry.level.toUpperCase()} - ` : '';
  const more = Object.entries(entry)
    .filter(([field, value]) => !QUIET_FIELDS.has(field) && ['string', 'number', 'boolean'].includes(typeof value))
    .map(([field, value]) => ` ${field}=${JSON.stringify(value)}`);
  return [`${time}${level}${entry.event}${more.join('')}`, ...tracebackOf(entry.error_detail)].join('\n');
}

function tracebackOf(detail: unknown): string[] {
  if (!Array.isArray(detail)) {
    return [];
  }
  return detail.flatMap((error: { exc_type?: string; exc_value?: string; frames?: Frame[] }) => [
    ...(error.frames ?? []).map(({ filename, lineno, name }) => `  at ${name} (${filename}:${lineno})`),
    `  ${error.exc_type ?? 'Error'}: ${error.exc_value ?? ''}`,
  ]);
}

interface Frame {
  readonly filename: string;
  readonly lineno: number;
  readonly name: string;
}

/** All of a try's log that there is now. */
export async function readTaskLog(api: AirflowApi, task: TaskInstance, tryNumber: number): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let token: string | undefined; ;) {
    const page = await api.log(task, tryNumber, token);
    entries.push(...page.content);
    // A running task's log goes on for ever: what comes without asking twice is what there is.
    if (page.continuation_token === null || page.content.length === 0 || page.continuation_token === token) {
      return entries;
    }
    token = page.continuation_token;
    if (!hasEnded(task)) {
      return entries;
    }
  }
}

/**
 * A try's log as it grows, until the try has ended or the signal aborts.
 * @param current the task instance as it is now
 */
export async function* followTaskLog(
  api: AirflowApi,
  current: () => Promise<TaskInstance>,
  tryNumber: number,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const shown = new Map<string, number>();
  for (;;) {
    const task = await current();
    const over = hasEnded(task) || task.try_number > tryNumber;
    // Read anew each time: which page a token stands for differs between a running and an ended task.
    const seen = new Map<string, number>();
    for (const entry of await readTaskLog(api, task, tryNumber)) {
      const key = JSON.stringify(entry);
      const times = (seen.get(key) ?? 0) + 1;
      seen.set(key, times);
      if (times > (shown.get(key) ?? 0)) {
        shown.set(key, times);
        yield entry;
      }
    }
    if (over) {
      return;
    }
    await pause(FOLLOW_PERIOD, undefined, { signal });
  }
}

/** Milliseconds between two looks at a growing log. */
const FOLLOW_PERIOD = 2000;
