import { execa, ExecaError } from 'execa';
import { CliError, EXIT_CODES } from './errors.js';

export interface RunOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Called with every line of the program's stdout and stderr. */
  readonly onLine?: (line: string) => void;
  readonly env?: Readonly<Record<string, string>>;
}

/** Lines of a failed program that its error repeats. */
const TAIL_LINES = 30;

/**
 * Runs a program to its end.
 * @returns its stdout
 * @throws CliError with the end of its output if it fails
 */
export async function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { cwd, signal, onLine, env } = options;
  const child = execa(file, args, {
    cwd,
    all: true,
    stdin: 'ignore',
    cancelSignal: signal,
    forceKillAfterDelay: 30_000,
    ...(env === undefined ? {} : { env }),
  });
  const follow = async (): Promise<void> => {
    for await (const line of child.iterable({ from: 'all' })) {
      onLine?.(line);
    }
  };
  try {
    const [result] = await Promise.all([child, follow().catch(() => undefined)]);
    return result.stdout;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecaError)) {
      throw error;
    }
    const { all = '' } = error as { all?: string };
    const tail = all.trimEnd().split('\n').slice(-TAIL_LINES);
    throw new CliError(EXIT_CODES.ERROR, [error.shortMessage, ...tail.map((line) => `  | ${line}`)].join('\n'), {
      cause: error,
    });
  }
}
