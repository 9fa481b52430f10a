import type { Argv } from 'yargs';
import { CliError, EXIT_CODES } from './errors.js';

/** What every command accepts. */
export interface GlobalArgs {
  /** Context of KUBECONFIG or ~/.kube/config; unset: the local cluster that `up` made. */
  readonly context?: string;
  /** Namespace of the stack. */
  readonly namespace: string;
  /** Value of the `release` label of the stack's objects. */
  readonly release: string;
  readonly output: 'text' | 'json';
}

/** Adds the options that every command accepts. */
export function withGlobalOptions<T>(args: Argv<T>): Argv<T & GlobalArgs> {
  return args
    .option('context', {
      type: 'string',
      requiresArg: true,
      describe: 'Context of KUBECONFIG or ~/.kube/config [default: the local cluster that "up" made]',
      group: 'Cluster:',
    })
    .option('namespace', {
      type: 'string',
      alias: 'n',
      requiresArg: true,
      default: 'airflow',
      describe: 'Namespace of the stack',
      group: 'Cluster:',
    })
    .option('release', {
      type: 'string',
      requiresArg: true,
      default: 'airflow',
      describe: 'Name of the stack: the value of its "release" label',
      group: 'Cluster:',
    })
    .option('output', {
      type: 'string',
      alias: 'o',
      choices: ['text', 'json'] as const,
      default: 'text' as const,
      describe: 'Form of the result on stdout; progress goes to stderr',
    });
}

/**
 * Reads a duration such as `90`, `90s`, `10m` or `1h`.
 * @returns seconds
 * @throws CliError USAGE if it is none
 */
export function parseSeconds(text: string): number {
  const match = /^(\d+)(s|m|h)?$/.exec(text.trim());
  if (match === null) {
    throw new CliError(EXIT_CODES.USAGE, `Not a duration: '${text}' (write 90s, 10m or 1h).`);
  }
  const factor = { s: 1, m: 60, h: 3600 }[match[2] ?? 's'] ?? 1;
  return Number(match[1]) * factor;
}
