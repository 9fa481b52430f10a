import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ConfigError } from '../config/errors.js';

/** How an invocation ended. */
export interface HelmExit {
  /** null: ended by a signal. */
  readonly code: number | null;
  /** What it wrote to standard output; empty for one that was followed. */
  readonly output: string;
  /** The last lines of standard error. */
  readonly errors: readonly string[];
}

/** A release as helm describes it. */
export interface Release {
  readonly revision: number;
  readonly status: string;
}

const LAST_LINES = 20;

/** The program helm, with arguments that every invocation has. */
export class Helm {
  constructor(
    private readonly program: string,
    private readonly place: readonly string[],
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * Its major version.
   * @throws ConfigError when there is no such program, or it is no helm
   */
  async majorVersion(): Promise<number> {
    const { code, errors, output } = await this.run(['version', '--template', '{{.Version}}']);
    const [, major] = /^v?(\d+)\./.exec(output.trim()) ?? [];
    if (code !== 0 || major === undefined) {
      const message = `(${this.program}) is no helm: ${errors.join(' ') || output.slice(0, 200)}`;
      throw new ConfigError([{ file: 'request', field: 'helm', message }]);
    }
    return Number(major);
  }

  /** @returns null when there is no such release */
  async release(name: string): Promise<Release | null> {
    const { code, errors, output } = await this.run(['status', name, '--output', 'json', ...this.place]);
    if (code !== 0) {
      const said = errors.join('\n');
      if (said.includes('release: not found')) {
        return null;
      }
      throw new Error(`helm cannot tell the status of release ${name}: ${said}`);
    }
    const { info, version } = JSON.parse(output) as { info?: { status?: string }; version?: number };
    return { revision: version ?? 0, status: info?.status ?? 'unknown' };
  }

  /** @param onLine gets each line of both outputs; the signal is handed on as a SIGTERM */
  follow(args: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<HelmExit> {
    return this.run([...args, ...this.place], onLine, signal);
  }

  private run(args: readonly string[], onLine?: (line: string) => void, signal?: AbortSignal): Promise<HelmExit> {
    return new Promise((resolve, reject) => {
      // A signal to the process group is for this process to interpret.
      const child = spawn(this.program, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      const errors: string[] = [];
      let output = '';
      const stop = (): void => {
        child.kill('SIGTERM');
      };
      if (onLine === undefined) {
        child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
      } else {
        createInterface({ input: child.stdout }).on('line', onLine);
      }
      createInterface({ input: child.stderr }).on('line', (line) => {
        onLine?.(line);
        errors.push(line);
        errors.splice(0, errors.length - LAST_LINES);
      });
      child.on('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'ENOENT' ? missing(this.program) : error);
      });
      child.on('close', (code) => {
        signal?.removeEventListener('abort', stop);
        resolve({ code, output, errors });
      });
      signal?.addEventListener('abort', stop);
      if (signal?.aborted === true) {
        stop();
      }
    });
  }
}

function missing(program: string): ConfigError {
  const message = `(${program}) is not there: install helm, or say where it is (helm_binary)`;
  return new ConfigError([{ file: 'request', field: 'helm', message }]);
}
