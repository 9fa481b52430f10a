import type { JobEvent } from '../job/events.js';
import { JobRun, type JobRunLeft } from '../job/job-run.js';
import { type JobRequest, type JobRequestInput, parseJobRequest } from '../job/request.js';
import { jobInWords } from '../job/text.js';
import { RUN_PROTOCOL } from '../run/request-parts.js';
import { RESULT_PATH } from '../run/shell-request.js';
import { type RunCommand, runObject, TOLD_TO_END } from './run-object.js';
import type { RunPodOptions } from './run-pod-options.js';

const JOB: RunCommand<JobRequest, JobEvent, JobRunLeft> = {
  parse: parseJobRequest,
  shellRequest: shellJobRequest,
  inWords: jobInWords,
  run: (running) => new JobRun(running).run(),
  killed: (requests) => {
    const nothing = { exitCode: null, output: null, succeeded: 0, failed: 0, pods: [] };
    const end = { ...nothing, ...TOLD_TO_END, outcome: 'killed' } as const;
    return { end, event: { type: 'ended', ...end, podEvents: [], job: 'gone', requests } };
  },
};

/** Runs one Job to its end. @returns the exit code */
export function runJob(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  return runObject(JOB, options, env);
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
