import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { EXIT_CODES } from '../../../constructs/contract.js';
import { chooseCluster, type ChosenCluster } from '../api/credentials.js';
import { Http2ObjectApi } from '../api/http2-object-api.js';
import { ConfigError } from '../config/errors.js';
import { RunError, type RunErrorCode, type RunSink } from '../run/events.js';
import { JsonSink, openOutput } from '../run/json-sink.js';
import { asRunError } from '../run/launch.js';
import type { RunEnd } from '../run/outcome.js';
import { PodRun, type RunLeft } from '../run/pod-run.js';
import { parseRunRequest, type RunRequest } from '../run/request.js';
import { readRequestLine, RequestStream } from '../run/request-stream.js';
import { shellRequest } from '../run/shell-request.js';
import { TextSink } from '../run/text-sink.js';
import { VERSION } from '../version.js';
import { type RunPodOptions, SHELL_EXIT_CODES } from './run-pod-options.js';

const FALLBACK_NAMESPACE = 'default';

/** Exit codes of `--json` for what could not be done. */
const CODES: Readonly<Record<RunErrorCode, number>> = {
  InvalidRequest: EXIT_CODES.CONFIG,
  Refused: EXIT_CODES.CONFIG,
  NameTaken: EXIT_CODES.CONFIG,
  Forbidden: EXIT_CODES.PERMISSION,
  Unreachable: EXIT_CODES.UNREACHABLE,
  Internal: EXIT_CODES.ERROR,
};

/** Runs one pod to its end. @returns the exit code */
export function runPod(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  return options.json ? runForProgram(options, env) : runForPerson(options, env);
}

/** Stops of a run, by signal or by the one who asked for it. */
class Stops {
  readonly kill = new AbortController();
  readonly detach = new AbortController();

  constructor() {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        this.kill.abort();
      });
    }
  }
}

async function runForProgram(options: RunPodOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const stops = new Stops();
  const output = openOutput();
  const sink = new JsonSink(output);
  // Nobody reads any more: there is nobody to tell, and nobody to end the pod for.
  output.onGone(() => {
    stops.detach.abort();
  });
  const stream = new RequestStream(process.stdin);
  let code: number;
  try {
    const request = parseRunRequest(readRequestLine(await stream.firstLine()));
    stream.follow({
      onKill: () => {
        stops.kill.abort();
      },
      onEnd: () => {
        if (options.attached) {
          stops.detach.abort();
        }
      },
    });
    code = exitCodeFor(await run(request, sink, stops, env));
  } catch (error) {
    code = tellError(error, sink);
  }
  await output.end();
  return code;
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
    const request = parseRunRequest(shellRequest(await readManifest(options.file ?? '-'), options), 'command line');
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

async function readManifest(file: string): Promise<string> {
  try {
    return await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
  } catch (error) {
    throw new ConfigError([{ file, field: '', message: `cannot be read: ${(error as Error).message}` }]);
  }
}

async function run(request: RunRequest, sink: RunSink, stops: Stops, env: NodeJS.ProcessEnv): Promise<RunLeft> {
  const { credentials, namespace } = choose(request, env);
  const api = new Http2ObjectApi(credentials, VERSION);
  try {
    const podRun = new PodRun({
      api,
      request,
      defaultNamespace: namespace ?? FALLBACK_NAMESPACE,
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
  } finally {
    api.close();
  }
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

function choose({ cluster }: RunRequest, env: NodeJS.ProcessEnv): ChosenCluster {
  try {
    return chooseCluster(cluster, env);
  } catch (error) {
    throw new ConfigError([{ file: 'request', field: 'cluster', message: (error as Error).message }]);
  }
}

function tellError(error: unknown, sink: RunSink): number {
  const told = error instanceof ConfigError ? new RunError('InvalidRequest', error.message) : asRunError(error);
  sink.tell({ type: 'error', code: told.code, message: told.message });
  return CODES[told.code];
}
