import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PATHS } from '../../../constructs/contract.js';
import type { AirflowApi, Dag, ImportError } from '../airflow-api.js';
import { CliError, EXIT_CODES } from '../errors.js';
import { execInPod } from '../kube/exec.js';
import type { Pod } from '../kube/objects.js';
import { readyPod } from '../kube/pods.js';
import type { Session } from '../session.js';
import { dagFiles, mayHoldDag, tarOf } from './archive.js';
import { RECEIVE_SCRIPT } from './receive-script.js';

/** Where the DAG folder is: the DAG processor's pod, or the scheduler's of an Airflow without one. */
const DAG_COMPONENTS = ['dag-processor', 'scheduler'] as const;
/** Milliseconds between two looks at what Airflow has parsed. */
const PARSE_POLL = 1000;

export interface Pushed {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  readonly deleted: readonly string[];
  /** When the last file was in place, in seconds since the epoch on the pod's clock. */
  readonly time: number;
  /** Those files pushed that Airflow will look for DAGs in. */
  readonly dagFiles: readonly string[];
}

/**
 * Copies a folder's files into the stack's DAG folder.
 * @param remove also delete there what the folder lacks
 * @throws CliError REFUSED if the stack's DAGs come from git or from the image
 */
export async function pushDags(session: Session, folder: string, remove: boolean): Promise<Pushed> {
  const files = await dagFiles(folder);
  const archive = await tarOf(folder, files);
  const pod = await dagPod(session);
  const container = DAG_COMPONENTS.find((name) => pod.spec.containers.some((entry) => entry.name === name));
  if (hasContainer(pod, 'git-sync')) {
    throw new CliError(EXIT_CODES.REFUSED, 'The DAGs of this stack come from git: push a commit there instead.');
  }
  const command = ['python', '-c', RECEIVE_SCRIPT, PATHS.DAGS, String(archive.length), String(remove)];
  const { exitCode, stdout, stderr } = await execInPod(session.client, pod, container ?? '', command, archive);
  if (exitCode !== 0) {
    const readOnly = /Read-only file system|Permission denied/.test(stderr);
    throw new CliError(
      EXIT_CODES.REFUSED,
      (readOnly
        ? `The DAG folder of this stack cannot be written (Dags.baked(), or a read-only claim): ${lastLine(stderr)}`
        : `The DAGs could not be copied into ${pod.metadata.name}: ${lastLine(stderr)}`) +
        '\nFiles before that one are in place.',
    );
  }
  const candidates: string[] = [];
  for (const file of files) {
    if (mayHoldDag(file, await readFile(join(folder, file), 'utf8'))) {
      candidates.push(file);
    }
  }
  return { ...(JSON.parse(stdout) as Omit<Pushed, 'dagFiles'>), dagFiles: candidates };
}

async function dagPod({ client, namespace, release }: Session): Promise<Pod> {
  try {
    return await readyPod(client, namespace, release, DAG_COMPONENTS.slice(0, 1));
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT_CODES.NOT_FOUND) {
      return await readyPod(client, namespace, release, DAG_COMPONENTS.slice(1));
    }
    throw error;
  }
}

/** What Airflow knows of the files pushed. */
export interface ParseState {
  readonly dags: readonly Dag[];
  readonly errors: readonly ImportError[];
  /** Files that it has not parsed since the push. */
  readonly waiting: readonly string[];
}

/** Compares what was pushed with what Airflow lists. A file that did not change counts when it was parsed at any time. */
export function parseState(pushed: Pushed, dags: readonly Dag[], errors: readonly ImportError[]): ParseState {
  const since = (file: string): number => (pushed.written.includes(file) ? pushed.time * 1000 : 0);
  const isOf = (file: string) => (path: string | null) => path === file || path?.endsWith(`/${file}`) === true;
  const found: Dag[] = [];
  const failed: ImportError[] = [];
  const waiting: string[] = [];
  for (const file of pushed.dagFiles) {
    const matches = isOf(file);
    const here = dags.filter(
      (dag) => !dag.is_stale && matches(dag.relative_fileloc) && Date.parse(dag.last_parsed_time ?? '') >= since(file),
    );
    const broken = errors.filter((error) => matches(error.filename) && Date.parse(error.timestamp) >= since(file));
    if (here.length === 0 && broken.length === 0) {
      waiting.push(file);
    }
    found.push(...here);
    failed.push(...broken);
  }
  return { dags: found, errors: failed, waiting };
}

/**
 * Waits until Airflow has parsed every file pushed.
 * @param deadline milliseconds since the epoch
 * @returns the state at the end; `waiting` is not empty at the deadline
 */
export async function waitParsed(
  api: AirflowApi,
  pushed: Pushed,
  deadline: number,
  signal: AbortSignal,
  onProgress: (state: ParseState) => void,
): Promise<ParseState> {
  for (;;) {
    const state = parseState(pushed, await api.dags(), await api.importErrors());
    onProgress(state);
    if (state.waiting.length === 0 || Date.now() > deadline) {
      return state;
    }
    // Airflow's API has no way to be told of a change.
    await pause(PARSE_POLL, undefined, { signal });
  }
}

function hasContainer(pod: Pod, name: string): boolean {
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some((entry) => entry.name === name);
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
