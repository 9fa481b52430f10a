import { randomBytes } from 'node:crypto';
import { EXIT_CODES } from '../../../constructs/contract.js';
import type { RunEvent, RunSink } from '../run/events.js';
import type { RunEnd } from '../run/outcome.js';
import { PodRun, type RunLeft } from '../run/pod-run.js';
import { parseRunRequest, type RunRequest } from '../run/request.js';
import { shellRequest } from '../run/shell-request.js';
import { TextSink } from '../run/text-sink.js';
import { readInput, runForProgram, Stops, tellError, withCluster } from './driver.js';
import { type RunPodOptions, SHELL_EXIT_CODES } from './run-pod-options.js';

/** Runs one pod to its end. @returns the exit code */
export function runPod(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  if (!options.json) {
    return runForPerson(options, env);
  }
  return runForProgram<RunRequest, RunEvent>({
    attached: options.attached,
    parse: parseRunRequest,
    run: async (request, sink, stops) => exitCodeFor(await run(request, sink, stops, env)),
  });
}

function exitCodeFor(left: RunLeft): number {
  if (left === 'created') {
    return EXIT_CODES.OK;
  }
  if (left === 'detached') {
    return EXIT_CODES.DETACHED;
  }
  const codes = { succeeded: EXIT_CODES.OK, failed: EXIT_CODES.POD_FAILED, killed: EXIT_CODES.KILLED };
  return codes[left.outcome];
}

async function runForPerson(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const stops = new Stops();
  const sink = new TextSink(process.stdout, process.stderr, options.result);
  try {
    const request = parseRunRequest(shellRequest(await readInput(options.file ?? '-'), options), 'command line');
    const left = await run(request, sink, stops, env);
    if (left === 'created') {
      return EXIT_CODES.OK;
    }
    if (left === 'detached' || left.outcome === 'killed') {
      return SHELL_EXIT_CODES.SIGNALED;
    }
    return exitCodeOf(left);
  } catch (error) {
    tellError(error, sink);
    return SHELL_EXIT_CODES.RUN_FAILED;
  }
}

function exitCodeOf({ outcome, exitCode }: RunEnd): number {
  if (outcome === 'succeeded') {
    return EXIT_CODES.OK;
  }
  return exitCode === null || exitCode === 0 ? SHELL_EXIT_CODES.RUN_FAILED : exitCode;
}

function run(request: RunRequest, sink: RunSink, stops: Stops, env: NodeJS.ProcessEnv): Promise<RunLeft> {
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
