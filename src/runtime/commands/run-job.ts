import { randomBytes } from 'node:crypto';
import { RUN_PROTOCOL } from '../run/request-parts.js';
import type { JobEvent, JobSink } from '../job/events.js';
import { type JobRequest, type JobRequestInput, parseJobRequest } from '../job/request.js';
import { JobRun, type JobRunLeft } from '../job/job-run.js';
import { jobInWords } from '../job/text.js';
import { RESULT_PATH } from '../run/shell-request.js';
import { TextSink } from '../run/text-sink.js';
import { readInput, runForProgram, Stops, tellError, withCluster } from './driver.js';
import { exitCodeFor, shellExitCodeFor } from './run-exit.js';
import { type RunPodOptions, SHELL_EXIT_CODES } from './run-pod-options.js';

/** Runs one Job to its end. @returns the exit code */
export function runJob(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  if (!options.json) {
    return runForPerson(options, env);
  }
  return runForProgram<JobRequest, JobEvent>({
    attached: options.attached,
    parse: parseJobRequest,
    run: async (request, sink, stops) => exitCodeFor(await run(request, sink, stops, env)),
  });
}

async function runForPerson(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const stops = new Stops();
  const sink = new TextSink<JobEvent>(process.stdout, process.stderr, options.result, jobInWords);
  try {
    const request = parseJobRequest(shellJobRequest(await readInput(options.file ?? '-'), options), 'command line');
    return shellExitCodeFor(await run(request, sink, stops, env));
  } catch (error) {
    tellError(error, sink);
    return SHELL_EXIT_CODES.RUN_FAILED;
  }
}

/** The request of a command line; pure. @param yaml the manifest */
function shellJobRequest(yaml: string, options: RunPodOptions): JobRequestInput {
  const { context, kubeconfig: configFile, container } = options;
  return {
    protocol: RUN_PROTOCOL,
    layers: [{ source: options.file ?? '-', yaml }],
    namespace: options.namespace ?? null,
    container: container ?? null,
    logs: { containers: container === undefined ? 'all' : [container] },
    until: options.follow || options.result ? 'ended' : 'created',
    onFinish: options.keep ? 'keep_pod' : 'delete_pod',
    // People see what a pod waits for, and can end it.
    startupTimeoutSeconds: null,
    result: options.result ? { path: RESULT_PATH } : null,
    cluster: {
      ...(configFile === undefined ? {} : { configFile }),
      ...(context === undefined ? {} : { context }),
    },
  };
}

function run(request: JobRequest, sink: JobSink, stops: Stops, env: NodeJS.ProcessEnv): Promise<JobRunLeft> {
  return withCluster(request.cluster, env, async (api, defaultNamespace) => {
    try {
      const jobRun = new JobRun({
        api,
        request,
        defaultNamespace,
        random: randomBytes(8).toString('hex'),
        sink,
        kill: stops.kill.signal,
        detach: stops.detach.signal,
      });
      return await jobRun.run();
    } catch (error) {
      // What was stopped before there was a Job has not failed.
      if (stops.kill.signal.aborted || stops.detach.signal.aborted) {
        return stopped(sink, stops, api.requests());
      }
      throw error;
    }
  });
}

function stopped(sink: JobSink, stops: Stops, requests: number): JobRunLeft {
  if (!stops.kill.signal.aborted) {
    return 'detached';
  }
  const nothing = { exitCode: null, output: null, succeeded: 0, failed: 0, pods: [] };
  const message = 'the run was told to end';
  const end = { ...nothing, outcome: 'killed', reason: 'Killed', message } as const;
  sink.tell({ type: 'ended', ...end, podEvents: [], job: 'gone', requests });
  return end;
}
