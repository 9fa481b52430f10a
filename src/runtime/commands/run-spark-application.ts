import { randomBytes } from 'node:crypto';
import { RUN_PROTOCOL } from '../run/request-parts.js';
import { TextSink } from '../run/text-sink.js';
import { type ApplicationEvent, applicationInWords, type ApplicationSink } from '../spark/application-events.js';
import {
  type ApplicationRequest,
  type ApplicationRequestInput,
  parseApplicationRequest,
} from '../spark/application-request.js';
import { type ApplicationLeft, ApplicationRun } from '../spark/application-run.js';
import { readInput, runForProgram, Stops, tellError, withCluster } from './driver.js';
import { exitCodeFor, shellExitCodeFor } from './run-exit.js';
import { type RunPodOptions, SHELL_EXIT_CODES } from './run-pod-options.js';

/** Runs one SparkApplication to its end. @returns the exit code */
export function runSparkApplication(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  if (!options.json) {
    return runForPerson(options, env);
  }
  return runForProgram<ApplicationRequest, ApplicationEvent>({
    attached: options.attached,
    parse: parseApplicationRequest,
    run: async (request, sink, stops) => exitCodeFor(await run(request, sink, stops, env)),
  });
}

async function runForPerson(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const stops = new Stops();
  const sink = new TextSink<ApplicationEvent>(process.stdout, process.stderr, false, applicationInWords);
  try {
    const manifest = await readInput(options.file ?? '-');
    const request = parseApplicationRequest(shellApplicationRequest(manifest, options), 'command line');
    return shellExitCodeFor(await run(request, sink, stops, env));
  } catch (error) {
    tellError(error, sink);
    return SHELL_EXIT_CODES.RUN_FAILED;
  }
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

function run(
  request: ApplicationRequest,
  sink: ApplicationSink,
  stops: Stops,
  env: NodeJS.ProcessEnv,
): Promise<ApplicationLeft> {
  return withCluster(request.cluster, env, async (api, defaultNamespace) => {
    try {
      const applicationRun = new ApplicationRun({
        api,
        request,
        defaultNamespace,
        random: randomBytes(8).toString('hex'),
        sink,
        kill: stops.kill.signal,
        detach: stops.detach.signal,
      });
      return await applicationRun.run();
    } catch (error) {
      // What was stopped before there was an application has not failed.
      if (stops.kill.signal.aborted || stops.detach.signal.aborted) {
        return stopped(sink, stops, api.requests());
      }
      throw error;
    }
  });
}

function stopped(sink: ApplicationSink, stops: Stops, requests: number): ApplicationLeft {
  if (!stops.kill.signal.aborted) {
    return 'detached';
  }
  const message = 'the run was told to end';
  const end = { outcome: 'killed', exitCode: null, reason: 'Killed', message, output: null } as const;
  sink.tell({ type: 'ended', ...end, podEvents: [], application: 'gone', requests });
  return end;
}
