import { randomBytes } from 'node:crypto';
import type { ObjectApi } from '../api/object-api.js';
import type { RunEvent, RunSink } from '../run/events.js';
import type { CreatePod } from '../run/launch.js';
import { PodRun, type RunLeft } from '../run/pod-run.js';
import { parseRunRequest, type RunRequest } from '../run/request.js';
import { shellRequest } from '../run/shell-request.js';
import { podInWords, TextSink } from '../run/text-sink.js';
import { readInput, runForProgram, Stops, tellError, withCluster } from './driver.js';
import { exitCodeFor, shellExitCodeFor } from './run-exit.js';
import { type RunPodOptions, SHELL_EXIT_CODES } from './run-pod-options.js';

/** Runs one pod to its end. @returns the exit code */
export function runPod(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  if (!options.json) {
    return runForPerson(options, env);
  }
  return runForProgram<RunRequest, RunEvent>({
    attached: options.attached,
    parse: parseRunRequest,
    run: async (request, sink, stops) => exitCodeFor(await followPod(request, sink, stops, env)),
  });
}

async function runForPerson(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const stops = new Stops();
  const sink = new TextSink<RunEvent>(process.stdout, process.stderr, options.result, podInWords);
  try {
    const request = parseRunRequest(shellRequest(await readInput(options.file ?? '-'), options), 'command line');
    return shellExitCodeFor(await followPod(request, sink, stops, env));
  } catch (error) {
    tellError(error, sink);
    return SHELL_EXIT_CODES.RUN_FAILED;
  }
}

/** Makes or finds the pod of a request and follows it. @param creator makes what creates it, if the API does not */
export function followPod(
  request: RunRequest,
  sink: RunSink,
  stops: Stops,
  env: NodeJS.ProcessEnv,
  creator?: (api: ObjectApi) => CreatePod,
): Promise<RunLeft> {
  return withCluster(request.cluster, env, async (api, defaultNamespace) => {
    try {
      const podRun = new PodRun({
        api,
        request,
        defaultNamespace,
        random: randomBytes(8).toString('hex'),
        sink,
        kill: stops.kill.signal,
        detach: stops.detach.signal,
        create: creator?.(api),
      });
      return await podRun.run();
    } catch (error) {
      // What was stopped before there was a pod has not failed.
      if (stops.kill.signal.aborted || stops.detach.signal.aborted) {
        return stopped(sink, stops, api.requests());
      }
      throw error;
    }
  });
}

function stopped(sink: RunSink, stops: Stops, requests: number): RunLeft {
  if (!stops.kill.signal.aborted) {
    return 'detached';
  }
  const nothing = { exitCode: null, output: null, containers: [] };
  const message = 'the run was told to end';
  const end = { ...nothing, outcome: 'killed', reason: 'Killed', message } as const;
  sink.tell({ type: 'ended', ...end, podEvents: [], pod: 'gone', requests });
  return end;
}
