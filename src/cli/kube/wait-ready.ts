import { CliError, EXIT_CODES } from '../errors.js';
import type { KubeClient } from './client.js';
import { objectName, type KubeObject } from './objects.js';
import { describeProblem, type Problem } from './pod-problems.js';
import { problemLog } from './pod-log.js';
import type { ReleaseView } from './release-view.js';
import { rolloutState } from './rollout.js';

/** How long a problem that waiting does not help (an image that cannot be had) may stand. */
const LASTING_PROBLEM_MS = 60_000;
const LOG_LINES = 20;

/** A workload that did not become ready, and why. */
export class NotReadyError extends CliError {
  constructor(
    readonly workload: string,
    readonly problems: readonly Problem[],
    message: string,
  ) {
    super(EXIT_CODES.NOT_READY, message);
    this.name = 'NotReadyError';
  }
}

export interface WaitReadyOptions {
  readonly client: KubeClient;
  readonly view: ReleaseView;
  readonly namespace: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Called when the state or the problems change, with a line for people. */
  readonly onProgress: (line: string) => void;
}

/**
 * Waits until a Deployment, StatefulSet or Job is rolled out or complete.
 * @throws NotReadyError when it fails, when an image stays unavailable for a minute, or at the deadline
 */
export async function waitReady(object: KubeObject, options: WaitReadyOptions): Promise<void> {
  const { view, deadline, onProgress } = options;
  const name = objectName(object);
  let told = '';
  let lastingSince: number | undefined;
  const timers = [
    setTimeout(
      () => {
        view.poke();
      },
      Math.max(0, deadline - Date.now()) + 1,
    ),
  ];
  try {
    const failure = await view.until<{ why: string | undefined }>(() => {
      const workload = view.workload(object.kind, object.metadata.name);
      if (workload === undefined) {
        return Date.now() > deadline ? { why: 'it does not exist' } : undefined;
      }
      const state = rolloutState(workload);
      const problems = state.done ? [] : view.problemsOf(workload);
      const line = [state.summary, ...problems.map(describeProblem)].join('; ');
      if (line !== told) {
        told = line;
        onProgress(line);
      }
      if (state.done || state.failure !== undefined) {
        return { why: state.failure };
      }
      if (!problems.some((problem) => problem.lasting)) {
        lastingSince = undefined;
      } else if (lastingSince === undefined) {
        lastingSince = Date.now();
        timers.push(
          setTimeout(() => {
            view.poke();
          }, LASTING_PROBLEM_MS + 1),
        );
      } else if (Date.now() - lastingSince > LASTING_PROBLEM_MS) {
        return { why: 'its image cannot be had' };
      }
      return Date.now() > deadline ? { why: `not ready in time (${state.summary})` } : undefined;
    });
    if (failure.why !== undefined) {
      throw await explain(object, failure.why, name, options);
    }
  } finally {
    timers.forEach(clearTimeout);
  }
}

async function explain(
  object: KubeObject,
  why: string,
  name: string,
  { client, view, namespace }: WaitReadyOptions,
): Promise<NotReadyError> {
  const workload = view.workload(object.kind, object.metadata.name);
  const problems = workload === undefined ? [] : view.problemsOf(workload);
  const lines = [`${name}: ${why}`];
  for (const problem of problems) {
    lines.push(`  ${describeProblem(problem)}`);
    const log = await problemLog(client, namespace, problem, LOG_LINES);
    lines.push(...log.map((line) => `    | ${line}`));
  }
  return new NotReadyError(name, problems, lines.join('\n'));
}
