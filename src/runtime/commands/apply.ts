import { randomBytes } from 'node:crypto';
import { EXIT_CODES } from '../../../constructs/contract.js';
import { type ApplyLeft, ApplyRun } from '../apply/apply-run.js';
import type { ApplyEvent } from '../apply/events.js';
import { type ApplyRequest, type ApplyRequestInput, parseApplyRequest } from '../apply/request.js';
import { ApplyTextSink } from '../apply/text-sink.js';
import type { EventSink } from '../run/events.js';
import { RUN_PROTOCOL } from '../run/request-parts.js';
import type { ApplyOptions } from './apply-options.js';
import { readInput, runForProgram, Stops, tellError, withCluster } from './driver.js';
import { SHELL_EXIT_CODES } from './run-pod-options.js';

const CODES: Readonly<Record<ApplyLeft['outcome'], number>> = {
  succeeded: EXIT_CODES.OK,
  failed: EXIT_CODES.POD_FAILED,
  killed: EXIT_CODES.KILLED,
  detached: EXIT_CODES.DETACHED,
};

/** Applies manifests, waits, deletes. @returns the exit code */
export function apply(options: ApplyOptions, env: NodeJS.ProcessEnv): Promise<number> {
  if (!options.json) {
    return applyForPerson(options, env);
  }
  return runForProgram<ApplyRequest, ApplyEvent>({
    attached: options.attached,
    parse: parseApplyRequest,
    run: async (request, sink, stops) => CODES[(await run(request, sink, stops, env)).outcome],
  });
}

async function applyForPerson(options: ApplyOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const stops = new Stops();
  const sink = new ApplyTextSink(process.stdout, process.stderr);
  try {
    const { outcome, exitCode } = await run(await shellRequest(options), sink, stops, env);
    if (outcome === 'succeeded') {
      return EXIT_CODES.OK;
    }
    return outcome === 'failed' ? (exitCode ?? 0) || SHELL_EXIT_CODES.RUN_FAILED : SHELL_EXIT_CODES.SIGNALED;
  } catch (error) {
    tellError(error, sink);
    return SHELL_EXIT_CODES.RUN_FAILED;
  }
}

async function shellRequest(options: ApplyOptions): Promise<ApplyRequest> {
  const { context, files, follow, force, kubeconfig: configFile, timeout } = options;
  const request: ApplyRequestInput = {
    protocol: RUN_PROTOCOL,
    action: options.delete ? 'delete' : options.create ? 'create' : 'apply',
    manifests: await Promise.all(files.map(async (source) => ({ source, yaml: await readInput(source) }))),
    namespace: options.namespace ?? null,
    force,
    follow,
    wait: [...options.wait],
    failOn: [...options.failOn],
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout === 0 ? null : timeout }),
    onFinish: options.rm ? 'delete' : 'keep',
    onKill: options.rm ? 'delete' : 'keep',
    cluster: {
      ...(configFile === undefined ? {} : { configFile }),
      ...(context === undefined ? {} : { context }),
    },
  };
  return parseApplyRequest(request, 'command line');
}

function run(
  request: ApplyRequest,
  sink: EventSink<ApplyEvent>,
  stops: Stops,
  env: NodeJS.ProcessEnv,
): Promise<ApplyLeft> {
  return withCluster(request.cluster, env, (api, defaultNamespace) => {
    const random = randomBytes(16).toString('hex');
    const { signal: kill } = stops.kill;
    const { signal: detach } = stops.detach;
    return new ApplyRun({ api, request, defaultNamespace, random, sink, kill, detach }).run();
  });
}
