import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Credentials } from '../api/credentials.js';
import { KubeError } from '../api/errors.js';
import type { ObjectApi, ObjectMeta } from '../api/object-api.js';
import type { PodManifest } from '../pods/merge.js';
import { RunError, type RunSink } from '../run/events.js';
import { podsOf } from '../run/pod-view.js';
import type { SparkSettings } from './settings.js';
import { type Submission, submission } from './submission.js';

export interface SubmitterOptions {
  readonly api: ObjectApi;
  readonly credentials: Credentials;
  readonly settings: SparkSettings;
  readonly container: string;
  readonly sink: RunSink;
  readonly env: NodeJS.ProcessEnv;
  /** Ends spark-submit. */
  readonly kill: AbortSignal;
}

/** What spark-submit says is told as the log of a container of this name. */
const LOG_NAME = 'spark-submit';
/** It creates four objects; with an API server that does not answer it gives up earlier by itself. */
const DEADLINE_MS = 300_000;
const LAST_LINES = 20;
/** What a later call may not meet: no answer, or an overloaded API server. */
const PASSING =
  /SocketTimeout|ConnectException|Connection (refused|reset)|UnknownHost|timed out|code[=:] ?(429|5\d\d)\b/i;
const FORBIDDEN = /\bforbidden\b/i;

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly timedOut: boolean;
}

/** Has spark-submit create the driver's pod, in `cluster` mode. */
export class SparkSubmitter {
  constructor(private readonly options: SubmitterOptions) {}

  /**
   * A create as `launch` wants it.
   * @throws KubeError, as a create of the API does: 409 when a pod of that name exists, a failure that may be repeated
   * @throws RunError when no repetition mends it
   */
  async create(namespace: string, pod: PodManifest, name: string): Promise<ObjectMeta> {
    const { api, kill, settings } = this.options;
    // A JVM is a long way to an answer that one request gives.
    if ((await api.get(podsOf(namespace), name)) !== null) {
      throw alreadyThere(name);
    }
    const { code, lines, timedOut } = await this.submit(namespace, pod, name);
    if (kill.aborted) {
      throw new KubeError('connection', `${settings.binary} was told to end`);
    }
    const made = await api.get(podsOf(namespace), name);
    if (code === 0 && made?.metadata !== undefined) {
      return made.metadata;
    }
    const said = lastWords(lines);
    // One that is on its way out is what spark-submit itself took back.
    if (made !== null && made.metadata?.deletionTimestamp === undefined) {
      throw alreadyThere(name);
    }
    if (timedOut) {
      throw new KubeError('timeout', `${settings.binary} has not ended in ${DEADLINE_MS / 1000} s`);
    }
    if (PASSING.test(said)) {
      throw new KubeError('connection', `${settings.binary} could not reach the API server: ${said}`);
    }
    if (FORBIDDEN.test(said)) {
      throw new RunError('Forbidden', `${settings.binary} is not allowed to create the driver: ${said}`);
    }
    const end = code === 0 ? 'made no pod' : `ended with exit code ${code ?? 'none'}`;
    throw new RunError('Refused', `${settings.binary} ${end}: ${said === '' ? 'it said nothing' : said}`);
  }

  private async submit(namespace: string, pod: PodManifest, name: string): Promise<Ended> {
    const { container, credentials, settings } = this.options;
    const access = await credentials.access();
    const folder = await mkdtemp(join(tmpdir(), 'spark-submit-'));
    try {
      const made = submission({ settings, pod, name, namespace, container, access, folder });
      for (const [path, content] of Object.entries(made.files)) {
        await writeFile(path, content, { mode: 0o600 });
      }
      return await this.run(made);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private run({ args }: Submission): Promise<Ended> {
    const { env, kill, settings, sink } = this.options;
    const limit = AbortSignal.timeout(DEADLINE_MS);
    return new Promise((resolve, reject) => {
      const child = spawn(settings.binary, [...args], {
        // The credentials are those of the request, whatever else this process could find.
        env: { ...env, KUBERNETES_AUTH_TRYKUBECONFIG: 'false', KUBERNETES_AUTH_TRYSERVICEACCOUNT: 'false' },
        stdio: ['ignore', 'pipe', 'pipe'],
        signal: AbortSignal.any([kill, limit]),
      });
      const lines: string[] = [];
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          // Of a stack trace the causes tell, not the calls.
          if (!/^\s+(at |\.\.\. \d+ more)/.test(line)) {
            lines.push(line);
            lines.splice(0, Math.max(0, lines.length - LAST_LINES));
          }
          sink.tell({ type: 'log', container: LOG_NAME, time: new Date().toISOString(), line });
        });
      }
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (error.name !== 'AbortError') {
          const why = `${settings.binary} cannot be started (${error.code ?? error.message})`;
          const fix = `deployMode 'cluster' needs Spark and Java here, 'client' does not`;
          reject(new RunError('InvalidRequest', `${why}: ${fix}`, error));
        }
      });
      child.on('close', (code) => {
        resolve({ code, lines, timedOut: limit.aborted });
      });
    });
  }
}

/** The error that ended it, without what was a warning before; else all that is known. */
function lastWords(lines: readonly string[]): string {
  const at = lines.findLastIndex((line) => /^(Exception in thread |Error: )/.test(line));
  return lines.slice(Math.max(0, at)).join('\n');
}

function alreadyThere(name: string): KubeError {
  return new KubeError('response', `pods "${name}" already exists`, { status: 409, reason: 'AlreadyExists' });
}
