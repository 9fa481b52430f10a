import { RUN_PROTOCOL } from '../run/request-parts.js';
import { type ApplicationEvent, applicationInWords } from '../spark/application-events.js';
import {
  type ApplicationRequest,
  type ApplicationRequestInput,
  parseApplicationRequest,
} from '../spark/application-request.js';
import { type ApplicationLeft, ApplicationRun } from '../spark/application-run.js';
import { type RunCommand, runObject, TOLD_TO_END } from './run-object.js';
import type { RunPodOptions } from './run-pod-options.js';

const APPLICATION: RunCommand<ApplicationRequest, ApplicationEvent, ApplicationLeft> = {
  parse: parseApplicationRequest,
  shellRequest: shellApplicationRequest,
  inWords: applicationInWords,
  run: (running) => new ApplicationRun(running).run(),
  killed: (requests) => {
    const end = { outcome: 'killed', exitCode: null, ...TOLD_TO_END, output: null } as const;
    return { end, event: { type: 'ended', ...end, podEvents: [], application: 'gone', requests } };
  },
};

/** Runs one SparkApplication to its end. @returns the exit code */
export function runSparkApplication(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  return runObject(APPLICATION, options, env);
}

/** The request of a command line; pure. @param yaml the manifest */
function shellApplicationRequest(yaml: string, options: RunPodOptions): ApplicationRequestInput {
  const { context, kubeconfig: configFile, container } = options;
  return {
    protocol: RUN_PROTOCOL,
    layers: [{ source: options.file ?? '-', yaml }],
    namespace: options.namespace ?? null,
    ...(container === undefined ? {} : { container }),
    until: options.follow ? 'ended' : 'created',
    onFinish: options.keep ? 'keep_pod' : 'delete_pod',
    // People see what it waits for, and can end it.
    startupTimeoutSeconds: null,
    cluster: {
      ...(configFile === undefined ? {} : { configFile }),
      ...(context === undefined ? {} : { context }),
    },
  };
}
