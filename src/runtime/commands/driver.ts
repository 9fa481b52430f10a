import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { EXIT_CODES } from '../../../constructs/contract.js';
import { chooseCluster } from '../api/credentials.js';
import { Http2ObjectApi } from '../api/http2-object-api.js';
import type { ObjectApi } from '../api/object-api.js';
import { ConfigError } from '../config/errors.js';
import { type ErrorEvent, type EventSink, RunError, type RunErrorCode } from '../run/events.js';
import { JsonSink, openOutput } from '../run/json-sink.js';
import { asRunError } from '../run/launch.js';
import type { ClusterPart } from '../run/request-parts.js';
import { readRequestLine, RequestStream } from '../run/request-stream.js';
import { VERSION } from '../version.js';

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

/** Stops of a run, by signal or by the one who asked for it. */
export class Stops {
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

/** What a command does with a request. */
export interface Work<R, E extends object> {
  /** When standard input ends, detach. */
  readonly attached: boolean;
  /** @throws ConfigError */
  parse(value: unknown): R;
  /** @returns the exit code */
  run(request: R, sink: EventSink<E | ErrorEvent>, stops: Stops): Promise<number>;
}

/** Does what the first line of standard input asks for, and tells of it on standard output. @returns the exit code */
export async function runForProgram<R, E extends object>(work: Work<R, E>): Promise<number> {
  const stops = new Stops();
  const output = openOutput();
  const sink = new JsonSink<E | ErrorEvent>(output);
  // Nobody reads any more: there is nobody to tell, and nobody to end anything for.
  output.onGone(() => {
    stops.detach.abort();
  });
  const stream = new RequestStream(process.stdin);
  let code: number;
  try {
    const request = work.parse(readRequestLine(await stream.firstLine()));
    stream.follow({
      onKill: () => {
        stops.kill.abort();
      },
      onEnd: () => {
        if (work.attached) {
          stops.detach.abort();
        }
      },
    });
    code = await work.run(request, sink, stops);
  } catch (error) {
    code = tellError(error, sink);
  }
  await output.end();
  return code;
}

/**
 * Lends an API of the cluster that a request means.
 * @param use gets the namespace of what says none itself
 * @throws ConfigError when there is no such cluster
 */
export async function withCluster<T>(
  cluster: ClusterPart,
  env: NodeJS.ProcessEnv,
  use: (api: ObjectApi, namespace: string) => Promise<T>,
): Promise<T> {
  const { credentials, namespace } = choose(cluster, env);
  const api = new Http2ObjectApi(credentials, VERSION);
  try {
    return await use(api, namespace ?? FALLBACK_NAMESPACE);
  } finally {
    api.close();
  }
}

function choose(cluster: ClusterPart, env: NodeJS.ProcessEnv): ReturnType<typeof chooseCluster> {
  try {
    return chooseCluster(cluster, env);
  } catch (error) {
    throw new ConfigError([{ file: 'request', field: 'cluster', message: (error as Error).message }]);
  }
}

/** @param file `-`: standard input. @throws ConfigError when it cannot be read */
export async function readInput(file: string): Promise<string> {
  try {
    return await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
  } catch (error) {
    throw new ConfigError([{ file, field: '', message: `cannot be read: ${(error as Error).message}` }]);
  }
}

/** @returns the exit code of `--json` */
export function tellError(error: unknown, sink: EventSink<ErrorEvent>): number {
  const told = error instanceof ConfigError ? new RunError('InvalidRequest', error.message) : asRunError(error);
  sink.tell({ type: 'error', code: told.code, message: told.message });
  return CODES[told.code];
}
