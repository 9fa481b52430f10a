/** Exit codes of `cdk8s-airflow`; `--help` prints them. */
export const EXIT_CODES = {
  OK: 0,
  /** Anything unforeseen. */
  ERROR: 1,
  /** Bad arguments. */
  USAGE: 2,
  /** No cluster was named, the context does not exist, or the cluster cannot be reached. */
  CLUSTER: 3,
  /** The cluster or Airflow refuses what was asked; nothing was changed unless the message says so. */
  REFUSED: 4,
  /** Something did not become ready, or failed, before the deadline. */
  NOT_READY: 5,
  /** The stack, DAG, task or run does not exist. */
  NOT_FOUND: 6,
  /** Interrupted by Ctrl-C or a signal. */
  INTERRUPTED: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** An error that is an answer to the user: its message is printed without a stack. */
export class CliError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CliError';
  }
}

/** What went wrong in one line or more, for people. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(errorMessage).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}
