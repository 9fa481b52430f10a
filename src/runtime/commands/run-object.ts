import { randomBytes } from 'node:crypto';
import type { ErrorEvent, EventSink } from '../run/events.js';
import type { ClusterPart } from '../run/request-parts.js';
import type { RunOptions } from '../run/run-options.js';
import { TextSink, type Words } from '../run/text-sink.js';
import { readInput, runForProgram, Stops, tellError, withCluster } from './driver.js';
import { exitCodeFor, type Left, shellExitCodeFor } from './run-exit.js';
import { type RunPodOptions, SHELL_EXIT_CODES } from './run-pod-options.js';

/** What is run. */
export interface Runnable<R extends { readonly cluster: ClusterPart }, E extends object, L extends Left> {
  run(options: RunOptions<R, E>): Promise<L>;
  /** The end, and the event that tells it, of a run that was told to end before there was an object. */
  killed(requests: number): { readonly end: L; readonly event: E };
}

/** A command that runs the object of a manifest to its end: for programs, and for people. */
export interface RunCommand<
  R extends { readonly cluster: ClusterPart },
  E extends object,
  L extends Left,
> extends Runnable<R, E, L> {
  /** @throws ConfigError */
  parse(value: unknown, file?: string): R;
  /** The request of a command line; pure. @param yaml the manifest */
  shellRequest(yaml: string, options: RunPodOptions): unknown;
  inWords(event: E | ErrorEvent): Words;
}

/** Runs one object to its end. @returns the exit code */
export function runObject<R extends { readonly cluster: ClusterPart }, E extends object, L extends Left>(
  command: RunCommand<R, E, L>,
  options: RunPodOptions,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  if (!options.json) {
    return runForPerson(command, options, env);
  }
  return runForProgram<R, E>({
    attached: options.attached,
    parse: (value) => command.parse(value),
    run: async (request, sink, stops) => exitCodeFor(await follow(command, request, sink, stops, env)),
  });
}

async function runForPerson<R extends { readonly cluster: ClusterPart }, E extends object, L extends Left>(
  command: RunCommand<R, E, L>,
  options: RunPodOptions,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const stops = new Stops();
  const sink = new TextSink<E | ErrorEvent>(process.stdout, process.stderr, options.result, (event) =>
    command.inWords(event),
  );
  try {
    const given = command.shellRequest(await readInput(options.file ?? '-'), options);
    return shellExitCodeFor(await follow(command, command.parse(given, 'command line'), sink, stops, env));
  } catch (error) {
    tellError(error, sink);
    return SHELL_EXIT_CODES.RUN_FAILED;
  }
}

/** Makes or finds the object of a request and follows it. @throws RunError, ConfigError */
export function follow<R extends { readonly cluster: ClusterPart }, E extends object, L extends Left>(
  runnable: Runnable<R, E, L>,
  request: R,
  sink: EventSink<E>,
  { kill, detach }: Stops,
  env: NodeJS.ProcessEnv,
): Promise<L | 'detached'> {
  return withCluster(request.cluster, env, async (api, defaultNamespace) => {
    const random = randomBytes(8).toString('hex');
    const signals = { kill: kill.signal, detach: detach.signal };
    try {
      return await runnable.run({ api, request, defaultNamespace, random, sink, ...signals });
    } catch (error) {
      // What was stopped before there was an object has not failed.
      if (kill.signal.aborted) {
        const { end, event } = runnable.killed(api.requests());
        sink.tell(event);
        return end;
      }
      if (detach.signal.aborted) {
        return 'detached';
      }
      throw error;
    }
  });
}

/** What such an end says. */
export const TOLD_TO_END = { reason: 'Killed', message: 'the run was told to end' } as const;
