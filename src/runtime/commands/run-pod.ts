import type { ObjectApi } from '../api/object-api.js';
import type { RunEvent, RunSink } from '../run/events.js';
import type { CreatePod } from '../run/launch.js';
import { PodRun, type RunLeft } from '../run/pod-run.js';
import { parseRunRequest, type RunRequest } from '../run/request.js';
import { shellRequest } from '../run/shell-request.js';
import { podInWords } from '../run/text-sink.js';
import type { Stops } from './driver.js';
import { follow, type RunCommand, runObject, TOLD_TO_END } from './run-object.js';
import type { RunPodOptions } from './run-pod-options.js';

const POD: RunCommand<RunRequest, RunEvent, RunLeft> = {
  parse: parseRunRequest,
  shellRequest,
  inWords: podInWords,
  run: (running) => new PodRun(running).run(),
  killed: (requests) => {
    const end = { exitCode: null, output: null, containers: [], ...TOLD_TO_END, outcome: 'killed' } as const;
    return { end, event: { type: 'ended', ...end, podEvents: [], pod: 'gone', requests } };
  },
};

/** Runs one pod to its end. @returns the exit code */
export function runPod(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  return runObject(POD, options, env);
}

/** Makes or finds the pod of a request and follows it. @param creator makes what creates it, if the API does not */
export function followPod(
  request: RunRequest,
  sink: RunSink,
  stops: Stops,
  env: NodeJS.ProcessEnv,
  creator?: (api: ObjectApi) => CreatePod,
): Promise<RunLeft> {
  const run: typeof POD.run = (running) => new PodRun({ ...running, create: creator?.(running.api) }).run();
  return follow({ ...POD, run }, request, sink, stops, env);
}
